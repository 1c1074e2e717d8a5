import { assert } from '../../kernel/assert.ts';
import type { ModelPrices } from '../target.ts';

/** Tokens of one call, by what they cost. */
export interface TokenCounts {
  /** Without those that the upstream had cached. */
  readonly inputTokens: number;
  readonly cachedTokens: number;
  /** Of the input tokens, without the cached ones, those that the upstream has put into its cache; absent: none. */
  readonly writtenTokens?: number;
  readonly outputTokens: number;
  /** Absent: nothing but tokens of texts. */
  readonly media?: MediaCounts;
}

/** What of a call has a price of its own; each absent: none. */
export interface MediaCounts {
  /** Of the input tokens, without the cached ones. */
  readonly audioInputTokens?: number;
  readonly imageInputTokens?: number;
  /** Of the output tokens. */
  readonly audioOutputTokens?: number;
  readonly imageOutputTokens?: number;
  /** That are spoken. */
  readonly characters?: number;
  /** Of sound that is transcribed. */
  readonly audioMs?: number;
  /** That are made, all of one quality and size. */
  readonly images?: number;
  readonly quality?: string | undefined;
  readonly size?: string | undefined;
  readonly webSearches?: number;
}

const PER_MILLION = 1_000_000n;

/** Of a search where its model has no price for one: 10 USD for a thousand, as OpenAI and Anthropic ask for their usual ones. */
export const WEB_SEARCH_NANO = 10_000_000;

/**
 * What a call costs in nano-dollars by the prices of a model, rounded up once. Exact for all integers; more tokens never cost less, so the cost
 * of what a call may use at most covers the cost of what it uses. [U74]
 */
export function callNano(
  prices: ModelPrices,
  { inputTokens, cachedTokens, writtenTokens = 0, outputTokens, media = {} }: TokenCounts,
): number {
  const { inputNano, outputNano } = prices;
  const { audioInputTokens, imageInputTokens, audioOutputTokens, imageOutputTokens } = media;
  const millionths =
    partedMillionths(inputTokens - writtenTokens, inputNano, [
      [audioInputTokens, prices.audioInputNano],
      [imageInputTokens, prices.imageInputNano],
    ]) +
    times(writtenTokens, prices.cacheWriteNano ?? inputNano) +
    times(cachedTokens, prices.cachedInputNano ?? inputNano) +
    partedMillionths(outputTokens, outputNano, [
      [audioOutputTokens, prices.audioOutputNano],
      [imageOutputTokens, prices.imageOutputNano],
    ]) +
    times(media.characters ?? 0, prices.charactersNano ?? 0) +
    // A minute has 60,000 ms: a millionth of it is 3/50 ms.
    (times(media.audioMs ?? 0, prices.audioMinuteNano ?? 0) * 50n + 2n) / 3n;
  const units = (media.images ?? 0) * imageNano(prices, media) + (media.webSearches ?? 0) * (prices.webSearchNano ?? WEB_SEARCH_NANO);
  const nano = Number((millionths + PER_MILLION - 1n) / PER_MILLION) + prices.requestNano + units;
  assert(Number.isSafeInteger(nano), 'the limits of prices and tokens keep a cost exact');
  return nano;
}

const times = (count: number, nano: number): bigint => BigInt(count) * BigInt(nano);

type TokenPart = readonly [tokens: number | undefined, nano: number | undefined];

/** Of tokens, parts of which may have prices of their own: no more of them than there are. */
function partedMillionths(tokens: number, nano: number, parts: readonly TokenPart[]): bigint {
  let rest = tokens;
  let sum = 0n;
  for (const [count = 0, own = nano] of parts) {
    const part = Math.min(count, rest);
    rest -= part;
    sum += times(part, own);
  }
  return sum + times(rest, nano);
}

/**
 * Of one image. A request that leaves its quality or size to the upstream (`auto`, or nothing) costs the most of what fits, since an answer
 * need not say what was chosen. [U266]
 */
function imageNano({ imagesNano }: ModelPrices, { quality = 'auto', size = 'auto' }: MediaCounts): number {
  if (imagesNano === undefined) return 0;
  for (const key of [`${quality} ${size}`, size, quality]) if (Object.hasOwn(imagesNano, key)) return imagesNano[key] ?? 0;
  const fits = (key: string): boolean =>
    key !== 'any' && (quality === 'auto' || key.split(' ').includes(quality)) && (size === 'auto' || key.split(' ').includes(size));
  const fitting = Object.entries(imagesNano).filter(([key]) => fits(key));
  if (fitting.length > 0) return Math.max(...fitting.map(([, nano]) => nano));
  return imagesNano['any'] ?? Math.max(0, ...Object.values(imagesNano));
}

/**
 * The cost of so many tokens at most, whichever part of the input turns out to be cached, or to be put into a cache, and of the output to be sound or
 * images, where `media` has any.
 */
export function callNanoMax(prices: ModelPrices, inputTokensMax: number, outputTokensMax: number, media: MediaCounts = {}): number {
  const { inputNano, cachedInputNano = inputNano, cacheWriteNano = inputNano, outputNano } = prices;
  const text = Math.max(inputNano, cachedInputNano, cacheWriteNano);
  const dearest = {
    ...prices,
    inputNano: text,
    audioInputNano: Math.max(text, prices.audioInputNano ?? 0),
    imageInputNano: Math.max(text, prices.imageInputNano ?? 0),
    audioOutputNano: Math.max(outputNano, prices.audioOutputNano ?? 0),
    imageOutputNano: Math.max(outputNano, prices.imageOutputNano ?? 0),
  };
  return callNano(dearest, { inputTokens: inputTokensMax, cachedTokens: 0, outputTokens: outputTokensMax, media });
}
