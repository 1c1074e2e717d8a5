import type { MediaCounts } from '../money/model-price.ts';
import type { JsonObject } from '../protocol/json.ts';
import { countAt, isObject, objectAt, textAt } from '../protocol/json.ts';
import type { Usage } from '../protocol/usage.ts';

/** The tokens that an answer of images or sound reports, whole or in its last event. Undefined: it says nothing of tokens. */
export function mediaUsage(answer: JsonObject): Usage | undefined {
  const { usage } = answer;
  const inputTokens = countAt(usage, 'input_tokens') ?? countAt(usage, 'prompt_tokens');
  if (inputTokens === undefined) return undefined;
  const outputTokens = countAt(usage, 'output_tokens') ?? countAt(usage, 'completion_tokens') ?? 0;
  const read = firstOf(usage, 'input_tokens_details', 'input_token_details');
  const made = objectAt(usage, 'output_tokens_details');
  const type = textAt(answer, 'type') ?? '';
  // What makes images or sound says seldom that its tokens are those.
  const [isImages, isSpeech] = [Array.isArray(answer['data']) || type.startsWith('image_'), type.startsWith('speech.')];
  const counts = {
    audioInputTokens: countAt(read, 'audio_tokens') ?? 0,
    imageInputTokens: countAt(read, 'image_tokens') ?? 0,
    audioOutputTokens: isSpeech ? outputTokens : 0,
    imageOutputTokens: isImages ? (countAt(made, 'image_tokens') ?? outputTokens - (countAt(made, 'text_tokens') ?? 0)) : 0,
  };
  const media = Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
  const tokens = {
    inputTokens,
    cachedTokens: Math.min(countAt(read, 'cached_tokens') ?? 0, inputTokens),
    outputTokens,
    reasoningTokens: 0,
  };
  return Object.keys(media).length === 0 ? tokens : { ...tokens, media };
}

/** What an answer says of images and of sound, whether it reports tokens or not. */
export function mediaUnits(answer: JsonObject): MediaCounts {
  const { data, usage, duration } = answer;
  const seconds = isObject(usage) ? usage['seconds'] : undefined;
  const length = [seconds, typeof duration === 'string' ? Number(duration) : duration].find(isLength);
  return {
    ...(Array.isArray(data) ? { images: data.length } : {}),
    ...(length === undefined ? {} : { audioMs: Math.ceil(length * 1_000) }),
  };
}

/** A day: no server takes a longer sound. */
const SECONDS_MAX = 86_400;
const isLength = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= SECONDS_MAX;

const TIMESTAMP = /(?:(\d{1,3}):)?(\d{2}):(\d{2})[.,](\d{3})\s*$/;

/** The same of subtitles (SRT, WebVTT), whose last line of times says how long the sound is at least. */
export function subtitleUnits(text: string): MediaCounts {
  const last = text.lastIndexOf('-->');
  const line = last === -1 ? '' : (text.slice(last, last + 64).split('\n', 1)[0] ?? '');
  const [, hours = '0', minutes, seconds, ms] = TIMESTAMP.exec(line.trimEnd()) ?? [];
  if (minutes === undefined) return {};
  return { audioMs: ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000 + Number(ms) };
}

const firstOf = (usage: unknown, ...names: readonly string[]): JsonObject =>
  names.map((name) => objectAt(usage, name)).find((found) => Object.keys(found).length > 0) ?? {};

/** Whether an event says the last of an answer: an image, a transcript or a speech is done. */
export const isLastEvent = (type: string): boolean => /^(?:image_\w+\.completed|transcript\.text\.done|speech\.audio\.done)$/.test(type);
