import type { JsonValue } from '../../contract/api/json-value.ts';
import { CorruptList, intact } from '../lists/integrity.ts';
import { RESCORE_MAX_COUNT } from '../lists/list-search.ts';

/** How far a search of posting lists goes, as calibration found it on the index's own vectors. */
export interface SearchDepth {
  /** See `ListQuery.stop`. */
  readonly stop: number;
  /** See `ListQuery.stopsByReach`: whichever was cheaper. */
  readonly stopsByReach: boolean;
  /** Entries rescored for `CALIBRATED_TOP_K` matches. */
  readonly rescoreCount: number;
  /** By how much more are rescored for more matches: `rescoreCount` grows with this power of `topK`. */
  readonly rescoreGrowth: number;
}

/** What maintenance remembers of a list set: stored with it as JSON. */
export interface ListSettings extends SearchDepth {
  /** Whether no depth finds what the index was created for: then all lists are searched, by bounds of what their codes lose. */
  readonly isExact: boolean;
  /** Vectors in the shard when it was trained. */
  readonly trainedCount: number;
  /** Entries when it was calibrated; 0 before. */
  readonly calibratedCount: number;
  /** What encoding an entry lost on average, squared, before that. */
  readonly usualLoss: number;
  /** Entries encoded since the last calibration: how many, and the sum of their coding errors. */
  readonly encodedCount: number;
  readonly encodedLoss: number;
}

export const CALIBRATED_TOP_K = 10;

/** Deep enough for any data met so far: a list set is searched so until it is calibrated. */
export const UNCALIBRATED: SearchDepth = { stop: 120, stopsByReach: false, rescoreCount: 400, rescoreGrowth: 0.7 };

export const newSettings = (trainedCount: number): ListSettings => ({
  ...UNCALIBRATED,
  isExact: false,
  trainedCount,
  calibratedCount: 0,
  usualLoss: 0,
  encodedCount: 0,
  encodedLoss: 0,
});

export const encodeSettings = (settings: ListSettings): string => JSON.stringify(settings);

/** Throws `CorruptList`. */
export function decodeSettings(json: string): ListSettings {
  const settings = parsed(json);
  for (const [name, usual] of Object.entries(newSettings(0))) {
    const value = settings[name];
    const isSound = typeof usual === 'number' ? typeof value === 'number' && value >= 0 : typeof value === typeof usual;
    intact(isSound, `settings have a ${name}, which is no less than 0`);
  }
  return settings as unknown as ListSettings;
}

function parsed(json: string): Record<string, JsonValue> {
  try {
    // Before 0.6.0, no depth knew of reaches.
    return { stopsByReach: false, ...(JSON.parse(json) as Record<string, JsonValue> | null) };
  } catch {
    throw new CorruptList('settings are JSON');
  }
}

/** How many rows lists propose for `topK` matches: scored exactly, the best of them are the matches. */
export const proposalCount = (topK: number): number => topK + Math.max(6, Math.ceil(topK / 4));

// A read of a row takes some microseconds.
const UNDECIDED_MAX = 128;

/** The most rows to read where int8 codes do not decide what is closer: as of vectors that are nearly equal. */
export const proposalMax = (topK: number): number => proposalCount(topK) + UNDECIDED_MAX;

/** How many entries are rescored for that. */
export const rescoreCountFor = ({ rescoreCount, rescoreGrowth }: SearchDepth, topK: number): number =>
  Math.max(
    proposalCount(topK),
    Math.min(RESCORE_MAX_COUNT, Math.ceil(rescoreCount * Math.max(1, topK / CALIBRATED_TOP_K) ** rescoreGrowth)),
  );
