import { reach } from '../../../../durable-objects/platform-fault.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';

/** The outcome of `work`, or a rejection once `limitMs` have passed: an object that hangs counts as unreachable. */
export async function within<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer ?? null);
  }
}

/** The outcome of a call; `unavailable`, in the words of `otherwise`, when it fails or takes longer than `limitMs`. */
export async function answered<T>(call: () => Promise<Outcome<T>>, limitMs: number, otherwise: string): Promise<Outcome<T>> {
  try {
    return await within(call(), limitMs);
  } catch {
    return refuse('unavailable', otherwise);
  }
}

/** As `reach`, where an object of an index that does not answer in time counts as unreachable. */
export const ask = <T>(otherwise: string, call: () => Promise<Outcome<T>>): Promise<Outcome<T>> =>
  reach(() => within(call(), INDEX_LIMITS.indexTimeoutMs), otherwise);
