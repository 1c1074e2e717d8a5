import { must } from '../../../kernel/assert.ts';
import { optionsInTime } from '../admission/in-time.ts';
import { tryOption } from '../admission/try-option.ts';
import { rootOf } from '../fairness/quota-tree.ts';
import { resize, admit } from '../life/begin-attempt.ts';
import type { Cell } from '../cell/cell.ts';
import { comesFirst } from './grow.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { stepsToSpare } from '../cell/job-record.ts';
import { acceptsPool } from '../model/job-spec.ts';

/**
 * Finds a placement for a job by taking from others what exceeds their least: no job needs it, so a waiting job may have it. Takes a step
 * at a time from the one with most to spare, until there is a placement. Returns whether there is.
 */
export function makeOthersShrink(cell: Cell, job: JobRecord): boolean {
  if (cell.jobs.shrinkable.size === 0) return false;
  for (const option of optionsInTime(cell, job)) {
    const done = cell.undo.allOrNothing(() => shrinkFor(cell, job, option));
    if (done === true) return true;
  }
  wakeOnceFirst(cell, job);
  return false;
}

/** A job that has waited long enough comes before a service of more priority: then it is examined again. [J265] */
function wakeOnceFirst(cell: Cell, job: JobRecord): void {
  const { agingMs, agingMax } = cell.settings;
  for (const service of cell.jobs.inOrder(cell.jobs.shrinkable)) {
    const ahead = service.spec.priority - job.spec.priority;
    if (!comesFirst(cell, job, service) && ahead <= agingMax) cell.wakeAt(job.submittedAtMs + ahead * agingMs);
  }
}

function shrinkFor(cell: Cell, job: JobRecord, option: number): true | undefined {
  const steps = stepsFor(cell, job, option);
  const count = fewest(steps.length, (taken) =>
    cell.undo.trial(() => {
      takeSteps(cell, steps.slice(0, taken));
      return 'offer' in tryOption(cell, job, option, 'brief');
    }),
  );
  if (count === undefined) return undefined;
  takeSteps(cell, steps.slice(0, count));
  const attempted = tryOption(cell, job, option, 'brief');
  if (!('offer' in attempted)) return undefined;
  admit(cell, job, attempted.offer);
  return true;
}

/** The fewest from 1 to `most` that are enough, as more are whenever fewer are; undefined when not even all are. Few mostly do. */
function fewest(most: number, isEnough: (count: number) => boolean): number | undefined {
  let low = 0;
  let high = Math.min(1, most);
  while (high > low && !isEnough(high)) [low, high] = [high, Math.min(2 * high, most)];
  if (high === low) return undefined;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** A step that a job can do without. */
interface Step {
  readonly job: JobRecord;
  /** Nodes it has to spare before this. */
  readonly spare: number;
}

/**
 * The steps of jobs that hold what the job could use, quota of the same tree or nodes that it accepts: from the one with most to spare at
 * the time.
 */
function stepsFor(cell: Cell, waiting: JobRecord, option: number): readonly Step[] {
  const { spec } = waiting;
  const wanted = must(spec.options[option], 'the option exists');
  const root = rootOf(cell.holdings.queueOf(spec));
  const steps = cell.jobs.inOrder(cell.jobs.shrinkable).flatMap((job): Step[] => {
    const { poolId, option: its } = must(job.attempt, 'a job with nodes has an attempt');
    const isOfUse = rootOf(cell.holdings.queueOf(job.spec)) === root || acceptsPool(wanted, cell.fleet.pool(poolId).spec);
    const { step } = must(job.spec.options[its], 'the option exists').nodes;
    return isOfUse && comesFirst(cell, waiting, job)
      ? Array.from({ length: stepsToSpare(job) }, (_, index) => ({ job, spare: (index + 1) * step }))
      : [];
  });
  return steps.toSorted((a, b) => b.spare - a.spare || a.job.sequence - b.job.sequence);
}

function takeSteps(cell: Cell, steps: readonly Step[]): void {
  const taken = new Map<JobRecord, number>();
  for (const { job } of steps) taken.set(job, (taken.get(job) ?? 0) + 1);
  for (const job of cell.jobs.inOrder(Array.from(taken.keys(), ({ spec }) => spec.id))) {
    const attempt = must(job.attempt, 'a job with nodes has an attempt');
    const { step } = must(job.spec.options[attempt.option], 'the option exists').nodes;
    const { slots } = attempt.placement;
    resize(cell, job, attempt, slots.slice(0, slots.length - (taken.get(job) ?? 0) * step));
  }
}
