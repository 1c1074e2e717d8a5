import type { ResidentGeneration } from '../engine/resident-generation.ts';
import { DEAD_SHARE_MAX } from './list-maintenance.ts';
import type { MaintenanceSizes } from './maintenance-sizes.ts';

/** A model is outgrown by this factor of vectors, and drifted from by this factor of loss. */
const GROWTH_MAX = 4;
const DRIFT_MAX = 1.3;
/** How far the number of entries may move before searches are calibrated again. */
const CALIBRATION_GROWTH_MAX = 1.5;

type GenerationState = Pick<ResidentGeneration, 'settings' | 'entryCount'>;

export interface MaintenanceState {
  /** Vectors of the shard, and those of them that are in no list. */
  readonly count: number;
  readonly unlistedCount: number;
  /** Whether nothing was written for a while: then even a few rows are worth a flush, as an object starts sooner without them. */
  readonly isQuiet: boolean;
  /** Whether a training was begun. */
  readonly isTraining: boolean;
  /** The older first. */
  readonly generations: readonly GenerationState[];
  /** Entries of the newest generation by list. */
  readonly entryCounts: ReadonlyMap<number, number>;
  /** The same when the lists were last tended: one that has not changed since would be left as it is. */
  readonly tendedCounts: ReadonlyMap<number, number>;
}

export type NextTask =
  | { readonly kind: 'train' | 'flush' | 'migrate' | 'calibrate' }
  | { readonly kind: 'tend'; readonly lists: readonly number[] };

/** The next maintenance task of a shard, the most urgent first; undefined when none is due. */
export function nextTask(state: MaintenanceState, sizes: MaintenanceSizes): NextTask | undefined {
  const { generations, unlistedCount, count } = state;
  const newest = generations.at(-1);
  if (state.isTraining) return { kind: 'train' };
  if (newest === undefined) return count >= sizes.listedCountMin ? { kind: 'train' } : undefined;
  // Whatever the old model would still encode, the new one would encode again.
  if (generations.length === 1 && isOutgrown(newest, count, sizes)) return { kind: 'train' };
  if (unlistedCount >= sizes.flushRowsMin) return { kind: 'flush' };
  if (generations.length > 1) return { kind: 'migrate' };
  if (state.isQuiet && unlistedCount > 0) return { kind: 'flush' };
  const lists = listsToTend(state, newest, sizes);
  if (lists.length > 0) return { kind: 'tend', lists };
  return isCalibrated(newest, sizes) ? undefined : { kind: 'calibrate' };
}

function isOutgrown({ settings }: GenerationState, count: number, { driftCountMin, listedCountMin }: MaintenanceSizes): boolean {
  // So few vectors are searched well with any model, and there may be none to train on.
  if (count < listedCountMin) return false;
  if (count > GROWTH_MAX * settings.trainedCount) return true;
  const { encodedCount, encodedLoss, usualLoss, calibratedCount } = settings;
  const isMeasured = calibratedCount > 0 && encodedCount >= Math.max(driftCountMin, calibratedCount / 20);
  return isMeasured && encodedLoss / encodedCount > DRIFT_MAX * usualLoss;
}

function isCalibrated({ settings: { calibratedCount }, entryCount }: GenerationState, { calibratedCountMin }: MaintenanceSizes): boolean {
  if (entryCount < calibratedCountMin) return true;
  const [less, more] = [Math.min(calibratedCount, entryCount), Math.max(calibratedCount, entryCount)];
  return calibratedCount > 0 && more <= CALIBRATION_GROWTH_MAX * less;
}

function listsToTend(state: MaintenanceState, { entryCount }: GenerationState, { entriesMax, entriesMin }: MaintenanceSizes): number[] {
  const { entryCounts, tendedCounts, count, unlistedCount } = state;
  const deadCount = entryCount - (count - unlistedCount);
  if (deadCount > DEAD_SHARE_MAX * entryCount) return [...entryCounts.keys()];
  return [...entryCounts]
    .filter(([list, entries]) => tendedCounts.get(list) !== entries)
    .filter(([, entries]) => entries > entriesMax || (entries < entriesMin && entryCounts.size > 1))
    .map(([list]) => list);
}
