import type { Refusal } from '../../../contract/api/errors.ts';
import { ERRORS } from '../../../contract/api/errors.ts';
import { LIMITS } from '../../../contract/limits.ts';

const FIRST_WAIT_MS = 200;

/** How long to wait before what was refused is tried again; undefined when that would not help. */
export function waitMsOf({ code, retryAfterMs }: Refusal, tries: number): number | undefined {
  if (!ERRORS[code].retryable || tries >= LIMITS.importRetriesMaxCount) return undefined;
  return retryAfterMs ?? FIRST_WAIT_MS * 2 ** tries;
}
