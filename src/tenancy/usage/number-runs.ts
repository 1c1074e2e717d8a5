/** Numbers from `first` to `last`, both included. */
export interface Run {
  readonly first: number;
  readonly last: number;
}

/**
 * Adds numbers to ascending, disjoint runs of those that have been seen. What one source counts up arrives nearly in order, so a few runs
 * remember all of it.
 */
export function noteNumbers(
  runs: readonly Run[],
  numbers: readonly number[],
): { readonly fresh: readonly number[]; readonly runs: readonly Run[] } {
  const fresh = [...new Set(numbers)].filter((number) => !runs.some(({ first, last }) => first <= number && number <= last));
  if (fresh.length === 0) return { fresh, runs };
  const merged: Run[] = [];
  const all = [...runs, ...fresh.map((number) => ({ first: number, last: number }))].sort((a, b) => a.first - b.first);
  for (const run of all) {
    const before = merged.at(-1);
    if (before !== undefined && run.first <= before.last + 1)
      merged[merged.length - 1] = { ...before, last: Math.max(before.last, run.last) };
    else merged.push(run);
  }
  return { fresh, runs: merged };
}

const NUMBERED = /^(.+):(\d{1,15})$/;

/** The source and the number of an id such as `<isolate>:17`; undefined for an id of any other form. */
export function numberedId(id: string): { readonly source: string; readonly number: number } | undefined {
  const match = NUMBERED.exec(id);
  return match === null ? undefined : { source: match[1] ?? '', number: Number(match[2]) };
}
