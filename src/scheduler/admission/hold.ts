import { must } from '../../kernel/assert.ts';
import { bundleOf } from '../fairness/bundle.ts';
import type { Offer } from '../life/offer.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import { owner } from '../machine/job-record.ts';
import { effectivePriority } from '../queue/effective-priority.ts';
import type { Reservation } from '../queue/reservation.ts';

/** The resource class that an option competes for. */
export const resourceClass = ({ spec }: JobRecord, option: number): string => spec.options[option]?.accelerator ?? 'cpu';

/**
 * What a job must leave alone: the reservation of its resource class, unless it is its own, or it comes before the job that has it, by
 * priority or by what its quota covers, or will surely be done before that one starts.
 */
export function holdAgainst(cell: Cell, job: JobRecord, option: number): Reservation | undefined {
  const hold = cell.reservations.of(resourceClass(job, option));
  if (hold === undefined || hold.jobId === job.spec.id) return undefined;
  const first = cell.job(hold.jobId);
  const { durationMaxMs } = job.spec.limits;
  const isBackInTime = durationMaxMs !== null && hold.startMs !== null && cell.nowMs + durationMaxMs <= hold.startMs;
  return isBackInTime || comesBefore(cell, job, option, first, hold.option) ? undefined : hold;
}

function comesBefore(cell: Cell, job: JobRecord, option: number, first: JobRecord, firstOption: number): boolean {
  const lead = effectivePriority(cell, job) - effectivePriority(cell, first);
  // Who has waited long enough is no longer passed by those whose quota covers more.
  if (lead !== 0) return lead > 0;
  const { holders } = cell.holdings;
  const standing = (one: JobRecord, its: number): number => holders.standingWith(cell.holdings.holderOf(one, its));
  return job.spec.queue !== first.spec.queue && standing(job, option) < standing(first, firstOption);
}

/** Whether the job that comes first would still have a place when those it waits for are gone, if another took this one now. */
export function leavesHold(
  cell: Cell,
  hold: Reservation,
  job: JobRecord,
  offer: Offer,
  hasPlace: (job: JobRecord, option: number) => boolean,
): boolean {
  const { accelerator } = must(job.spec.options[offer.option], 'the option exists');
  return cell.undo.trial(() => {
    cell.fleet.cluster.allocate(offer.placement);
    const bundle = bundleOf(accelerator, offer.placement.demand, offer.placement.slots.length);
    cell.tree.take(cell.holdings.queueOf(job.spec), bundle, 1);
    for (const id of hold.after) {
      const other = cell.find(id);
      const attempt = other === undefined ? null : owner(other);
      if (other !== undefined && attempt !== null) cell.holdings.give(other, attempt);
    }
    return hasPlace(cell.job(hold.jobId), hold.option);
  });
}
