import type { JobId } from '../../../kernel/ids.ts';
import { rootOf } from '../fairness/cohort-node.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import { Departures } from './departures.ts';
import { resourceClass } from './resource-class.ts';
import { mayClaim, patientUntil } from './may-reserve.ts';
import type { Offer } from '../life/offer.ts';

/**
 * Reserves nodes for the first job of its resource class without a placement: those that will be free soonest, so that others pass it only
 * with nodes it does not need, or if they end before it starts. Without this, small jobs would keep a large one waiting for ever.
 */
export function reserve(cell: Cell, job: JobRecord): void {
  const patientUntilMs = patientUntil(cell, job);
  if (cell.nowMs < patientUntilMs) return cell.wakeAt(patientUntilMs);
  const root = rootOf(cell.holdings.queueOf(job.spec)).spec.name;
  for (let option = 0; option < job.spec.options.length; option++) {
    const resource = resourceClass(job, option);
    const held = cell.reservations.of(root, resource);
    if (!mayClaim(cell, job, held)) continue;
    const soonest = soonestPlace(cell, job, option);
    if (soonest === undefined) continue;
    if (held !== undefined) cell.releaseHold(held.jobId);
    const { startMs, after, offer } = soonest;
    const nodes = offer.placement.slots.map(({ node }) => node);
    cell.reservations.set({ root, resource, jobId: job.spec.id, option, after, startMs, nodes });
    return;
  }
}

interface Soonest {
  /** Null when it depends on jobs that may take for ever. */
  readonly startMs: number | null;
  /** The jobs that have to end first. */
  readonly after: readonly JobId[];
  readonly offer: Offer;
}

/** The first placement a job would have if no job came and all took as long as they may; undefined when never. Changes nothing. */
export function soonestPlace(cell: Cell, job: JobRecord, option: number): Soonest | undefined {
  return cell.undo.trial(() => {
    for (const reservation of cell.reservations.all) cell.reservations.remove(reservation);
    const room = new Departures(cell, job, option).firstRoom();
    if (room === undefined) return undefined;
    const endMs = room.endMs ?? cell.nowMs;
    return { startMs: endMs === Infinity ? null : Math.max(cell.nowMs, endMs), after: room.gone, offer: room.offer };
  });
}
