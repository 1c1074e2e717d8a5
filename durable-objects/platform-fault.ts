import type { Refusal } from '../src/contract/api/errors.ts';
import { refusal } from '../src/contract/api/errors.ts';
import { API_LIMITS } from '../src/contract/api/api-limits.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import { refuse } from '../src/contract/api/outcome.ts';
import { err } from '../src/kernel/result.ts';

/** The messages of SQLite, the file system and R2 when there is no room left. */
const FULL = /SQLITE_FULL|ENOSPC|no space left/i;

/** Their messages when they cannot read or write: the codes of SQLite, and the runtime's text for faults without an explanation. */
const BROKEN =
  /SQLITE_(?:CORRUPT|NOTADB|IOERR|CANTOPEN|READONLY|NOLFS|PROTOCOL)|^internal error; reference = |^(?:put|get|head|list|delete): .*\(\d+\)$|^Network connection lost/;

/**
 * What to answer to an error of the platform below an object or a bucket, rather than of our own code: undefined for the latter, which is
 * a defect. Nothing of what the call was to write is there: SQLite rolls back, and workerd resets the object.
 *
 * By the platform's messages, since all other marks are lost on the way through RPC.
 */
export function platformFault(error: unknown): Refusal | undefined {
  if (!(error instanceof Error)) return undefined;
  if (FULL.test(error.message)) {
    const message = 'the storage is full: nothing was written; make room, then repeat the call';
    return { ...refusal('storage_full', message), retryAfterMs: API_LIMITS.storageRetryMs };
  }
  const isReset = 'durableObjectReset' in error && error.durableObjectReset === true;
  if (!isReset && !BROKEN.test(error.message)) return undefined;
  return refusal('unavailable', 'the storage of an object cannot be read or written: repeat the call');
}

/**
 * What another object answers; `unavailable`, in the words of `otherwise` if there are any, when it cannot be reached. An error that its own
 * code threw is a defect and is thrown on.
 */
export async function reach<T>(call: () => Promise<Outcome<T>>, otherwise?: string): Promise<Outcome<T>> {
  try {
    return await call();
  } catch (error) {
    const fault = platformFault(error);
    if (fault !== undefined) return err(otherwise !== undefined && fault.code === 'unavailable' ? { ...fault, message: otherwise } : fault);
    // Set by the runtime on errors that crossed from the object; those of the way there lack it.
    if (error instanceof Error && 'remote' in error && error.remote === true) throw error;
    return refuse('unavailable', otherwise ?? 'an object of the index cannot be reached: repeat the call');
  }
}
