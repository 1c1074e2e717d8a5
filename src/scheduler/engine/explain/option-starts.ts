import { runsSeen } from '../admission/in-time.ts';
import { soonestPlacement } from '../admission/reserve.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { nodesWanted } from '../cell/job-record.ts';
import { runTermsOf } from '../model/run-estimate.ts';
import type { DeadlineOutlook, OptionStart } from './deadline-outlook.ts';
import { deadlineOutlook } from './deadline-outlook.ts';

/**
 * Whether a job that is not over will be done by its deadline: by the option that it has, else by each that it may have, from the earliest that there
 * may be nodes for it to the latest. Null where it has no deadline. Changes nothing.
 */
export function outlookOf(cell: Cell, job: JobRecord): DeadlineOutlook | null {
  return deadlineOutlook(runTermsOf(job.spec), startsOf(cell, job), runsSeen(cell, job));
}

function startsOf(cell: Cell, job: JobRecord): readonly OptionStart[] {
  const { attempt, spec } = job;
  if (spec.limits.deadlineAtMs === null) return [];
  if (attempt !== null) {
    const { option, placement, runningAtMs, startedAtMs } = attempt;
    return [{ option, nodes: placement.slots.length, earliestMs: runningAtMs ?? startedAtMs ?? cell.nowMs }];
  }
  return spec.options.map((wanted, option): OptionStart => {
    const soonest = soonestPlacement(cell, job, option);
    const nodes = soonest?.offer.placement.slots.length ?? nodesWanted(job, wanted);
    return { option, nodes, earliestMs: cell.nowMs, latestMs: soonest?.startMs ?? null };
  });
}
