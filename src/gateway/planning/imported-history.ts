import type { SeriesForecast } from '../../capacity/forecast/series-forecast.ts';
import { forecastWithGaps } from '../../capacity/history/forecast-with-gaps.ts';
import { historySamples } from '../../capacity/history/history-samples.ts';
import type { SteppedHistory } from '../../capacity/history/history-steps.ts';
import { steppedHistory } from '../../capacity/history/history-steps.ts';
import { SHAPE_OF, STEPS_A_DAY } from '../../capacity/history/step-grid.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { HistoryBody, HistoryQuery, HistoryStep } from '../../contract/planning/history.ts';
import { PLANNING_LIMITS } from '../../contract/planning/planning-limits.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import { DAY_MS, HOUR_MS } from '../../kernel/time-units.ts';
import type { Histories } from './usage-history.ts';

/** A series of a history as it was read. */
export interface ImportedSeries extends SteppedHistory {
  readonly name: string;
  readonly zone: string;
  readonly totalRows: number;
}

/** What is measured of the meter that a history is of. */
interface Measured {
  readonly fromMs: number | undefined;
  readonly steps: number;
  readonly replacedSteps: number;
}

export interface HistorySeries {
  readonly imported: ImportedSeries;
  /** Where the first whole step of the history begins, and where the last one ends that was not measured. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Steps without a value, up to where what was measured begins. */
  readonly gaps: number;
  readonly measured: Measured;
  readonly steps: number;
  readonly forecast: SeriesForecast;
  /** When the step of a point of the forecast begins. */
  readonly atMs: (position: number) => number;
}

/** A history and what was measured behind it, up to now. */
export interface JoinedSeries extends HistorySeries {
  readonly step: 'day' | 'hour';
  readonly startMs: number;
  readonly stepMs: number;
  /** What hours had, as far as it is known; absent: by the ledger. */
  readonly hours?: readonly number[];
}

/** How many steps ahead a forecast of so many days looks: of hours, those of a week at most. */
export function stepsAhead(step: HistoryStep, days: number): number {
  return Math.ceil(STEPS_A_DAY[step] * (step === 'hour' ? Math.min(days, PLANNING_LIMITS.forecastHourlyDaysMax) : days));
}

/** The series of a history that was sent. Refuses what cannot be read, and more steps than are forecast at once. */
export function importedSeries(body: HistoryBody, query: HistoryQuery, nowMs: number): Outcome<ImportedSeries[]> {
  const samples = historySamples(body, query, nowMs);
  if (!samples.ok) return samples;
  const { zone, series, totalRows } = samples.value;
  const all: ImportedSeries[] = [];
  let stepsMax: number = PLANNING_LIMITS.historyStepsMaxCount;
  for (const [name, rows] of series) {
    const stepped = steppedHistory(rows, { ...query, zone, nowMs, stepsMax });
    if (!stepped.ok) return stepped;
    stepsMax -= stepped.value.values.length;
    all.push({ ...stepped.value, name, zone: zone.name, totalRows });
  }
  if (all.length === 0) return refuse('invalid_value', 'has no rows but those of totals', 'csv');
  return ok(all);
}

const UNMEASURED: Measured = { fromMs: undefined, steps: 0, replacedSteps: 0 };

/** A history by itself, forecast from its end on. */
export function forecastAlone(imported: ImportedSeries, { horizon_days: days, level }: HistoryQuery): HistorySeries {
  const { grid, first, values, gaps } = imported;
  const end = first + values.length;
  const forecast = forecastWithGaps(values, SHAPE_OF[grid.step], stepsAhead(grid.step, days), Number(level));
  const [fromMs, toMs] = [grid.startMs(first), grid.startMs(end)];
  const steps = values.length;
  return { imported, fromMs, toMs, gaps, measured: UNMEASURED, steps, forecast, atMs: (position) => grid.startMs(end + position) };
}

/**
 * The history of one meter and what the ledger has counted of it: the history ends where what was measured begins, and steps that neither has are unknown.
 * Refuses several series, weeks, which the ledger does not have, and a history that ended longer ago than forecasts look ahead. [K28]
 */
export function joinedWith(
  all: readonly ImportedSeries[],
  { meter, horizon_days: days, level }: HistoryQuery,
  histories: Histories,
): Outcome<{ readonly series: JoinedSeries; readonly notes: readonly string[] }> {
  const imported = must(all[0], 'a history has a series');
  const key = must(meter, 'what is joined is of a meter');
  if (all.length > 1)
    return refuse('invalid_value', `is of one series, and the history has ${all.length}: leave it out, or send one`, 'meter');
  const { step } = imported.grid;
  if (step === 'week')
    return refuse('invalid_value', 'must be hour or day where the history is of a meter, which is measured by these', 'step');
  const stepMs = step === 'day' ? DAY_MS : HOUR_MS;
  const { values: counted, endMs } = histories[step].series(key);
  const end = endMs / stepMs;
  const begin = end - counted.length;
  const first = Math.min(imported.first, begin);
  const kept = imported.values.slice(0, Math.max(0, begin - imported.first));
  const importedEnd = Math.max(first, imported.first + kept.length);
  const behind = Math.max(0, begin - importedEnd);
  if (counted.length === 0 && behind > PLANNING_LIMITS.forecastDaysMax * STEPS_A_DAY[step])
    return refuseBeyond({
      path: 'csv',
      limit: 'forecastDaysMax',
      value: Math.ceil(behind / STEPS_A_DAY[step]),
      what: `ends ${Math.ceil(behind / STEPS_A_DAY[step])} days ago, and nothing was measured since`,
      advice: 'leave out the meter to forecast it from its end',
    });
  const values = [...kept, ...Array.from({ length: behind }, () => undefined), ...counted];
  if (values.length > PLANNING_LIMITS.historyStepsMaxCount)
    return refuseBeyond({
      path: 'csv',
      limit: 'historyStepsMaxCount',
      value: values.length,
      what: `spans ${values.length} ${step}s up to now`,
      advice: 'sum by a longer step, or leave out what is old',
    });
  const forecast = forecastWithGaps(values, SHAPE_OF[step], stepsAhead(step, days), Number(level));
  const hours = step === 'hour' ? values.map((value) => value ?? 0) : undefined;
  const notes: string[] = [];
  if (step === 'day' && imported.zone !== 'UTC')
    notes.push(`days of the history are of ${imported.zone}, those that were measured of UTC: they are joined by their dates`);
  if (step === 'day' && histories.hour.series(key).values.every((value) => value === 0))
    notes.push('the busiest hour of a day is not known: limits of an hour or less are compared with all of a day in one hour');
  const series: JoinedSeries = {
    imported,
    fromMs: imported.first * stepMs,
    toMs: Math.max(imported.first, importedEnd) * stepMs,
    gaps: imported.gaps + behind,
    measured: {
      fromMs: counted.length === 0 ? undefined : begin * stepMs,
      steps: counted.length,
      replacedSteps: imported.values.length - kept.length,
    },
    steps: values.length,
    forecast,
    atMs: (position) => endMs + position * stepMs,
    step,
    startMs: endMs,
    stepMs,
    ...(hours === undefined ? {} : { hours }),
  };
  return ok({ series, notes });
}
