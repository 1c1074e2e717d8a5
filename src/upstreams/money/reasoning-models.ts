import type { TargetModel } from '../target.ts';

/** OpenAI's models that reason: `o1`, `o3-mini`, `gpt-5` and later ones, behind any prefix of a router. */
const REASONING = /(?:^|\/)(?:o\d|gpt-(?:[5-9]|\d\d))/;

/**
 * Whether a model reasons. It takes its limit in one field, which depends on its server: `max_completion_tokens` at OpenAI, elsewhere that or `max_tokens`. So
 * where the caller gives no limit, none is added for other servers, and the bound is what the model can answer at most. [U270]
 */
export const isReasoningModel = ({ upstreamName }: TargetModel): boolean => REASONING.test(upstreamName);
