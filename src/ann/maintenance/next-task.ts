import type { ListSet } from '../engine/list-set.ts';

/** The sizes at which maintenance acts on a shard. */
export interface MaintenanceSizes {
  /** A shard with fewer vectors of so many dimensions is searched without lists, and lists with fewer entries exactly. */
  readonly listedCountMin: (dimensions: number) => number;
  /** Unlisted rows that are worth a flush, and how many one takes. */
  readonly flushRowsMin: number;
  readonly flushRowsMax: number;
  /** Entries that lists are trained for: more cost scanning, fewer cost choosing among lists. */
  readonly entries: number;
  /** A list with more live entries is split, one with fewer is merged. */
  readonly entriesMax: number;
  readonly entriesMin: number;
  /** With fewer entries, deep searches cost little: depth is calibrated from here on, by this many trial queries. */
  readonly calibratedCountMin: number;
  readonly trialQueries: number;
  /** Entries encoded since a calibration that are enough to detect drift. */
  readonly driftCountMin: number;
  /** Slices of a training after which it is remembered how far it got. */
  readonly checkpointSlices: number;
  /** Rows of one write from which on it is part of an import. */
  readonly bulkRowsMin: number;
}

/** So many codes are read in a quarter of a millisecond, which is less than a call of a shard takes beside it (`CALL_MS`). */
const LISTED_CODES_MIN = 2_500_000;
/** With fewer vectors there are too few lists to choose among; with more, all other costs of a vector exceed those of its codes. */
const [LISTED_COUNT_LEAST, LISTED_COUNT_MOST] = [1_000, 10_000];

const listedCountMin = (dimensions: number): number =>
  Math.max(LISTED_COUNT_LEAST, Math.min(LISTED_COUNT_MOST, Math.ceil(LISTED_CODES_MIN / dimensions)));

export const MAINTENANCE_SIZES: MaintenanceSizes = {
  listedCountMin,
  flushRowsMin: 1_024,
  flushRowsMax: 4_096,
  entries: 192,
  entriesMax: 512,
  entriesMin: 24,
  calibratedCountMin: 1_000,
  trialQueries: 400,
  driftCountMin: 1_000,
  checkpointSlices: 64,
  bulkRowsMin: 256,
};

/** Dead entries among all, from which on a list is rewritten without them. */
const DEAD_SHARE_MAX = 0.2;

/** What a list needs. */
type ListMaintenance = 'nothing' | 'compaction' | 'split' | 'merge';

export function listMaintenanceOf({ entriesMax, entriesMin }: MaintenanceSizes, entryCount: number, liveCount: number): ListMaintenance {
  if (liveCount > entriesMax) return 'split';
  if (liveCount < entriesMin) return 'merge';
  return entryCount - liveCount > DEAD_SHARE_MAX * entryCount ? 'compaction' : 'nothing';
}

/** A model is outgrown by this factor of vectors, and drifted from by this factor of loss. */
const GROWTH_MAX = 4;
const DRIFT_MAX = 1.3;
/** How far the number of entries may move before searches are calibrated again: of few, that costs little. */
const calibrationGrowthMax = (entryCount: number): number => (entryCount < LISTED_COUNT_MOST ? 1.2 : 1.5);
/** Unlisted rows that would make lists grow by more than this once they are flushed are flushed before lists are calibrated. */
const CALIBRATION_LACK_MAX = 1 / 8;

type ListSetState = Pick<ListSet, 'settings' | 'entryCount'>;

export interface MaintenanceState {
  /** Vectors of the shard, and those of them that are in no list. */
  readonly count: number;
  readonly unlistedCount: number;
  /** Whether they are so many that lists are worth it. */
  readonly isWorthLists: boolean;
  /** Whether nothing was written for a while: then even a few rows are worth a flush, as an object starts sooner without them. */
  readonly isQuiet: boolean;
  /** Whether a training was begun. */
  readonly isTraining: boolean;
  /** Whether its lists are trained elsewhere just now. */
  readonly isBuiltElsewhere: boolean;
  /** The older first. */
  readonly listSets: readonly ListSetState[];
  /** Entries of the newest list set by list. */
  readonly entryCounts: ReadonlyMap<number, number>;
  /** The same when the lists were last maintained: one that has not changed since would be left as it is. */
  readonly maintainedCounts: ReadonlyMap<number, number>;
}

export type NextTask =
  | { readonly kind: 'train' | 'flush' | 'migrate' | 'calibrate' }
  | { readonly kind: 'maintain'; readonly lists: readonly number[] };

/** The next maintenance task of a shard, the most urgent first; undefined when none is due. */
export function nextTask(state: MaintenanceState, sizes: MaintenanceSizes): NextTask | undefined {
  const { listSets, unlistedCount, isWorthLists } = state;
  const newest = listSets.at(-1);
  if (state.isTraining) return { kind: 'train' };
  if (newest === undefined) return isWorthLists && !state.isBuiltElsewhere ? { kind: 'train' } : undefined;
  // Whatever the old model would still encode, the new one would encode again.
  if (listSets.length === 1 && !state.isBuiltElsewhere && isOutgrown(newest, state, sizes)) return { kind: 'train' };
  if (unlistedCount >= sizes.flushRowsMin) return { kind: 'flush' };
  if (listSets.length > 1) return { kind: 'migrate' };
  if (state.isQuiet && unlistedCount > 0) return { kind: 'flush' };
  const lists = listsToMaintain(state, newest, sizes);
  if (lists.length > 0) return { kind: 'maintain', lists };
  if (isCalibrated(newest, sizes)) return undefined;
  return { kind: unlistedCount > CALIBRATION_LACK_MAX * newest.entryCount ? 'flush' : 'calibrate' };
}

function isOutgrown(
  { settings }: ListSetState,
  { count, isWorthLists }: Pick<MaintenanceState, 'count' | 'isWorthLists'>,
  { driftCountMin }: MaintenanceSizes,
): boolean {
  // So few vectors are searched well with any model, and there may be none to train on.
  if (!isWorthLists) return false;
  if (count > GROWTH_MAX * settings.trainedCount) return true;
  const { encodedCount, encodedLoss, usualLoss, calibratedCount } = settings;
  const isMeasured = calibratedCount > 0 && encodedCount >= Math.max(driftCountMin, calibratedCount / 20);
  return isMeasured && encodedLoss / encodedCount > DRIFT_MAX * usualLoss;
}

function isCalibrated({ settings: { calibratedCount }, entryCount }: ListSetState, { calibratedCountMin }: MaintenanceSizes): boolean {
  if (entryCount < calibratedCountMin) return true;
  const [less, more] = [Math.min(calibratedCount, entryCount), Math.max(calibratedCount, entryCount)];
  return calibratedCount > 0 && more <= calibrationGrowthMax(entryCount) * less;
}

function listsToMaintain(state: MaintenanceState, { entryCount }: ListSetState, { entriesMax, entriesMin }: MaintenanceSizes): number[] {
  const { entryCounts, maintainedCounts, count, unlistedCount } = state;
  const deadCount = entryCount - (count - unlistedCount);
  if (deadCount > DEAD_SHARE_MAX * entryCount) return [...entryCounts.keys()];
  return [...entryCounts]
    .filter(([list, entries]) => maintainedCounts.get(list) !== entries)
    .filter(([, entries]) => entries > entriesMax || (entries < entriesMin && entryCounts.size > 1))
    .map(([list]) => list);
}
