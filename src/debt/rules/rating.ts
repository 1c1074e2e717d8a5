import type { Rating } from '../../contract/debt/debt-items.ts';

/** Writing a line anew takes this long: 0.06 of a day of eight hours, as SonarQube has it. */
const LINE_MINUTES = 30;
/** A component without code, such as a pool or an index, takes at least a day. */
const COMPONENT_MINUTES_MIN = 8 * 60;

/** The upper ends of the ratings by debt ratio, as SonarQube has them. */
const GRID: readonly (readonly [Rating, number])[] = [
  ['A', 0.05],
  ['B', 0.1],
  ['C', 0.2],
  ['D', 0.5],
];

/**
 * The most that one signal adds to an assessed ratio, and what one adds that is not known: enough for a C by itself, with room for what is known. Because a known signal
 * never adds more, leaving off its collector never improves the rating (D8).
 */
export const SIGNAL_RATIO_MAX = 0.15;

/** What writing a component anew would take. */
export const rewriteMinutes = (lines: number): number => Math.max(COMPONENT_MINUTES_MIN, lines * LINE_MINUTES);

export const ratingOf = (ratio: number): Rating => GRID.find(([, end]) => ratio <= end)?.[0] ?? 'E';

/** The ratio that a component is rated by; `signals`: the principal of each signal in minutes, undefined where it is not known (D7, D8). */
export function assessedRatio(signals: Iterable<number | undefined>, lines: number): number {
  const whole = rewriteMinutes(lines);
  let ratio = 0;
  for (const minutes of signals) ratio += minutes === undefined ? SIGNAL_RATIO_MAX : Math.min(SIGNAL_RATIO_MAX, minutes / whole);
  return ratio;
}
