import type { StartErrorRecord } from '../cell/records.ts';

/** An interval of waits, in milliseconds; `latest` Infinity: more than a tenth of all courses have no start. */
export interface WaitInterval {
  readonly earliestMs: number;
  readonly medianMs: number;
  readonly latestMs: number;
  readonly logWait: number;
  readonly spread: number;
}

/** Until so many starts were seen, what was played stands for the rest. */
const ERRORS_MIN = 24;

const SPREAD_MIN = 0.05;
const SPREAD_MAX = 3;

/** Of the normal law, how far the tenth and the ninetieth of a hundred lie apart. */
const DECILES_APART = 2.5631;

/** Errors grow with how far courses lie apart, but less than in proportion: what they have in common is not in them. */
const SPREAD_POWER = 0.75;

/**
 * The shortest interval that holds as many of the waits that this one would be, were it as far from what was played as starts lately were, as the
 * tree's aim says: split-conformal, with scores in parts of the spread of the courses (Lei and others, JASA 113, 2018). Undefined where no course
 * has a start.
 */
export function waitInterval(waitsMs: readonly number[], { errors, aim }: StartErrorRecord): WaitInterval | undefined {
  const logs = waitsMs.filter(Number.isFinite).map((wait) => Math.log(Math.max(1, wait)));
  if (logs.length === 0) return undefined;
  logs.sort((a, b) => a - b);
  const logWait = quantileOf(logs, 0.5);
  const apart = (quantileOf(logs, 0.9) - quantileOf(logs, 0.1)) / DECILES_APART;
  const spread = Math.max(SPREAD_MIN, Math.min(SPREAD_MAX, apart)) ** SPREAD_POWER;
  const missing = Math.max(0, ERRORS_MIN - errors.length);
  const likely = [
    ...errors.map((error) => logWait + spread * error),
    ...Array.from({ length: missing }, (_, at) => quantileOf(logs, (at + 0.5) / missing)),
  ].sort((a, b) => a - b);
  const waits = likely.map((log) => Math.exp(log));
  const [earliestMs, latestMs] = shortest(waits, aim);
  const isOpen = logs.length < 0.9 * waitsMs.length;
  return { earliestMs, medianMs: Math.exp(quantileOf(likely, 0.5)), latestMs: isOpen ? Infinity : latestMs, logWait, spread };
}

/** Of sorted values, the shortest interval with so much of what lies between and beside them. */
function shortest(sorted: readonly number[], part: number): readonly [number, number] {
  const count = Math.min(sorted.length, Math.ceil(part * (sorted.length + 1)));
  let best: readonly [number, number] = [sorted[0] ?? 0, sorted.at(-1) ?? 0];
  for (let from = 0; from + count <= sorted.length; from++) {
    const [low = 0, high = Infinity] = [sorted[from], sorted[from + count - 1]];
    if (high - low < best[1] - best[0]) best = [low, high];
  }
  return best;
}

function quantileOf(sorted: readonly number[], part: number): number {
  const at = part * (sorted.length - 1);
  const [low = 0, high = 0] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at - Math.floor(at));
}
