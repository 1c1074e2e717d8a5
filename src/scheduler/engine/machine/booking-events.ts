import { costOf, isProtected } from '../preemption/may-evict.ts';
import { policyFor } from '../cell/feasibility.ts';
import type { Cell } from '../cell/cell.ts';
import { forgetDestinations } from '../cell/changes.ts';
import { clearNode } from './node-events.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { owner } from '../cell/job-record.ts';
import type { Booking } from '../cell/records.ts';

// Nodes that one queue has for itself for some time. [J194]

/** Nodes are booked; once per id. */
export function book(cell: Cell, booking: Booking): void {
  if (cell.bookings.find(booking.id) !== undefined) return;
  cell.bookings.save(booking);
  cell.bookings.nodesChanged();
}

/** Nodes are booked no more: others may have them. */
export function cancelBooking(cell: Cell, id: string): void {
  if (cell.bookings.find(id) === undefined) return;
  cell.bookings.remove(id);
  cell.pending.wake(() => true);
}

/** Lets bookings end and begin whose time has come, and those that have lost nodes have others of their pool. */
export function keepBookings(cell: Cell): void {
  if (cell.bookings.isEmpty) return;
  for (const booking of cell.bookings.all) {
    if (booking.untilMs <= cell.nowMs) cancelBooking(cell, booking.id);
    else if (!booking.hasBegun && booking.fromMs <= cell.nowMs) begin(cell, booking);
  }
  if (cell.bookings.takeChange()) for (const booking of cell.bookings.all) refill(cell, booking);
}

function begin(cell: Cell, booking: Booking): void {
  take(cell, { ...booking, hasBegun: true, nodeIds: cheapestNodes(cell, booking) });
  // Others may have what it had been expected to have.
  cell.bookings.nodesChanged();
}

/** Of a number of nodes of a pool, some may be gone, and others there instead. */
function refill(cell: Cell, booking: Booking): void {
  const present = booking.nodeIds.filter((id) => cell.fleet.find(id)?.state === 'open');
  if (booking.poolId === null || present.length === booking.count) return;
  const nodeIds = cheapestNodes(cell, { ...booking, nodeIds: present }, true);
  if (nodeIds.length === booking.nodeIds.length && nodeIds.every((id, at) => id === booking.nodeIds[at])) return;
  take(cell, { ...booking, nodeIds });
}

/** From now on the nodes are those of the booking; while it lasts, the jobs of other queues there are asked to leave. */
function take(cell: Cell, booking: Booking): void {
  cell.bookings.save(booking);
  cell.pending.wake(() => true);
  if (!booking.hasBegun) return;
  for (const id of booking.nodeIds) {
    const node = cell.fleet.find(id);
    if (node === undefined) continue;
    forgetDestinations(cell, node.index);
    clearNode(cell, node, { reason: 'reserved' }, ({ spec }) => spec.queue !== booking.queue);
  }
}

/**
 * Of the pool of a booking, the nodes that cost least to clear for it: by what the jobs lose that would be evicted, those that are protected last.
 * Those that it has already go first where it `keeps` them, else among equals. Fewer than it wants where the pool has no more that are not booked
 * for the same time. [J196]
 */
export function cheapestNodes(cell: Cell, booking: Booking, keeps = false): readonly string[] {
  const { id, poolId, queue, count, fromMs, untilMs, nodeIds } = booking;
  if (poolId === null) return nodeIds;
  const taken = new Set<string>();
  for (const other of cell.bookings.all)
    if (other.id !== id && other.fromMs < untilMs && fromMs < other.untilMs) other.nodeIds.forEach((node) => taken.add(node));
  const had = new Set(nodeIds);
  const nodes = cell.fleet
    .nodesOf(poolId)
    .map((index) => cell.fleet.node(index))
    .filter(({ state, spec }) => state === 'open' && !taken.has(spec.id))
    .map(({ index, spec }) => ({ index, id: spec.id, cost: costToClear(cell, index, queue, fromMs), isNew: had.has(spec.id) ? 0 : 1 }));
  return nodes
    .toSorted((a, b) => (keeps ? a.isNew - b.isNew : 0) || a.cost - b.cost || a.isNew - b.isNew || a.index - b.index)
    .slice(0, count)
    .map((node) => node.id)
    .toSorted();
}

/** More than all work of a node could be worth. */
const PROTECTED = 1e18;

function costToClear(cell: Cell, node: number, queue: string, fromMs: number): number {
  let cost = 0;
  for (const jobId of cell.jobs.onNodes.on([node])) {
    const job = cell.jobs.get(jobId);
    const attempt = owner(job);
    if (attempt === null || job.spec.queue === queue || isOverBy(job, fromMs)) continue;
    const policy = policyFor(cell, job);
    cost += isProtected(policy, job) ? PROTECTED : costOf(cell, policy.victimOrder, job) / attempt.placement.slots.length;
  }
  return cost;
}

/** Whether a job will have ended by then, one way or another. */
function isOverBy({ spec, attempt }: JobRecord, atMs: number): boolean {
  const { durationMaxMs } = spec.limits;
  return durationMaxMs !== null && attempt !== null && attempt.startedAtMs !== null && attempt.startedAtMs + durationMaxMs <= atMs;
}
