import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { HistoryQuery, HistoryStep } from '../../contract/planning/history.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import { DAY_MS, HOUR_MS } from '../../kernel/time-units.ts';
import type { HistorySample } from './history-samples.ts';
import { refusedAt } from './history-samples.ts';
import { StepGrid } from './step-grid.ts';
import type { TimeZone } from './time-zone.ts';

/** A history in equal steps, the first and last of which have values. */
export interface SteppedHistory {
  readonly grid: StepGrid;
  /** The number of the first step on the grid. */
  readonly first: number;
  /** Undefined: unknown. */
  readonly values: readonly (number | undefined)[];
  readonly rows: number;
  readonly isSorted: boolean;
  readonly duplicates: number;
  readonly gaps: number;
  readonly partialSteps: number;
}

export interface StepTerms extends Pick<HistoryQuery, 'step' | 'combine' | 'duplicates' | 'gaps'> {
  readonly zone: TimeZone;
  readonly nowMs: number;
  /** Steps that the history may span. */
  readonly stepsMax: number;
}

/** A step with fewer rows than this share of the usual number is not known: its sum would look like a fall. */
const ROWS_SHARE_MIN = 1 / 2;
/** Of fewer rows a step, one more or less says nothing. */
const USUAL_ROWS_MIN = 4;

/**
 * Samples of one series as steps: sorted, rows of one time refused or added, rows of one step summed or averaged. The step is as far apart as most rows are,
 * unless it is stated. A first or last step that rows cover in part, and one that has not ended, are left out; a step without a value is unknown, or zero where
 * the caller says so. Refuses rows more than a week apart, and more steps than `stepsMax`. [K26] [K27]
 */
export function steppedHistory(samples: readonly HistorySample[], terms: StepTerms): Outcome<SteppedHistory> {
  const isSorted = samples.every(({ atMs }, position) => position === 0 || atMs >= (samples[position - 1]?.atMs ?? 0));
  const merged = withoutDuplicates(isSorted ? samples : samples.toSorted((a, b) => a.atMs - b.atMs), terms.duplicates);
  if (!merged.ok) return merged;
  const { distinct } = merged.value;
  const apartMs = median(distinct.slice(1).map(({ atMs }, position) => atMs - (distinct[position]?.atMs ?? 0)));
  const step = terms.step ?? stepFor(apartMs);
  if (step === undefined)
    return refuse('invalid_value', `is needed: most rows are ${Math.round(apartMs / DAY_MS)} days apart, more than a week`, 'step');
  const grid = StepGrid.from(step, terms.zone, must(distinct[0], 'a series has a sample').atMs);
  const { first, values, partialSteps } = summed(distinct, grid, apartMs, terms);
  if (values === undefined)
    return refuseBeyond({
      path: distinct[0]?.place().path.slice(0, 1) ?? [],
      limit: 'historyStepsMaxCount',
      what: `spans too many ${step}s, all series together`,
      advice: 'sum by a longer step, or leave out what is old',
    });
  const counts = { rows: samples.length, isSorted, duplicates: merged.value.duplicates, partialSteps };
  if (terms.gaps === 'zero') return ok({ grid, first, values: values.map((value) => value ?? 0), gaps: gapsIn(values), ...counts });
  return ok({ grid, first, values, gaps: gapsIn(values), ...counts });
}

const gapsIn = (values: readonly (number | undefined)[]): number => values.filter((value) => value === undefined).length;

function withoutDuplicates(
  sorted: readonly HistorySample[],
  rule: StepTerms['duplicates'],
): Outcome<{ readonly distinct: readonly HistorySample[]; readonly duplicates: number }> {
  const distinct: HistorySample[] = [];
  for (const sample of sorted) {
    const last = distinct.at(-1);
    if (last?.atMs !== sample.atMs) {
      distinct.push(sample);
      continue;
    }
    if (rule === 'refuse') {
      const { words, path } = last.place();
      const other = words === '' ? `row ${String(path[1])}` : words.replace(/,.*/, '');
      return refusedAt(
        sample.place(),
        `has the time of ${other}, ${new Date(sample.atMs).toISOString()}: say duplicates=sum to add them, name the column of their series, or write times with a zone`,
      );
    }
    const isKnown = last.value !== undefined || sample.value !== undefined;
    distinct[distinct.length - 1] = { ...last, value: isKnown ? (last.value ?? 0) + (sample.value ?? 0) : undefined };
  }
  return ok({ distinct, duplicates: sorted.length - distinct.length });
}

/** Undefined: longer than any. Days and weeks have an hour less or more where clocks change. */
function stepFor(apartMs: number): HistoryStep | undefined {
  if (apartMs <= HOUR_MS) return 'hour';
  if (apartMs < 7 * DAY_MS - HOUR_MS) return 'day';
  return apartMs <= 7 * DAY_MS + HOUR_MS ? 'week' : undefined;
}

interface Sums {
  readonly first: number;
  /** Undefined: there would be too many. */
  readonly values: readonly (number | undefined)[] | undefined;
  readonly partialSteps: number;
}

interface StepRows {
  readonly rows: number;
  readonly known: number;
  readonly sum: number;
}

function rowsByStep(samples: readonly HistorySample[], grid: StepGrid): Map<number, StepRows> {
  const steps = new Map<number, StepRows>();
  for (const { atMs, value } of samples) {
    const at = grid.stepOf(atMs);
    const { rows, known, sum } = steps.get(at) ?? { rows: 0, known: 0, sum: 0 };
    steps.set(at, { rows: rows + 1, known: known + (value === undefined ? 0 : 1), sum: sum + (value ?? 0) });
  }
  return steps;
}

function summed(samples: readonly HistorySample[], grid: StepGrid, apartMs: number, terms: StepTerms): Sums {
  const steps = rowsByStep(samples, grid);
  const [beginMs, lastMs] = [samples[0]?.atMs ?? 0, samples.at(-1)?.atMs ?? 0];
  const [firstAt, lastAt] = [grid.stepOf(beginMs), grid.stepOf(lastMs)];
  if (lastAt - firstAt >= terms.stepsMax) return { first: firstAt, values: undefined, partialSteps: 0 };
  // Rows closer than steps are of parts of them: they begin and end in the middle of one.
  const isFiner = apartMs > 0 && 2 * apartMs <= grid.startMs(firstAt + 1) - grid.startMs(firstAt);
  const first = isFiner && beginMs - grid.startMs(firstAt) >= apartMs ? firstAt + 1 : firstAt;
  let end = isFiner && lastMs + apartMs < grid.startMs(lastAt + 1) ? lastAt : lastAt + 1;
  while (end > first && grid.startMs(end) > terms.nowMs) end -= 1;
  const usualRows = median([...steps.values()].map(({ rows }) => rows));
  const valueAt = (at: number): number | undefined => {
    const step = steps.get(at);
    return step === undefined ? undefined : combined(step, usualRows, terms);
  };
  const all = Array.from({ length: Math.max(0, end - first) }, (_, position) => valueAt(first + position));
  const before = Math.max(
    0,
    all.findIndex((value) => value !== undefined),
  );
  const values = all.slice(before, all.findLastIndex((value) => value !== undefined) + 1);
  return { first: first + before, values, partialSteps: lastAt + 1 - firstAt - all.length };
}

function combined({ rows, known, sum }: StepRows, usualRows: number, { combine, gaps }: StepTerms): number | undefined {
  if (known === 0) return undefined;
  if (combine === 'mean') return sum / known;
  // Where rows are events, there may be few of them.
  const isPartial = gaps === 'unknown' && usualRows >= USUAL_ROWS_MIN && Math.min(rows, known) < usualRows * ROWS_SHARE_MIN;
  return isPartial ? undefined : sum;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1] ?? 0;
}
