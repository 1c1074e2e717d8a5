import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { ok } from '../../kernel/result.ts';
import { attachmentBoundsOf } from '../money/attachment-bounds.ts';
import type { MediaCounts } from '../money/model-price.ts';
import { callNanoMax } from '../money/model-price.ts';
import type { RequestBound } from '../money/request-bound.ts';
import type { JsonObject } from '../protocol/json.ts';
import { textAt } from '../protocol/json.ts';
import type { MediaSurface } from '../protocol/surfaces.ts';
import type { TargetModel } from '../target.ts';
import type { CallForm } from './form-body.ts';
import { soundMsLikely, soundMsMax } from './sound-length.ts';

/** How an answer comes: as one JSON object, as events, or as what its caller has asked for, of which only the length is known. */
export type AnswerForm = 'json' | 'events' | 'text' | 'bytes';

/** A call as it is bounded. */
export interface MediaRequest {
  readonly body: JsonObject;
  readonly form?: CallForm | undefined;
}

/** What a call reads and makes at most, and what is taken of it where the answer does not say. */
interface MediaUse {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly media: MediaCounts;
  readonly likely: { readonly inputTokens: number; readonly outputTokens: number; readonly media: MediaCounts };
}

/** All that is particular to one kind of call. */
interface MediaKind {
  /** Below the base URL. */
  readonly path: string;
  answerForm(body: JsonObject): AnswerForm;
  use(model: TargetModel, request: MediaRequest): Outcome<MediaUse>;
}

/** What models add to a request. */
const OVERHEAD_TOKENS = 128;
/** Of an image of the highest quality and 1024x1536 pixels (OpenAI, "Image generation", cost and latency), where its model states no `output_tokens_max`. */
const IMAGE_TOKENS = 6_240;
/** Of an image that is shown before it is done (the same). */
const PARTIAL_IMAGE_TOKENS = 100;
const IMAGES_MAX = 10;
const PARTIAL_IMAGES_MAX = 3;
/** Of a GIF, and where a request does not say. */
const [FRAMES_MAX, FRAMES] = [16, 9];
/** A minute of speech has 1,250 tokens of sound and some 850 characters; slow speech four times as many. */
const [SPOKEN_TOKENS_LIKELY, SPOKEN_TOKENS_MAX] = [1.5, 6];
/** Of a second that is transcribed: the fastest speech has ten words. */
const SAID_TOKENS_PER_SECOND = 32;

const stream = (otherwise: AnswerForm) => (body: JsonObject) => (body['stream'] === true ? 'events' : otherwise);
const transcript = ({ stream: streams, response_format: format }: JsonObject): AnswerForm =>
  streams === true ? 'events' : ['text', 'srt', 'vtt'].includes(String(format)) ? 'text' : 'json';

/** Each kind of call, once: where it goes, how its answer comes and what it can use. [U265] [U266] [U267] [U268] */
export const MEDIA_KINDS: Readonly<Record<MediaSurface, MediaKind>> = {
  images: { path: '/images/generations', answerForm: stream('json'), use: imagesMade },
  image_edits: { path: '/images/edits', answerForm: stream('json'), use: imagesMade },
  image_variations: { path: '/images/variations', answerForm: () => 'json', use: imagesMade },
  speech: { path: '/audio/speech', answerForm: (body) => (body['stream_format'] === 'sse' ? 'events' : 'bytes'), use: speechMade },
  transcriptions: { path: '/audio/transcriptions', answerForm: transcript, use: soundRead },
  translations: { path: '/audio/translations', answerForm: transcript, use: soundRead },
};

export const isMedia = (surface: string): surface is MediaSurface => Object.hasOwn(MEDIA_KINDS, surface);

/** The most that a call can cost at a model: see `boundOf`. */
export function mediaBoundOf(model: TargetModel, surface: MediaSurface, request: MediaRequest): Outcome<RequestBound> {
  const used = MEDIA_KINDS[surface].use(model, request);
  if (!used.ok) return used;
  const { media, likely, ...max } = used.value;
  const inputTokensMax = Math.min(model.contextTokens, max.inputTokens);
  const { outputTokens: outputTokensMax } = max;
  return ok({
    inputTokensMax,
    answerTokensMax: undefined,
    outputTokensMax,
    nanoMax: callNanoMax(model.prices, inputTokensMax, outputTokensMax, media),
    inputTokensEstimated: Math.min(inputTokensMax, Math.ceil(likely.inputTokens)),
    outputTokensEstimated: Math.min(outputTokensMax, Math.ceil(likely.outputTokens)),
    attachedTokens: 0,
    media,
    unreported: likely.media,
    isOpen: false,
  });
}

function imagesMade(model: TargetModel, { body, form }: MediaRequest): Outcome<MediaUse> {
  const images = countIn(body, 'n', 1, IMAGES_MAX);
  if (!images.ok) return images;
  const partial = countIn(body, 'partial_images', 0, PARTIAL_IMAGES_MAX);
  if (!partial.ok) return partial;
  const read = (form?.files.length ?? 0) * attachmentBoundsOf(model).imageTokensMax;
  const textBytes = bytesOf(body) + OVERHEAD_TOKENS;
  const each = (model.outputTokensMax < model.contextTokens ? model.outputTokensMax : IMAGE_TOKENS) + partial.value * PARTIAL_IMAGE_TOKENS;
  const frames = countIn(body, 'frame_count', 1, FRAMES_MAX);
  if (!frames.ok) return frames;
  const outputTokens = images.value * each * (body['output_format'] === 'gif' ? (frames.value === 1 ? FRAMES : frames.value) : 1);
  const made = { images: images.value, quality: textAt(body, 'quality'), size: textAt(body, 'size') };
  const tokens = { ...(read === 0 ? {} : { imageInputTokens: read }), imageOutputTokens: outputTokens };
  return ok({
    inputTokens: textBytes + read,
    outputTokens,
    media: { ...made, ...tokens },
    likely: {
      inputTokens: textBytes / model.bytesPerToken + read,
      // One that is paid by the image has no tokens to be paid.
      outputTokens: model.prices.imagesNano === undefined ? outputTokens : 0,
      media: made,
    },
  });
}

function speechMade(model: TargetModel, { body }: MediaRequest): Outcome<MediaUse> {
  const input = textAt(body, 'input') ?? '';
  let characters = 0;
  for (const _ of input) characters += 1;
  const outputTokens = Math.min(model.outputTokensMax, Math.ceil(characters * SPOKEN_TOKENS_MAX) + OVERHEAD_TOKENS);
  const textBytes = bytesOf(body) + OVERHEAD_TOKENS;
  return ok({
    inputTokens: textBytes,
    outputTokens,
    media: { characters, audioOutputTokens: outputTokens },
    likely: {
      inputTokens: textBytes / model.bytesPerToken,
      outputTokens: characters * SPOKEN_TOKENS_LIKELY,
      media: { characters },
    },
  });
}

function soundRead(model: TargetModel, { body, form }: MediaRequest): Outcome<MediaUse> {
  const sound = form?.files.find(({ field }) => field === 'file');
  if (sound === undefined) return refuse('invalid_value', 'is missing: the sound that is read', 'file');
  const audioMs = soundMsMax(sound.bytes, sound.bytes.length);
  const likelyMs = soundMsLikely(sound.bytes, sound.bytes.length);
  const tokensIn = (ms: number): number => Math.ceil((ms / 1_000) * attachmentBoundsOf(model).audioTokensPerSecond);
  const textBytes = bytesOf(body) + OVERHEAD_TOKENS;
  return ok({
    inputTokens: textBytes + tokensIn(audioMs),
    outputTokens: Math.min(model.outputTokensMax, Math.ceil((audioMs / 1_000) * SAID_TOKENS_PER_SECOND) + OVERHEAD_TOKENS),
    media: { audioMs, audioInputTokens: tokensIn(audioMs) },
    likely: {
      inputTokens: textBytes / model.bytesPerToken + tokensIn(likelyMs),
      outputTokens: 0,
      media: { audioMs: likelyMs },
    },
  });
}

const bytesOf = (body: JsonObject): number => utf8(JSON.stringify(body)).length;

/** A count that the request gives; its least where it gives none. */
function countIn(body: JsonObject, field: string, least: number, most: number): Outcome<number> {
  const value = body[field];
  if (value === undefined || value === null) return ok(least);
  const path: FieldPath = [field];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return ok(value);
  return refuse('invalid_value', `must be a whole number from ${least} to ${most}`, path);
}
