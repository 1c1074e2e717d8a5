import { must } from '../../../kernel/assert.ts';
import { available, bundleOf, rootOf } from '../fairness/quota-tree.ts';
import type { Offer } from '../cell/offer.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { owner } from '../cell/job-record.ts';
import { resourceClass, effectivePriority } from '../cell/feasibility.ts';
import { tightestMask } from '../placement/accelerator-masks.ts';
import type { NodeDemand } from '../model/job-spec.ts';
import type { Slot } from '../model/cluster-state.ts';
import type { Reservation } from '../cell/records.ts';

/**
 * What a job must leave alone: the reservations of its resource class, unless one is its own, and but for those of jobs that it comes before,
 * by priority or by what its quota covers, or that start only when it will surely be done.
 */
export function holdsAgainst(cell: Cell, job: JobRecord, option: number): readonly Reservation[] {
  const resource = resourceClass(job, option);
  const holds = [...cell.reservations.all].filter((hold) => hold.resource === resource);
  if (holds.length === 0 || holds.some(({ jobId }) => jobId === job.spec.id)) return [];
  return holds.filter((hold) => !isDoneBefore(cell, job, hold) && !comesBefore(cell, job, option, cell.jobs.get(hold.jobId), hold.option));
}

function isDoneBefore(cell: Cell, job: JobRecord, { startMs }: Reservation): boolean {
  const durationMs = longestMs(cell, job);
  return durationMs !== undefined && startMs !== null && cell.nowMs + durationMs <= startMs;
}

function comesBefore(cell: Cell, job: JobRecord, option: number, first: JobRecord, firstOption: number): boolean {
  const lead = effectivePriority(cell, job) - effectivePriority(cell, first);
  // A job that has waited long enough is no longer passed by those whose quota covers more.
  if (lead !== 0 || cell.settings.order === 'priority') return lead > 0;
  const { holders } = cell.holdings;
  const standing = (one: JobRecord, its: number): number => holders.standingWith(cell.holdings.holderOf(one, its));
  return job.spec.queue !== first.spec.queue && standing(job, option) < standing(first, firstOption);
}

/** Whether a placement cannot interfere with a reservation: neither by its nodes nor by its quota. */
export const isApart = (cell: Cell, hold: Reservation, job: JobRecord, { placement }: Offer): boolean =>
  rootOf(cell.holdings.queueOf(job.spec)).spec.name !== hold.root && placement.slots.every(({ node }) => !hold.nodes.includes(node));

/** Of the nodes that are held, those with room for a demand now that leaves room for all that are held there, once those they wait for are gone. */
export function nodesToSpare(cell: Cell, holds: readonly Reservation[], demand: NodeDemand): ReadonlySet<number> {
  const { cluster } = cell.fleet;
  const open = new Set(holds.flatMap(({ nodes }) => nodes).filter((node) => cluster.fits(node, demand)));
  for (const hold of holds) {
    const taken = hold.nodes.filter((node) => open.has(node)).map((node) => ({ node, mask: tightestMask(cluster, node, demand) }));
    if (taken.length === 0) continue;
    const { perNode } = must(cell.jobs.get(hold.jobId).spec.options[hold.option], 'the option exists');
    const isTooFew = (slot: Slot): boolean =>
      cell.undo.trial(() => {
        cluster.allocate({ demand, slots: [slot] });
        return !cluster.fits(slot.node, perNode);
      });
    // Where there is enough with all jobs present, there is enough with some of them gone.
    const inDoubt = taken.filter(isTooFew);
    if (inDoubt.length === 0) continue;
    cell.undo.trial(() => {
      supposeAllGone(cell, hold);
      for (const slot of inDoubt) if (isTooFew(slot)) open.delete(slot.node);
    });
  }
  return open;
}

function supposeAllGone(cell: Cell, { after }: Reservation): void {
  for (const id of after) {
    const other = cell.jobs.find(id);
    const attempt = other === undefined ? null : owner(other);
    if (other !== undefined && attempt !== null) cell.holdings.supposeGone(other, attempt);
  }
}

/** Whether the first job would still fit on its reserved nodes once the jobs it waits for are gone, if another took this placement now. */
export function leavesHold(cell: Cell, hold: Reservation, job: JobRecord, offer: Offer): boolean {
  const { accelerator } = must(job.spec.options[offer.option], 'the option exists');
  const first = cell.jobs.get(hold.jobId);
  const { perNode } = must(first.spec.options[hold.option], 'the option exists');
  const { queue, bundle } = cell.holdings.holderOf(first, hold.option);
  return cell.undo.trial(() => {
    cell.fleet.cluster.allocate(offer.placement);
    const taken = bundleOf(accelerator, offer.placement.demand, offer.placement.slots.length);
    cell.tree.take(cell.holdings.queueOf(job.spec), taken, 1);
    supposeAllGone(cell, hold);
    const hasQuota = bundle.every(({ resource, quantity }) => quantity <= available(queue, resource));
    return hasQuota && hold.nodes.every((node) => cell.fleet.cluster.fits(node, perNode));
  });
}

/** The longest time that a job starting now will take; undefined when unknown. */
export function longestMs(cell: Cell, { spec, classKey }: JobRecord): number | undefined {
  const { durationMaxMs } = spec.limits;
  if (durationMaxMs !== null) return durationMaxMs;
  return cell.settings.trustsObservedDurations ? cell.durations.of(classKey) : undefined;
}
