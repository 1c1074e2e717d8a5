import type { Outcome } from '../src/contract/outcome.ts';
import { refuse } from '../src/contract/outcome.ts';
import { err } from '../src/kernel/result.ts';
import { platformFault } from './platform-fault.ts';

/** What another object answers; `unavailable` when it cannot be reached. An error that its own code threw is a defect and is thrown on. */
export async function reach<T>(call: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    return await call();
  } catch (error) {
    const fault = platformFault(error);
    if (fault !== undefined) return err(fault);
    // Set by the runtime on errors that crossed from the object; those of the way there lack it.
    if (error instanceof Error && 'remote' in error && error.remote === true) throw error;
    return refuse('unavailable', 'an object of the index cannot be reached: repeat the call');
  }
}
