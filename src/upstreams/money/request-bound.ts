import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import type { Surface } from '../protocol/exchange.ts';
import { SURFACES } from '../protocol/exchange.ts';
import type { JsonObject } from '../protocol/json.ts';
import { isObject } from '../protocol/json.ts';
import type { TargetModel } from '../target.ts';
import { callNanoMax } from './model-price.ts';
import type { PromptSize } from './prompt-size.ts';

/** The most that a request can cost at one model: reserved before anything goes out, and never exceeded by what is settled. */
export interface RequestBound {
  readonly inputTokensMax: number;
  /** Of each answer: the limit that goes to the upstream. Undefined where no answer is generated. */
  readonly answerTokensMax: number | undefined;
  /** Of all answers together. */
  readonly outputTokensMax: number;
  readonly nanoMax: number;
  /** Of the prompt, from its bytes. */
  readonly inputTokensEstimated: number;
  /** Of its images at most, which no text says. */
  readonly imageTokens: number;
}

/** What a request says of its answers. */
export interface AnswerTerms {
  /** The least limit that it gives for an answer; undefined: none. */
  readonly limitTokens: number | undefined;
  readonly answers: number;
  /** Bytes of an expected answer: what of it the model does not use is charged as output. */
  readonly predictedBytes: number;
}

/** Answers to a request at most, as OpenAI's API has it. */
const ANSWERS_MAX = 128;

/** Refuses limits that are none: they would bound nothing. [U72] */
export function answerTermsOf(surface: Surface, body: JsonObject): Outcome<AnswerTerms> {
  const limits = countsAt(body, SURFACES[surface].outputLimits);
  if (!limits.ok) return limits;
  const answers = countsAt(body, ['n', 'best_of']);
  if (!answers.ok) return answers;
  for (const [field, value] of answers.value) {
    if (value > ANSWERS_MAX) return refuseBeyond({ path: field, limit: { bound: ANSWERS_MAX }, value, what: `asks for ${value} answers` });
  }
  const { prediction } = body;
  return ok({
    limitTokens: limits.value.size === 0 ? undefined : Math.min(...limits.value.values()),
    answers: Math.max(1, ...answers.value.values()),
    predictedBytes: isObject(prediction) ? 3 * JSON.stringify(prediction).length : 0,
  });
}

/** The counts that a request gives; null says the same as nothing. */
function countsAt(body: JsonObject, fields: readonly string[]): Outcome<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const field of fields) {
    const value = body[field];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1)
      return refuse('invalid_value', 'must be a whole number from 1', field);
    counts.set(field, value);
  }
  return ok(counts);
}

/**
 * What a request can cost at a model at most: tokens of the prompt are at most its bytes, and what templates add, and at most a context; tokens of
 * the answer are at most the limit that is sent along. Refused where images have no bound. [U70] [U71] [U72]
 */
export function boundOf(model: TargetModel, surface: Surface, prompt: PromptSize, terms: AnswerTerms): Outcome<RequestBound> {
  const { images, contexts } = prompt;
  if (images > 0 && model.imageTokensMax === undefined) {
    return refuse('invalid_value', `nothing bounds the tokens of an image: \`${model.name}\` has no image_tokens_max`, prompt.imageAt);
  }
  const imageTokens = images * (model.imageTokensMax ?? 0);
  const window = contexts * model.contextTokens;
  const read = prompt.bytes + prompt.overheadTokens + imageTokens;
  const inputTokensMax = prompt.isHeldElsewhere ? window : Math.min(window, read);
  const inputTokensEstimated = Math.min(inputTokensMax, Math.ceil(prompt.bytes / model.bytesPerToken) + imageTokens);
  const generates = SURFACES[surface].outputLimits.length > 0;
  const answerTokensMax = generates
    ? Math.min(terms.limitTokens ?? spareTokens(model, inputTokensMax / contexts, inputTokensEstimated / contexts), model.outputTokensMax)
    : undefined;
  const outputTokensMax = (answerTokensMax ?? 0) * terms.answers * contexts + terms.predictedBytes;
  const nanoMax = callNanoMax(model.prices, inputTokensMax, outputTokensMax);
  return ok({ inputTokensMax, answerTokensMax, outputTokensMax, nanoMax, inputTokensEstimated, imageTokens });
}

/**
 * The limit of an answer whose request gives none: what the context surely has left. Of a prompt whose bytes nearly fill the context as tokens,
 * which they seldom are, half of what it has left by estimate, so that upstreams which check the sum do not refuse it. [U73]
 */
function spareTokens({ contextTokens }: TargetModel, inputTokensMax: number, inputTokensEstimated: number): number {
  const sure = contextTokens - inputTokensMax;
  const likely = Math.floor((contextTokens - inputTokensEstimated) / 2);
  return Math.max(1, Math.floor(sure), likely);
}
