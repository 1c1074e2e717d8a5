import type { Cell } from '../engine/cell/cell.ts';
import type { JobRecord } from '../engine/cell/job-record.ts';
import { isFinished } from '../engine/cell/job-record.ts';
import type { DeadlineOutlook } from '../engine/explain/deadline-outlook.ts';
import { outlookOf } from '../engine/explain/option-starts.ts';
import type { StartForecast } from '../engine/explain/start-forecast.ts';
import { forecastStart } from '../engine/explain/start-forecast.ts';

/** What will probably become of a job. Plain data. */
export interface Foreseen {
  /** Null: it does not wait for nodes. */
  readonly forecast: StartForecast | null;
  /** Null: it has no deadline, or is over. */
  readonly outlook: DeadlineOutlook | null;
}

export const NOTHING_KNOWN: Foreseen = { forecast: null, outlook: null };

/** For so long what was foreseen of a job holds while nothing is decided: askers that poll take no work. */
const HOLDS_MS = 1_000;

const known = new WeakMap<JobRecord, { readonly cell: Cell; readonly kept: number; readonly atMs: number; readonly found: Foreseen }>();

/** As of a time: the cell may have slept since its last step. Changes nothing. */
export function foreseen(cell: Cell, job: JobRecord, nowMs: number): Foreseen {
  if (isFinished(job)) return NOTHING_KNOWN;
  const last = cell.undo.isOpen ? undefined : known.get(job);
  const holds = last?.cell === cell && last.kept === cell.undo.kept && nowMs >= last.atMs && nowMs < last.atMs + HOLDS_MS;
  if (last !== undefined && holds) return last.found;
  const found = cell.undo.trial(() => {
    cell.advance(nowMs);
    return { forecast: forecastStart(cell, job), outlook: outlookOf(cell, job) };
  });
  if (cell.undo.isOpen) return found;
  known.set(job, { cell, kept: cell.undo.kept, atMs: nowMs, found });
  const { forecast } = found;
  if (forecast?.played != null)
    cell.startErrors.expect(job.spec.id, {
      ...forecast.played,
      earliestMs: forecast.earliestMs ?? Infinity,
      latestMs: forecast.latestMs ?? Infinity,
    });
  return found;
}
