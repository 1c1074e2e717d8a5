import type { Plan, TargetModel } from '../target.ts';
import { callNano } from './model-price.ts';
import type { Settlement } from './settlement.ts';

/** What a call would have cost besides, had it been served otherwise; in nano-dollars, by the prices of the moment. */
export interface Savings {
  /** The answer came from the cache, for the same request: what it was charged when an upstream gave it. */
  readonly cacheNano: number;
  /** The same of an answer that was made for another question, less what finding and judging one has cost, also where none was given. */
  readonly reuseNano: number;
  /** A route chose: what the dearest target of the plan would have charged for the same tokens, less what was charged. */
  readonly routeNano: number;
  /** The upstream had tokens of the prompt cached: what they would have cost, less what they did. */
  readonly promptNano: number;
}

/**
 * What a call that an upstream has answered saved. Tokens are taken to be the same at every target, and the cached ones to be cached there, too,
 * so that what is saved by the choice is not counted as saved by the cache of an upstream, nor the other way about. `besidesNano`: what other
 * models were charged for the same call, which makes the choice of a cascade dearer than its teacher alone. [U151]
 */
export function savingsOf({ groups, route }: Plan, model: Pick<TargetModel, 'prices'>, settled: Settlement, besidesNano = 0): Savings {
  const { nano, inputTokens, cachedTokens } = settled;
  const dearest = Math.max(nano, ...groups.flat().map((target) => callNano(target.model.prices, settled)));
  const uncached = callNano(model.prices, { ...settled, inputTokens: inputTokens + cachedTokens, cachedTokens: 0 });
  return { cacheNano: 0, reuseNano: 0, routeNano: route === undefined ? 0 : dearest - nano - besidesNano, promptNano: uncached - nano };
}

/** What an answer of the cache saved: what it was charged when it was made. */
export const savedByCache = (nano: number, isExact: boolean): Savings => ({
  cacheNano: isExact ? nano : 0,
  reuseNano: isExact ? 0 : nano,
  routeNano: 0,
  promptNano: 0,
});
