import { LIMITS } from '../contract/limits.ts';
import { refuse } from '../contract/outcome.ts';

/** Refuses an answer whose ids, metadata and texts are more than one answer holds. */
export const replyTooLarge = () =>
  refuse(
    'limit_exceeded',
    `the answer exceeds retrievalReplyBytesMax (${LIMITS.retrievalReplyBytesMax}): ask for fewer vectors or less of each, or list them page by page`,
  );
