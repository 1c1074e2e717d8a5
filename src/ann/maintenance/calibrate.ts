import { RECALL_TARGET_DEFAULT } from '../../contract/recall-target.ts';
import type { SearchDepth } from '../engine/list-settings.ts';
import { CALIBRATED_TOP_K, proposalCount, UNCALIBRATED } from '../engine/list-settings.ts';
import type { Task } from './task.ts';
import type { TrialQuery } from './trial.ts';
import { trial, trialQueries } from './trial.ts';
import type { MaintainedShard } from './maintained-shard.ts';

const TOP_K_LARGE = 100;
const STOP_MAX = 255;
const RESCORE_COUNTS = [32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096];
const RESCORE_COUNT_MAX = 8192;

/**
 * Finds how deep searches have to go to reach the index's recall target at the least cost: its own vectors are the queries, what exact
 * search finds is the ground truth. Aims above the target by a quarter of the distance to 1, as the sample is small.
 */
export function* calibrate(shard: MaintainedShard, generationId: number): Task {
  const target = shard.identity.recall ?? RECALL_TARGET_DEFAULT;
  const aim = target + (1 - target) / 4;
  const queries = yield* trialQueries(shard, generationId, shard.sizes.trialQueries, TOP_K_LARGE);
  const found = yield* cheapestDepth(shard, generationId, queries, aim);
  const depth = found ?? UNCALIBRATED;
  const rescoreGrowth = found === undefined ? 0 : yield* growth(shard, generationId, queries, found, aim);
  const generation = shard.lists.generation(generationId);
  const { encodedCount, encodedLoss, usualLoss } = generation.settings;
  generation.set({
    ...depth,
    rescoreGrowth,
    isExact: found === undefined,
    calibratedCount: generation.entryCount,
    usualLoss: encodedCount === 0 ? usualLoss : encodedLoss / encodedCount,
    encodedCount: 0,
    encodedLoss: 0,
  });
}

function* cheapestDepth(
  shard: MaintainedShard,
  generationId: number,
  queries: readonly TrialQuery[],
  aim: number,
): Generator<undefined, SearchDepth | undefined> {
  let best: { depth: SearchDepth; cost: number } | undefined;
  let stopMax = STOP_MAX;
  for (const rescoreCount of RESCORE_COUNTS) {
    const depthAt = (stop: number): SearchDepth => ({ stop, rescoreCount, rescoreGrowth: 0 });
    const found = yield* least(stopMax, function* (stop) {
      const { recall, cost } = yield* trial(shard, generationId, queries, depthAt(stop), CALIBRATED_TOP_K);
      return recall >= aim ? cost : undefined;
    });
    if (found === undefined) continue;
    // What cost less to probe does not outweigh any more what it costs to rescore.
    if (best !== undefined && found.outcome > best.cost) break;
    best = { depth: depthAt(found.value), cost: found.outcome };
    // The more are rescored, the sooner probing may stop.
    stopMax = found.value;
  }
  return best?.depth;
}

/** How much more has to be rescored for larger answers, as a power of their size. */
function* growth(
  shard: MaintainedShard,
  generationId: number,
  queries: readonly TrialQuery[],
  depth: SearchDepth,
  aim: number,
): Generator<undefined, number> {
  const found = yield* least(RESCORE_COUNT_MAX, function* (count) {
    if (count < proposalCount(TOP_K_LARGE)) return undefined;
    const { recall } = yield* trial(shard, generationId, queries, { ...depth, rescoreCount: count }, TOP_K_LARGE);
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
