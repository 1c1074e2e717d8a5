import type { SearchDepth } from '../engine/list-settings.ts';
import type { ResidentGeneration } from '../engine/resident-generation.ts';
import { Rescoring } from '../engine/rescoring.ts';
import { subspaceCount } from '../lists/list-model.ts';
import type { ListCost } from '../lists/posting-lists.ts';
import type { VectorMatch } from '../vector-engine.ts';
import type { PlacedVector } from '../vector-store.ts';
import { inSlices } from './slices.ts';
import type { MaintainedShard } from './maintained-shard.ts';

// Another one than that of trainings, whose sample is what lists fit best.
const SEED = 2;
// What the searches of one slice take, about; and what comes to what a search costs, for it and for each candidate that it proposes.
const SLICE_NS = 4_000_000;
const QUERY_NS = 8_000;
const CANDIDATE_NS = 250;

/** A stored vector as a query, with the vectors that are closest to it, itself left out: the closest first. */
export interface TrialQuery extends PlacedVector {
  readonly closest: readonly VectorMatch[];
}

/** Some vectors of the lists and the `topK` entries that exact search finds for each. */
export function* trialQueries(
  { store, lists, identity }: MaintainedShard,
  generationId: number,
  count: number,
  topK: number,
): Generator<undefined, TrialQuery[]> {
  const queries: TrialQuery[] = [];
  for (const row of store.sampleRows(count, SEED)) {
    yield;
    const [vector] = store.readRows([row], identity);
    if (vector === undefined) continue;
    const query = { ...vector, topK: topK + 1 };
    const rescoring = new Rescoring(identity.metric, query, store.read(identity));
    const { candidates } = lists.exactly(lists.generation(generationId), query);
    // Where very many tie, as around zeros, all of them are read.
    for (const slice of inSlices(candidates, identity.dimensions)) {
      const { rowCount } = rescoring;
      rescoring.push(slice);
      if (rescoring.rowCount === rowCount) break;
      yield;
    }
    const others = rescoring.matches().filter((match) => match.row !== row);
    queries.push({ ...vector, closest: others.slice(0, topK) });
  }
  return queries;
}

/** What share of the closest `topK` a search of this depth proposes, and what it costs. */
export function* trial(
  { lists }: MaintainedShard,
  generationId: number,
  queries: readonly TrialQuery[],
  depth: SearchDepth,
  topK: number,
): Generator<undefined, { recall: number; cost: number }> {
  let [hits, wanted, cost, sliceNs] = [0, 0, 0, 0];
  yield;
  for (const query of queries) {
    if (sliceNs > SLICE_NS) {
      sliceNs = 0;
      yield;
    }
    const generation = lists.generation(generationId);
    const found = lists.nearby(generation, depth, { ...query, topK: topK + 1 });
    const proposed = new Set(found.candidates.map(({ row }) => row));
    const last = Math.min(topK, query.closest.length);
    const searchNs = costOf(generation, found.cost);
    cost += searchNs;
    sliceNs += searchNs + QUERY_NS + CANDIDATE_NS * found.candidates.length;
    const closest = asCloseAs(query.closest, last);
    // Where all that is known beyond them ties, others may, too, and are as good.
    if (closest.length > last && closest.length === query.closest.length) continue;
    hits += Math.min(last, closest.filter(({ row }) => proposed.has(row)).length);
    wanted += last;
  }
  return { recall: wanted === 0 ? 1 : hits / wanted, cost };
}

/** The first `count`, and those that tie with the last of them: any of them will do. */
function asCloseAs(closest: readonly VectorMatch[], count: number): readonly VectorMatch[] {
  const score = closest[count - 1]?.score;
  const end = closest.findIndex((match, i) => i >= count && match.score !== score);
  return end === -1 ? closest : closest.slice(0, end);
}

/** In nanoseconds, about: what counts is how the parts compare. */
const costOf = ({ model }: ResidentGeneration, { listsProbed, codesScanned, rescored }: ListCost): number =>
  20 * listsProbed + 0.02 * subspaceCount(model) * codesScanned + (20 + 0.15 * model.dimensions) * rescored;
