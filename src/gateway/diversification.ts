import type { IndexManifest } from '../index/index-manifest.ts';
import { mmrProducts } from '../ann/mmr.ts';
import type { Diversification } from '../ann/shard-protocol.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Outcome } from '../contract/outcome.ts';
import { refuseBeyond } from '../contract/outcome.ts';
import type { QueryBody } from '../contract/vectors.ts';
import { ok } from '../kernel/result.ts';

const { mmrCandidatesMaxCount: candidatesMax, mmrCandidatesDefaultFactor: factor, mmrProductsMaxCount: productsMax } = LIMITS;

/** How a query is diversified, if it is. Refuses with `limit_exceeded` when choosing would take the shard too long. */
export function diversificationOf(
  { dimensions }: Pick<IndexManifest, 'dimensions'>,
  { mmr, top_k: wanted, offset }: Pick<QueryBody, 'mmr' | 'top_k' | 'offset'>,
): Outcome<Diversification | undefined> {
  if (mmr === undefined) return ok(undefined);
  const topK = wanted + offset;
  const candidates = mmr.candidates_limit ?? Math.max(topK, Math.min(factor * topK, candidatesMax, affordable(topK, dimensions)));
  const products = mmrProducts(candidates, topK, dimensions);
  if (products <= productsMax) return ok({ diversity: mmr.diversity, candidates });
  const what = `choosing ${topK} of ${candidates} candidates of ${dimensions} dimensions takes ${products} multiplications`;
  return refuseBeyond({ path: ['mmr', 'candidates_limit'], limit: 'mmrProductsMaxCount', value: products, what });
}

/** The most candidates for which `mmrProducts` stays within its limit. */
const affordable = (topK: number, dimensions: number): number =>
  topK === 1 ? Infinity : Math.floor(productsMax / dimensions / (topK - 1) + topK / 2);
