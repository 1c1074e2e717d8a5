/**
 * The least whole number up to `max` with an outcome, given that all above one have one, too. It lies near `guess`, if there is one: that is tried
 * first, then others at growing distances from it, until it is known between which two it lies. What is tried may be work of several slices.
 */
export function* leastOutcome<T>(
  max: number,
  outcomeOf: (value: number) => Generator<undefined, T | undefined>,
  guess?: number,
): Generator<undefined, { value: number; outcome: T } | undefined> {
  let found: { value: number; outcome: T } | undefined;
  let [low, high, step] = [0, max, 1];
  while (low <= high) {
    let value = (low + high) >> 1;
    if (guess !== undefined && found === undefined) value = Math.min(max, low === 0 ? guess : low - 1 + step);
    else if (guess !== undefined && found !== undefined && low === 0) value = Math.max(0, found.value - step);
    if (value !== guess) step *= 2;
    const outcome = yield* outcomeOf(value);
    if (outcome === undefined) low = value + 1;
    else [found, high] = [{ value, outcome }, value - 1];
  }
  return found;
}
