/** Unwinds the nested matchers of a graph that is no encoder; the outermost answers that. */
class Mismatch extends Error {}

/** Ends the matching where there is nothing. */
export function need<T>(value: T | undefined): T {
  if (value === undefined) throw new Mismatch('nothing there');
  return value;
}

/** Ends the matching where something is not so. */
export function hold(isSo: boolean, what: string): void {
  if (!isSo) throw new Mismatch(what);
}

/** What a matcher finds; undefined: it does not match. */
export function matched<T>(match: () => T): T | undefined {
  try {
    return match();
  } catch (error) {
    if (error instanceof Mismatch) return undefined;
    throw error;
  }
}
