import type { Refusal } from '../../../contract/api/errors.ts';
import { ERRORS } from '../../../contract/api/errors.ts';
import { VECTOR_LIMITS } from '../../../contract/vectors/vector-limits.ts';

const FIRST_WAIT_MS = 200;

/** How long to wait before what was refused is tried again; undefined when that would not help. */
export function waitMsOf({ code, retryAfterMs }: Refusal, tries: number): number | undefined {
  if (!ERRORS[code].retryable || tries >= VECTOR_LIMITS.importRetriesMaxCount) return undefined;
  return retryAfterMs ?? FIRST_WAIT_MS * 2 ** tries;
}
