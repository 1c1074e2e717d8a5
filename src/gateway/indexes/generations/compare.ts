import { followerWith } from '../../../ann/access-mode.ts';
import type { Comparison } from '../../../index/generations/generation-state.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import { VECTOR_LIMITS } from '../../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { ok } from '../../../kernel/result.ts';
import type { IndexShards } from '../../../index/shards/index-shards.ts';

const TOP_K = 10;
/** Namespaces that are sampled, at most. */
const NAMESPACES = 8;
const NOTHING_INCLUDED = { values: false, metadata: false, text: false };

/** Searches around the same stored vectors in both generations, each by its own vector of them. */
export async function compare(
  shards: IndexShards,
  serving: IndexManifest,
  other: IndexManifest,
  run: number,
): Promise<Outcome<Comparison>> {
  const page = await shards.of(serving).read('namespaces', { indexId: serving.id, after: null, limit: NAMESPACES });
  if (!page.ok) return page;
  const { names } = page.value;
  let [samples, overlap, ndcg] = [0, 0, 0];
  for (const namespace of names) {
    const count = Math.ceil(VECTOR_LIMITS.generationSamplesCount / names.length);
    const drawn = await shards.of(serving).read('sample', { indexId: serving.id, namespace, count, seed: run });
    if (!drawn.ok) return drawn;
    for (const id of drawn.value.ids) {
      const query = {
        target: { kind: 'id', id },
        namespace,
        topK: TOP_K,
        filter: null,
        excludeIds: [id],
        include: NOTHING_INCLUDED,
      } as const;
      const [mine, its] = await Promise.all([
        shards.of(serving).query({ ...query, indexId: serving.id }),
        shards.of(other).query({ ...query, indexId: other.id, caller: followerWith(run) }),
      ]);
      // Deleted meanwhile, or without a text to carry over.
      if (!mine.ok || !its.ok) {
        const refused = [mine, its].find((answer) => !answer.ok && answer.error.code !== 'vector_not_found');
        if (refused?.ok === false) return refused;
        continue;
      }
      if (mine.value.ids.length === 0) continue;
      samples += 1;
      overlap += overlapOf(mine.value.ids, its.value.ids);
      ndcg += ndcgOf(mine.value.ids, its.value.ids);
    }
  }
  return ok({ samples, overlapAt10: samples === 0 ? 1 : overlap / samples, ndcgAt10: samples === 0 ? 1 : ndcg / samples });
}

/** The share of the first list that is in the second. */
export const overlapOf = (first: readonly string[], second: readonly string[]): number =>
  first.filter((id) => second.includes(id)).length / first.length;

/** Normalised discounted cumulative gain of the second list, an item being worth the more the earlier it comes in the first. */
export function ndcgOf(first: readonly string[], second: readonly string[]): number {
  const worth = (id: string): number => (first.includes(id) ? first.length - first.indexOf(id) : 0);
  const gain = (list: readonly string[]): number => list.reduce((sum, id, rank) => sum + worth(id) / Math.log2(rank + 2), 0);
  return gain(second.slice(0, first.length)) / gain(first);
}
