import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import type { Surface } from '../protocol/surfaces.ts';
import { SURFACES } from '../protocol/surfaces.ts';
import type { JsonObject } from '../protocol/json.ts';
import { isObject } from '../protocol/json.ts';
import type { TargetModel } from '../target.ts';
import { attachmentBoundsOf } from './attachment-bounds.ts';
import type { MediaCounts } from './model-price.ts';
import { callNanoMax } from './model-price.ts';
import { isReasoningModel } from './reasoning-models.ts';
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
  /** Of an answer that is no text; absent: its tokens are counted. */
  readonly outputTokensEstimated?: number;
  /** Of what is attached at most, which no text says. */
  readonly attachedTokens: number;
  /** What has a price of its own, at most. */
  readonly media: MediaCounts;
  /** Of that, what is charged unless the answer reports it. */
  readonly unreported: MediaCounts;
  /** Its owner pays for what is reported beyond. [U261] */
  readonly isOpen: boolean;
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
 * What a request can cost at a model at most: tokens of the prompt are at most its bytes, what templates add and what is attached, and at most a context;
 * with searches of the web the prompt is read again for each, with what those before have found. Tokens of the answer are at most the limit that is sent
 * along. Refused where the request has what nothing bounds, unless the owner of the model pays for it. [U70] [U71] [U72] [U260] [U261]
 */
export function boundOf(model: TargetModel, surface: Surface, prompt: PromptSize, terms: AnswerTerms): Outcome<RequestBound> {
  const { contexts } = prompt;
  if (prompt.unbounded !== undefined && model.unbounded !== 'settle') return prompt.unbounded;
  const bounds = attachmentBoundsOf(model);
  if (prompt.images > 0 && bounds.imageTokensMax === 0)
    return refuse('invalid_value', `takes no images: its image_tokens_max is 0`, 'model');
  const imageTokens = prompt.images * bounds.imageTokensMax;
  const audioTokens = Math.ceil((prompt.audioMs / 1_000) * bounds.audioTokensPerSecond);
  const attachedTokens = imageTokens + audioTokens + prompt.pages * bounds.pageTokensMax;
  const webSearches = prompt.webSearches + prompt.webSearchTools * bounds.webSearchesMax;
  const window = contexts * model.contextTokens;
  const read = prompt.bytes + prompt.overheadTokens + attachedTokens;
  const once = prompt.isHeldElsewhere || prompt.unbounded !== undefined ? window : Math.min(window, read);
  const searched = (once + (webSearches * bounds.webSearchTokensMax) / 2) * (webSearches + 1);
  const inputTokensMax = Math.min(window * (webSearches + 1), Math.ceil(searched));
  const inputTokensEstimated = Math.min(once, Math.ceil(prompt.bytes / model.bytesPerToken) + attachedTokens);
  const generates = SURFACES[surface].outputLimits.length > 0;
  const answerTokensMax = generates
    ? Math.min(terms.limitTokens ?? unlimitedTokens(model, once / contexts, inputTokensEstimated / contexts), model.outputTokensMax)
    : undefined;
  const outputTokensMax = (answerTokensMax ?? 0) * terms.answers * contexts + terms.predictedBytes;
  const media = present({
    audioInputTokens: Math.min(audioTokens, inputTokensMax) * (webSearches + 1),
    imageInputTokens: imageTokens * (webSearches + 1),
    audioOutputTokens: prompt.makesAudio ? outputTokensMax : 0,
    webSearches,
  });
  const nanoMax = callNanoMax(model.prices, inputTokensMax, outputTokensMax, media);
  const tokens = { inputTokensMax, answerTokensMax, outputTokensMax, inputTokensEstimated, attachedTokens };
  // Of a chat nothing reports its search, and the request alone says that there is one.
  const unreported = surface === 'chat' ? present({ webSearches }) : {};
  return ok({ ...tokens, nanoMax, media, unreported, isOpen: prompt.unbounded !== undefined });
}

const present = (counts: Readonly<Record<string, number>>): MediaCounts =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));

/** Of an answer whose request gives no limit: all that the model can answer, where none is sent along. [U270] */
const unlimitedTokens = (model: TargetModel, inputTokensMax: number, inputTokensEstimated: number): number =>
  isReasoningModel(model) ? model.outputTokensMax : spareTokens(model, inputTokensMax, inputTokensEstimated);

/**
 * The limit of an answer whose request gives none: what the context surely has left. Of a prompt whose bytes nearly fill the context as tokens,
 * which they seldom are, half of what it has left by estimate, so that upstreams which check the sum do not refuse it. [U73]
 */
function spareTokens({ contextTokens }: TargetModel, inputTokensMax: number, inputTokensEstimated: number): number {
  const sure = contextTokens - inputTokensMax;
  const likely = Math.floor((contextTokens - inputTokensEstimated) / 2);
  return Math.max(1, Math.floor(sure), likely);
}
