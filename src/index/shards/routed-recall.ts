import type { IndexManifest } from '../index-manifest.ts';
import { compareScores } from '../../ann/metric.ts';
import { addCosts, NO_COST } from '../../ann/search-cost.ts';
import type { RecallSlice, SampleRecall, ShardMatches, ShardRecall } from '../../ann/shard-protocol.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { ShardSet } from './index-shards.ts';

/** Vectors of one slice: each is searched for twice, once in all shards. */
const SLICE = 4;

const IDS_ONLY = { values: false, metadata: false, text: false };

/** Searches around vectors as a query would and exactly, over all shards; each is left out of its own answer. */
export async function measureRouted(
  shards: Pick<ShardSet, 'query'>,
  manifest: IndexManifest,
  recall: ShardRecall,
): Promise<Outcome<RecallSlice>> {
  const { indexId, caller, namespace, topK, filter } = recall;
  const ids = recall.ids.slice(0, SLICE);
  const samples: SampleRecall[] = [];
  let [cost, exactCost] = [NO_COST, NO_COST];
  for (const id of ids) {
    const query = {
      indexId,
      caller,
      namespace,
      topK,
      filter,
      target: { kind: 'id', id },
      excludeIds: [id],
      include: IDS_ONLY,
      explain: true,
    } as const;
    const [found, truth] = await Promise.all([shards.query(query), shards.query({ ...query, exact: true })]);
    // Deleted since it was drawn.
    if (!truth.ok && truth.error.code === 'vector_not_found') continue;
    if (!truth.ok) return truth;
    if (!found.ok) return found;
    const nearest = truth.value.scores;
    if (nearest.length === 0) continue;
    samples.push({ id, found: hits(manifest, nearest, found.value), of: nearest.length });
    cost = addCosts(cost, found.value.explanation ?? NO_COST);
    exactCost = addCosts(exactCost, truth.value.explanation ?? NO_COST);
  }
  return ok({ samples, taken: ids.length, cost, exactCost });
}

/** How many of the found are as close as the last of the nearest: of several that tie for the last place, any will do. */
function hits({ metric }: IndexManifest, nearest: readonly number[], { scores }: ShardMatches): number {
  const last = must(nearest.at(-1), 'there is a nearest');
  return scores.filter((score) => compareScores(metric, score, last) <= 0).length;
}
