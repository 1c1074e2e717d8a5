import { must } from '../../kernel/assert.ts';
import { RECALL_TARGET_DEFAULT } from '../../contract/index-settings.ts';
import type { SearchDepth } from '../engine/list-settings.ts';
import { CALIBRATED_TOP_K, UNCALIBRATED, proposalCount } from '../engine/list-settings.ts';
import { Rescoring } from '../engine/rescoring.ts';
import type { ListSet } from '../engine/list-set.ts';
import { subspaceCount } from '../lists/list-model.ts';
import type { ListCost } from '../lists/list-search.ts';
import type { PlacedVector, VectorMatch } from '../stored-vector.ts';
import type { Task } from './background-work.ts';
import { inSlices } from './background-work.ts';
import type { MaintainedShard } from './maintained-shard.ts';

const TOP_K_LARGE = 100;
const STOP_MAX = 255;
const RESCORE_COUNTS = [32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096];
const RESCORE_COUNT_MAX = 8192;

/**
 * Finds how deep searches have to go to reach the index's recall target at the least cost: its own vectors are the queries, what exact
 * search finds is the ground truth. Aims above the target by three tenths of the distance to 1, as the sample is small and the cheapest of
 * many depths is chosen.
 */
export function* calibrate(shard: MaintainedShard, listSetId: number): Task {
  const target = shard.identity.recall ?? RECALL_TARGET_DEFAULT;
  const aim = target + 0.3 * (1 - target);
  const queries = yield* trialQueries(shard, listSetId, shard.sizes.trialQueries, TOP_K_LARGE);
  const found = yield* cheapestDepth(shard, listSetId, queries, aim);
  const depth = found ?? UNCALIBRATED;
  const rescoreGrowth = found === undefined ? 0 : yield* growth(shard, listSetId, queries, found, aim);
  const listSet = shard.lists.listSet(listSetId);
  const { encodedCount, encodedLoss, usualLoss } = listSet.settings;
  listSet.set({
    ...depth,
    rescoreGrowth,
    isExact: found === undefined,
    calibratedCount: listSet.entryCount,
    usualLoss: encodedCount === 0 ? usualLoss : encodedLoss / encodedCount,
    encodedCount: 0,
    encodedLoss: 0,
  });
}

function* cheapestDepth(
  shard: MaintainedShard,
  listSetId: number,
  queries: readonly TrialQuery[],
  aim: number,
): Generator<undefined, SearchDepth | undefined> {
  const leastStop = function* (
    stopMax: number,
    rescoreCount: number,
    stopsByReach: boolean,
  ): Generator<undefined, CostedDepth | undefined> {
    const depthAt = (stop: number): SearchDepth => ({ stop, stopsByReach, rescoreCount, rescoreGrowth: 0 });
    const found = yield* least(stopMax, function* (stop) {
      const { recall, cost } = yield* trial(shard, listSetId, queries, depthAt(stop), CALIBRATED_TOP_K);
      return recall >= aim ? cost : undefined;
    });
    return found && { depth: depthAt(found.value), cost: found.outcome };
  };
  const tellsReach = shard.identity.metric === 'cosine';
  let best: CostedDepth | undefined;
  for (const rescoreCount of RESCORE_COUNTS) {
    // The more are rescored, the sooner probing may stop.
    const found = yield* leastStop(best?.depth.stop ?? STOP_MAX, rescoreCount, tellsReach);
    if (found === undefined) continue;
    // What cost less to probe does not outweigh any more what it costs to rescore.
    if (best !== undefined && found.cost > best.cost) break;
    best = found;
  }
  if (!tellsReach) return best?.depth;
  // Not of all data do vectors lie closer to a query the farther they are spread.
  const alike = yield* leastStop(STOP_MAX, best?.depth.rescoreCount ?? must(RESCORE_COUNTS.at(-1), 'there are counts'), false);
  return alike !== undefined && (best === undefined || alike.cost < best.cost) ? alike.depth : best?.depth;
}

interface CostedDepth {
  readonly depth: SearchDepth;
  readonly cost: number;
}

/** How much more has to be rescored for larger answers, as a power of their size. */
function* growth(
  shard: MaintainedShard,
  listSetId: number,
  queries: readonly TrialQuery[],
  depth: SearchDepth,
  aim: number,
): Generator<undefined, number> {
  const found = yield* least(RESCORE_COUNT_MAX, function* (count) {
    if (count < proposalCount(TOP_K_LARGE)) return undefined;
    const { recall } = yield* trial(shard, listSetId, queries, { ...depth, rescoreCount: count }, TOP_K_LARGE);
    return recall >= aim ? recall : undefined;
  });
  const count = found?.value ?? RESCORE_COUNT_MAX;
  return Math.max(0, Math.log(count / depth.rescoreCount) / Math.log(TOP_K_LARGE / CALIBRATED_TOP_K));
}

/** The least whole number up to `max` with an outcome, given that all above one have one, too. */
function* least<T>(
  max: number,
  outcomeOf: (value: number) => Generator<undefined, T | undefined>,
): Generator<undefined, { value: number; outcome: T } | undefined> {
  let found: { value: number; outcome: T } | undefined;
  let [low, high] = [0, max];
  while (low <= high) {
    const value = found === undefined && low === 0 ? max : Math.floor((low + high) / 2);
    const outcome = yield* outcomeOf(value);
    if (outcome !== undefined) [found, high] = [{ value, outcome }, value - 1];
    else if (value === max) return undefined;
    else low = value + 1;
  }
  return found;
}

// Another one than that of trainings, whose sample is what lists fit best.
const SEED = 2;
// What the searches of one slice take, about; and what comes to what a search costs, for it and for each candidate that it proposes.
const SLICE_NS = 4_000_000;
const QUERY_NS = 8_000;
const CANDIDATE_NS = 250;

/** A stored vector as a query, with the vectors that are closest to it, itself left out: the closest first. */
interface TrialQuery extends PlacedVector {
  readonly closest: readonly VectorMatch[];
}

/** Some vectors of the lists and the `topK` entries that exact search finds for each. */
export function* trialQueries(
  { store, lists, identity, pace }: MaintainedShard,
  listSetId: number,
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
    const { candidates } = lists.exactly(lists.listSet(listSetId), query);
    // Where very many tie, as around zeros, all of them are read.
    for (const slice of inSlices(candidates, identity.dimensions, pace)) {
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
  { lists, pace }: MaintainedShard,
  listSetId: number,
  queries: readonly TrialQuery[],
  depth: SearchDepth,
  topK: number,
): Generator<undefined, { recall: number; cost: number }> {
  let [hits, wanted, cost, sliceNs] = [0, 0, 0, 0];
  yield;
  for (const query of queries) {
    if (sliceNs > pace.sliceShare * SLICE_NS) {
      sliceNs = 0;
      yield;
    }
    const listSet = lists.listSet(listSetId);
    const found = lists.nearby(listSet, depth, { ...query, topK: topK + 1 });
    const proposed = new Set(found.candidates.map(({ row }) => row));
    const last = Math.min(topK, query.closest.length);
    const searchNs = costOf(listSet, found.cost);
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
const costOf = ({ model }: ListSet, { listsProbed, codesScanned, rescored }: ListCost): number =>
  20 * listsProbed + 0.02 * subspaceCount(model) * codesScanned + (20 + 0.15 * model.dimensions) * rescored;
