import { must } from '../../kernel/assert.ts';
import { RECALL_TARGET_DEFAULT } from '../../contract/index-settings.ts';
import type { SearchDepth } from '../engine/list-settings.ts';
import { CALIBRATED_TOP_K, UNCALIBRATED, proposalCount } from '../engine/list-settings.ts';
import type { Task } from './background-work.ts';
import type { MaintainedShard } from './maintained-shard.ts';
import { TrialSlice, costOf } from './trial-cost.ts';
import type { Trials } from './trial-queries.ts';
import { STOP_MAX, TOP_K_LARGE, trialQueries, trialsOf } from './trial-queries.ts';

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
  const queries = yield* trialQueries(shard, listSetId);
  const found = yield* cheapestDepth(shard, listSetId, trialsOf(queries, CALIBRATED_TOP_K, aim));
  const depth = found ?? UNCALIBRATED;
  const large = queries.filter(({ sought }) => sought === TOP_K_LARGE);
  const rescoreGrowth = found === undefined ? 0 : yield* growth(shard, listSetId, trialsOf(large, TOP_K_LARGE, aim), found);
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

function* cheapestDepth(shard: MaintainedShard, listSetId: number, trials: Trials): Generator<undefined, SearchDepth | undefined> {
  const leastStop = function* (
    stopMax: number,
    rescoreCount: number,
    stopsByReach: boolean,
  ): Generator<undefined, CostedDepth | undefined> {
    const depthAt = (stop: number): SearchDepth => ({ stop, stopsByReach, rescoreCount, rescoreGrowth: 0 });
    const found = yield* least(stopMax, (stop) => costAt(shard, listSetId, trials, depthAt(stop)));
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
function* growth(shard: MaintainedShard, listSetId: number, trials: Trials, depth: SearchDepth): Generator<undefined, number> {
  const found = yield* least(RESCORE_COUNT_MAX, function* (count) {
    if (count < proposalCount(TOP_K_LARGE)) return undefined;
    return yield* costAt(shard, listSetId, trials, { ...depth, rescoreCount: count });
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

/** What searches of this depth cost; undefined if they miss too many neighbours, which is known long before the last search. [V198] */
function* costAt(
  { lists, pace }: MaintainedShard,
  listSetId: number,
  { topK, queries, missedMax }: Trials,
  depth: SearchDepth,
): Generator<undefined, number | undefined> {
  let [missed, cost] = [0, 0];
  const slice = new TrialSlice(pace);
  yield;
  for (const { closest, wanted, ...query } of queries) {
    if (slice.isFull) yield slice.end();
    const listSet = lists.listSet(listSetId);
    const found = lists.nearby(listSet, depth, { ...query, topK: topK + 1 });
    cost += costOf(listSet, found.cost);
    slice.searched(listSet, found);
    const proposed = new Set(found.candidates.map(({ row }) => row));
    missed += Math.max(0, wanted - closest.filter((row) => proposed.has(row)).length);
    if (missed > missedMax) return undefined;
  }
  return cost;
}
