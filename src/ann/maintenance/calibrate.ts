import { RECALL_TARGET_DEFAULT } from '../../contract/indexes/index-settings.ts';
import type { SearchDepth } from '../engine/list-settings.ts';
import { CALIBRATED_TOP_K, UNCALIBRATED, proposalCount } from '../engine/list-settings.ts';
import type { Task } from './background-work.ts';
import { leastOutcome } from './least-outcome.ts';
import type { MaintainedShard } from './maintained-shard.ts';
import { TrialSlice, costOf } from './trial-cost.ts';
import type { Trials } from './trial-queries.ts';
import { STOP_MAX, TOP_K_LARGE, someOf, trialQueries, trialsOf } from './trial-queries.ts';

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
  const tellsReach = shard.identity.metric === 'cosine';
  const best = yield* cheapestRescoring(shard, listSetId, trials, tellsReach);
  if (!tellsReach) return best?.depth;
  // Not of all data do vectors lie closer to a query the farther they are spread.
  const { stop: guess, rescoreCount } = best?.depth ?? { stop: undefined, rescoreCount: RESCORE_COUNTS.at(-1)! };
  const alike = yield* leastStop(shard, listSetId, trials, { stopMax: STOP_MAX, guess, rescoreCount, stopsByReach: false });
  return alike !== undefined && alike.cost < (best?.cost ?? Infinity) ? alike.depth : best?.depth;
}

function* cheapestRescoring(
  shard: MaintainedShard,
  listSetId: number,
  trials: Trials,
  stopsByReach: boolean,
): Generator<undefined, CostedDepth | undefined> {
  let best: CostedDepth | undefined;
  for (const rescoreCount of RESCORE_COUNTS) {
    // The more are rescored, the sooner probing may stop.
    const guess: number | undefined = best?.depth.stop;
    const found = yield* leastStop(shard, listSetId, trials, { stopMax: guess ?? STOP_MAX, guess, rescoreCount, stopsByReach });
    if (found === undefined) continue;
    // What cost less to probe does not outweigh any more what it costs to rescore.
    if (best !== undefined && found.cost > best.cost) break;
    best = found;
  }
  return best;
}

interface SoughtStop extends Pick<SearchDepth, 'rescoreCount' | 'stopsByReach'> {
  readonly stopMax: number;
  readonly guess: number | undefined;
}

function* leastStop(
  shard: MaintainedShard,
  listSetId: number,
  trials: Trials,
  { stopMax, guess, rescoreCount, stopsByReach }: SoughtStop,
): Generator<undefined, CostedDepth | undefined> {
  const depthAt = (stop: number): SearchDepth => ({ stop, stopsByReach, rescoreCount, rescoreGrowth: 0 });
  // Some of the queries say about where it lies.
  const some = someOf(trials);
  const rough = yield* leastOutcome(stopMax, (stop) => costAt(shard, listSetId, some, depthAt(stop)), guess);
  const found = yield* leastOutcome(stopMax, (stop) => costAt(shard, listSetId, trials, depthAt(stop)), rough?.value ?? stopMax);
  return found && { depth: depthAt(found.value), cost: found.outcome };
}

interface CostedDepth {
  readonly depth: SearchDepth;
  readonly cost: number;
}

/** The growth of what is rescored is found to one part in so many of the largest: to some 3 % of the entries. */
const GROWTH_STEPS = 128;

/** How much more has to be rescored for larger answers, as a power of their size. */
function* growth(shard: MaintainedShard, listSetId: number, trials: Trials, depth: SearchDepth): Generator<undefined, number> {
  const times = TOP_K_LARGE / CALIBRATED_TOP_K;
  const growthMax = Math.max(0, Math.log(RESCORE_COUNT_MAX / depth.rescoreCount) / Math.log(times));
  const growthOf = (step: number): number => (growthMax * step) / GROWTH_STEPS;
  const found = yield* leastOutcome(GROWTH_STEPS, function* (step) {
    const count = Math.ceil(depth.rescoreCount * times ** growthOf(step));
    if (count < proposalCount(TOP_K_LARGE)) return undefined;
    return yield* costAt(shard, listSetId, trials, { ...depth, rescoreCount: count });
  });
  return growthOf(found?.value ?? GROWTH_STEPS);
}

/**
 * What searches of this depth cost; undefined if they miss too many neighbours, which is known long before the last search: those come first
 * that missed the most when they were tried last. [V198]
 */
function* costAt(
  { lists, pace }: MaintainedShard,
  listSetId: number,
  { topK, queries, missedMax }: Trials,
  depth: SearchDepth,
): Generator<undefined, number | undefined> {
  let [missed, cost] = [0, 0];
  const slice = new TrialSlice(pace);
  yield;
  for (const trial of queries.toSorted((a, b) => b.missed - a.missed)) {
    if (slice.isFull) yield slice.end();
    const { closest, wanted, query } = trial;
    const listSet = lists.listSet(listSetId);
    const found = lists.nearby(listSet, depth, { ...query, topK: topK + 1 });
    cost += costOf(listSet, found.cost);
    slice.searched(listSet, found);
    const proposed = new Set(found.candidates.map(({ row }) => row));
    trial.missed = Math.max(0, wanted - closest.filter((row) => proposed.has(row)).length);
    missed += trial.missed;
    if (missed > missedMax) return undefined;
  }
  return cost;
}
