import type { Outcome } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';

/** What all of them answer, or the first refusal: calls that were begun are waited for in any case. */
export async function allOf<T>(calls: readonly Promise<Outcome<T>>[]): Promise<Outcome<T[]>> {
  const values: T[] = [];
  for (const outcome of await Promise.all(calls)) {
    if (!outcome.ok) return outcome;
    values.push(outcome.value);
  }
  return ok(values);
}
