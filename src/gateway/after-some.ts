import type { Refusal } from '../contract/errors.ts';
import { withDetail } from '../contract/errors.ts';

/** What a call that is done in slices is refused with, once some of its vectors were written, or deleted. */
export const afterSome = (error: Refusal, applied: number, done: 'written' | 'deleted' = 'written'): Refusal =>
  applied === 0 ? error : { ...withDetail(error, `the first ${applied} vectors were ${done}`), applied };
