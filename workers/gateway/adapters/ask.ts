import { platformFault } from '../../../durable-objects/platform-fault.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import { refuse } from '../../../src/contract/outcome.ts';
import { err } from '../../../src/kernel/result.ts';

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

/**
 * The answer of an object of an index; `unavailable` when it cannot be reached or does not answer in time. An error that the object's own
 * code threw is a defect and is rethrown.
 */
export async function ask<T>(otherwise: string, call: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    return await within(call(), LIMITS.indexTimeoutMs);
  } catch (error) {
    const fault = platformFault(error);
    if (fault !== undefined) return err(fault.code === 'unavailable' ? { ...fault, message: otherwise } : fault);
    // Set by the runtime on errors that crossed from the object; those of the way there lack it.
    if (error instanceof Error && 'remote' in error && error.remote === true) throw error;
    return refuse('unavailable', otherwise);
  }
}
