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
}

const PER_MILLION = 1_000_000n;

/**
 * What a call costs in nano-dollars by the prices of a model, rounded up once. Exact for all integers; more tokens never cost less, so the cost
 * of what a call may use at most covers the cost of what it uses. [U74]
 */
export function callNano(prices: ModelPrices, { inputTokens, cachedTokens, writtenTokens = 0, outputTokens }: TokenCounts): number {
  const millionths =
    BigInt(inputTokens - writtenTokens) * BigInt(prices.inputNano) +
    BigInt(writtenTokens) * BigInt(prices.cacheWriteNano ?? prices.inputNano) +
    BigInt(cachedTokens) * BigInt(prices.cachedInputNano ?? prices.inputNano) +
    BigInt(outputTokens) * BigInt(prices.outputNano);
  const nano = Number((millionths + PER_MILLION - 1n) / PER_MILLION) + prices.requestNano;
  assert(Number.isSafeInteger(nano), 'the limits of prices and tokens keep a cost exact');
  return nano;
}

/** The cost of so many tokens at most, whichever part of the input turns out to be cached, or to be put into a cache. */
export function callNanoMax(prices: ModelPrices, inputTokensMax: number, outputTokensMax: number): number {
  const { inputNano, cachedInputNano = inputNano, cacheWriteNano = inputNano } = prices;
  const dearest = { ...prices, inputNano: Math.max(inputNano, cachedInputNano, cacheWriteNano) };
  return callNano(dearest, { inputTokens: inputTokensMax, cachedTokens: 0, outputTokens: outputTokensMax });
}
