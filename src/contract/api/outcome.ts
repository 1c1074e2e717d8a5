import type { Result } from '../../kernel/result.ts';
import { err, ok } from '../../kernel/result.ts';
import type { ErrorCode, Refusal, Resource } from './errors.ts';
import { refusal } from './errors.ts';
import type { FieldPath } from './field-path.ts';

/** What a use case or a Durable Object answers: a value, or a refusal from the error catalogue. */
export type Outcome<T> = Result<T, Refusal>;

/** `at`: the path of the field at fault, or the name of one at the top of the request. */
export const refuse = (code: ErrorCode, message: string, at?: FieldPath | string) => err(refusal(code, message, at));

/** Refuses for what a resource is, or that there is none: the refusal has its kind and name as data. [G54] */
export const refuseResource = (code: ErrorCode, resource: Resource, message: string, at?: FieldPath | string) =>
  err({ ...refusal(code, message, at), resource });

/** What all of them answer, or the first refusal: calls that were begun are waited for in any case. */
export async function allOf<T>(calls: readonly Promise<Outcome<T>>[]): Promise<Outcome<T[]>> {
  const values: T[] = [];
  for (const outcome of await Promise.all(calls)) {
    if (!outcome.ok) return outcome;
    values.push(outcome.value);
  }
  return ok(values);
}
