import { must } from '../../../kernel/assert.ts';
import { effectivePriority, firstOf } from '../cell/feasibility.ts';
import { available, bundleOf, rootOf } from '../fairness/quota-tree.ts';
import { resize } from '../life/begin-attempt.ts';
import type { Cell } from '../cell/cell.ts';
import type { Attempt, JobRecord } from '../cell/job-record.ts';
import { stepsWanted } from '../cell/job-record.ts';
import type { Slot } from '../model/cluster-state.ts';
import type { ResourceOption } from '../model/job-spec.ts';
import { domainKey } from '../placement/domains.ts';

/**
 * Gives jobs that could use more nodes what no waiting job needs, in their order. Waiting jobs come first, whatever they wait for: a job
 * must not grow into what another is about to get.
 */
export function grow(cell: Cell): void {
  for (const job of cell.jobs.inOrder(cell.jobs.growable)) {
    const attempt = must(job.attempt, 'a job on nodes has an attempt');
    const wanted = must(job.spec.options[attempt.option], 'the option exists');
    if (isAwaited(cell, job, wanted)) continue;
    growBy(cell, job, attempt, wanted, stepsWanted(job) * wanted.nodes.step, NOTHING_HELD);
  }
}

/**
 * Gives groups that have lost nodes of their least others, before any waiting job is placed: they have had the quota for as many all along. Not
 * nodes that are reserved. [J213]
 */
export function restore(cell: Cell): void {
  for (const job of cell.jobs.inOrder(cell.jobs.growable)) {
    const attempt = must(job.attempt, 'a job on nodes has an attempt');
    const wanted = must(job.spec.options[attempt.option], 'the option exists');
    const lacking = Math.min(wanted.nodes.min - attempt.placement.slots.length, stepsWanted(job) * wanted.nodes.step);
    if (lacking <= 0) continue;
    growBy(cell, job, attempt, wanted, lacking, new Set([...cell.reservations.all].flatMap(({ nodes }) => nodes)));
  }
}

/**
 * Gives services that follow their load the nodes that it asks for, before waiting jobs of less priority are placed: a service that has too few
 * nodes competes as a waiting job does. Not nodes that are reserved. [J265]
 */
export function growServices(cell: Cell): void {
  for (const job of cell.jobs.inOrder(cell.jobs.growable)) {
    const attempt = must(job.attempt, 'a job on nodes has an attempt');
    const wanted = must(job.spec.options[attempt.option], 'the option exists');
    if (job.spec.scaling === null || isAwaited(cell, job, wanted)) continue;
    const held = new Set([...cell.reservations.all].flatMap(({ nodes }) => nodes));
    growBy(cell, job, attempt, wanted, stepsWanted(job) * wanted.nodes.step, held);
  }
}

/** Whether a waiting job comes before a job that has nodes and could use more: any does, but where load asks for them, one of less priority. */
export const comesFirst = (cell: Cell, waiting: JobRecord, { spec }: JobRecord): boolean =>
  spec.scaling === null || effectivePriority(cell, waiting) >= spec.priority;

const NOTHING_HELD: ReadonlySet<number> = new Set();

function growBy(cell: Cell, job: JobRecord, attempt: Attempt, wanted: ResourceOption, more: number, held: ReadonlySet<number>): void {
  const slots = moreSlots(cell, job, attempt, wanted, more, held);
  if (slots !== undefined) resize(cell, job, attempt, [...attempt.placement.slots, ...slots]);
}

/** Whether a waiting job that comes first shares the job's quota, or could use the nodes it would take. */
function isAwaited(cell: Cell, job: JobRecord, { accelerator }: ResourceOption): boolean {
  const root = rootOf(cell.holdings.queueOf(job.spec));
  for (const pending of cell.pending.all) {
    const uses = pending.exemplar.options.some(
      (option) => option.accelerator === accelerator || option.accelerator === null || accelerator === null,
    );
    if ((rootOf(pending.queue) === root || uses) && comesFirst(cell, firstOf(cell, pending), job)) return true;
  }
  return false;
}

/** As many steps more as quota, price and room allow, in the pool and the domain it is in. */
function moreSlots(
  cell: Cell,
  job: JobRecord,
  attempt: Attempt,
  wanted: ResourceOption,
  more: number,
  held: ReadonlySet<number>,
): readonly Slot[] | undefined {
  const { placement, poolId } = attempt;
  const { topology, perNode, nodes } = wanted;
  if (topology?.block === true) return undefined;
  const taken = new Set(placement.slots.map(({ node }) => node));
  const booked = cell.bookings.against(job, cell.nowMs);
  const home = topology === null || topology.mode === 'preferred' ? undefined : domainOf(cell, placement.slots, topology);
  const allows = (node: number): boolean =>
    !taken.has(node) &&
    !held.has(node) &&
    !booked.has(cell.fleet.cluster.spec(node).id) &&
    !cell.holdings.occupants.isOn(node) &&
    (home === undefined || domainOf(cell, [{ node, mask: 0 }], topology) === home);
  const doubted = cell.fleet.doubted(cell.nowMs);
  const trusts = (node: number): boolean => !doubted.has(node) && allows(node);
  for (const may of growsAnywhere(job) && doubted.size > 0 ? [trusts, allows] : [trusts]) {
    for (let count = steps(allowance(cell, job, attempt, wanted, more), nodes.step); count > 0; count -= nodes.step) {
      const request = { nodes: cell.fleet.roomyNodes(poolId, perNode), demand: perNode, count, topology: null };
      const slots = cell.placer.place({ ...request, allows: may });
      if (slots !== undefined) return slots;
    }
  }
  // Once they are trusted again it may grow there.
  for (const untilMs of doubted.values()) cell.wakeAt(untilMs);
  return undefined;
}

/** Whether it loses nothing by a part on a node that is dead: a gang stops as a whole whenever a member comes or goes. [J266] */
const growsAnywhere = ({ spec }: JobRecord): boolean => spec.kind === 'online_inference';

/** Of so many nodes more, those that the job's quota and its price limit allow. */
export function allowance(cell: Cell, job: JobRecord, attempt: Attempt, { accelerator, perNode }: ResourceOption, more: number): number {
  const queue = cell.holdings.queueOf(job.spec);
  const withinQuota = bundleOf(accelerator, perNode, 1).reduce(
    (count, { resource, quantity }) => Math.min(count, Math.floor(available(queue, resource) / quantity)),
    more,
  );
  return Math.max(0, Math.min(withinQuota, affordable(job, attempt) - attempt.placement.slots.length));
}

const steps = (count: number, step: number): number => Math.floor(count / step) * step;

function affordable({ spec }: JobRecord, { segment, placement }: Attempt): number {
  const limit = spec.limits.priceMaxNanoDollarsPerHour;
  if (limit === null || segment === null || segment.nanoDollarsPerHour === 0) return Infinity;
  const perNode = Math.ceil((segment.milli * segment.nanoDollarsPerHour) / (1_000 * placement.slots.length));
  return Math.floor(limit / perNode);
}

function domainOf(cell: Cell, [slot]: readonly Slot[], topology: ResourceOption['topology']): string | undefined {
  return slot === undefined || topology === null ? undefined : domainKey(cell.fleet.cluster.spec(slot.node), topology, 1);
}
