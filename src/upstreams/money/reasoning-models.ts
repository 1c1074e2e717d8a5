import type { TargetModel } from '../target.ts';

/** OpenAI's models that reason: `o1`, `o3-mini`, `gpt-5` and later ones, behind any prefix of a router. */
const REASONING = /(?:^|\/)(?:o\d|gpt-(?:[5-9]|\d\d))/;

/**
 * Whether a model takes its limit in one field only, and which depends on its server: at OpenAI `max_completion_tokens`, elsewhere either. Where the caller
 * gives none none is added there, and the bound is what the model can answer at most. [U270]
 */
export const isReasoningModel = ({ upstreamName }: TargetModel): boolean => REASONING.test(upstreamName);
