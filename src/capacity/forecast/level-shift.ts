import type { SeriesShape } from './forecast-methods.ts';
import { scaleOf } from './forecast-trials.ts';

/** A shift of less than three tenths is within what methods follow. */
const SHIFT_LOG_MIN = Math.log(1.3);
/** A change between seasons is unusual beyond so many standard deviations, estimated from the median of the others. */
const SHIFT_DEVIATIONS_MIN = 6;
const DEVIATION_OF_MEDIAN = 1.4826;
/** Fewer changes say nothing about which one is unusual. */
const CHANGES_MIN_COUNT = 4;

/**
 * The series since its level last moved at once and stayed there, such as by a customer who came: what was before says nothing of what comes. All of it if it
 * never did, or if fewer than `stepsMin` steps have come since. Seasons are compared by the logarithm of their means, less the usual change. [K18]
 */
export function sinceShift(history: readonly number[], shape: SeriesShape, stepsMin: number): readonly number[] {
  const { season } = shape;
  const seasons = Math.floor(history.length / season);
  const logs = Array.from({ length: seasons }, (_, at) => {
    const end = history.length - (seasons - 1 - at) * season;
    return Math.log1p(scaleOf(history.slice(end - season, end), shape));
  });
  const changes = logs.slice(1).map((value, at) => value - (logs[at] ?? 0));
  if (changes.length < CHANGES_MIN_COUNT) return history;
  const usual = median(changes);
  const sizes = changes.map((change) => Math.abs(change - usual));
  const bound = Math.max(SHIFT_LOG_MIN, SHIFT_DEVIATIONS_MIN * DEVIATION_OF_MEDIAN * median(sizes));
  const last = sizes.findLastIndex((size) => size > bound);
  const stepsSince = (seasons - 1 - last) * season;
  if (last === -1 || stepsSince < stepsMin) return history;
  // A burst ends again; a shift is one that every season since lies beyond.
  const before = median(logs.slice(0, last + 1));
  const moved = logs.slice(last + 1).map((value) => value - before);
  const isLasting = Math.min(...moved) > SHIFT_LOG_MIN || Math.max(...moved) < -SHIFT_LOG_MIN;
  return isLasting ? history.slice(-stepsSince) : history;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}
