import type { Interval } from '../../contract/filter.ts';

export function liesIn<T>({ min, max }: Interval<T>, value: T, compare: (a: T, b: T) => number): boolean {
  const fromMin = min === undefined ? 1 : compare(value, min.value);
  const toMax = max === undefined ? 1 : compare(max.value, value);
  return (fromMin > 0 || (fromMin === 0 && min?.closed === true)) && (toMax > 0 || (toMax === 0 && max?.closed === true));
}

export const numberLiesIn = (interval: Interval<number>, value: number): boolean => liesIn(interval, value, (a, b) => a - b);
