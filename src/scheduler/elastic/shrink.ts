import { must } from '../../kernel/assert.ts';
import { tryOption } from '../admission/try-option.ts';
import { resize } from '../life/resize.ts';
import { admit } from '../life/admit.ts';
import type { Cell } from '../machine/cell.ts';
import { inOrder } from '../machine/in-order.ts';
import type { Attempt, JobRecord } from '../machine/job-record.ts';
import { owner } from '../machine/job-record.ts';

/** A job that has more nodes than it cannot do without. */
interface Surplus {
  readonly job: JobRecord;
  readonly attempt: Attempt;
  readonly min: number;
  readonly step: number;
}

/**
 * Finds a place for a job by taking from others what they have beyond their least: nobody needs it, so whoever waits may have it. Takes a step
 * at a time from who has most to spare, until there is a place. Answers whether there is.
 */
export function makeOthersShrink(cell: Cell, job: JobRecord): boolean {
  const surpluses = surplusesOf(cell, job);
  if (surpluses.length === 0) return false;
  for (let option = 0; option < job.spec.options.length; option++) {
    const done = cell.undo.allOrNothing(() => shrinkFor(cell, job, option, surpluses));
    if (done === true) return true;
  }
  return false;
}

function shrinkFor(cell: Cell, job: JobRecord, option: number, surpluses: readonly Surplus[]): true | undefined {
  const counts = new Map(surpluses.map(({ job: other, attempt }) => [other.spec.id, attempt.placement.slots.length]));
  const spare = ({ job: other, min, step }: Surplus): number => Math.floor(((counts.get(other.spec.id) ?? 0) - min) / step) * step;
  for (;;) {
    const most = surpluses.reduce((best, one) => (spare(one) > spare(best) ? one : best));
    if (spare(most) === 0) return undefined;
    const count = (counts.get(most.job.spec.id) ?? 0) - most.step;
    counts.set(most.job.spec.id, count);
    const offer = cell.undo.trial(() => {
      shrinkAll(cell, surpluses, counts);
      const attempted = tryOption(cell, job, option, 'brief');
      return 'offer' in attempted;
    });
    if (!offer) continue;
    shrinkAll(cell, surpluses, counts);
    // Looked for again now that others are leaving: nodes that nobody has to leave come first.
    const attempted = tryOption(cell, job, option, 'brief');
    if (!('offer' in attempted)) return undefined;
    admit(cell, job, attempted.offer);
    return true;
  }
}

function shrinkAll(cell: Cell, surpluses: readonly Surplus[], counts: ReadonlyMap<JobRecord['spec']['id'], number>): void {
  for (const { job, attempt } of surpluses) {
    const count = counts.get(job.spec.id) ?? attempt.placement.slots.length;
    if (count < attempt.placement.slots.length) resize(cell, job, attempt, attempt.placement.slots.slice(0, count));
  }
}

function surplusesOf(cell: Cell, asking: JobRecord): Surplus[] {
  return inOrder(cell, cell.elastic).flatMap((job): Surplus[] => {
    const attempt = owner(job);
    if (attempt === null || attempt.shedding.length > 0 || job.spec.id === asking.spec.id) return [];
    const { min, step } = must(job.spec.options[attempt.option], 'the option exists').nodes;
    return attempt.placement.slots.length - min >= step ? [{ job, attempt, min, step }] : [];
  });
}
