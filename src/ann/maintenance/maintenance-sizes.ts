/** The sizes at which maintenance acts on a shard. */
export interface MaintenanceSizes {
  /** A shard with fewer vectors is searched without lists: reading all their codes takes less than a tenth of a millisecond. */
  readonly listedCountMin: number;
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
}

export const MAINTENANCE_SIZES: MaintenanceSizes = {
  listedCountMin: 10_000,
  flushRowsMin: 1_024,
  flushRowsMax: 4_096,
  entries: 192,
  entriesMax: 512,
  entriesMin: 24,
  calibratedCountMin: 1_000,
  trialQueries: 400,
  driftCountMin: 1_000,
  checkpointSlices: 64,
};
