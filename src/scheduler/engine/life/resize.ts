import type { Cell } from '../machine/cell.ts';
import type { Attempt, JobRecord } from '../machine/job-record.ts';
import { nodesOf } from '../machine/job-record.ts';
import type { Slot } from '../model/placement.ts';
import { enterNodes } from '../weights/node-weights.ts';
import { chargeSegment } from './charge-segment.ts';
import { openSegment } from './open-segment.ts';

/** Changes the nodes of an attempt. Those it gives up it owns no longer, and is on until it says that it has left them. */
export function resize(cell: Cell, job: JobRecord, attempt: Attempt, slots: readonly Slot[]): void {
  const kept = new Set(slots.map(({ node }) => node));
  const shedding = attempt.startedAtMs === null ? [] : attempt.placement.slots.filter(({ node }) => !kept.has(node));
  const charged = chargeSegment(cell, job);
  const resized: Attempt = { ...(charged.attempt ?? attempt), placement: { ...attempt.placement, slots }, shedding };
  const segment = attempt.segment === null ? null : openSegment(cell, charged, resized);
  cell.save({ ...charged, attempt: { ...resized, segment } });
  if (attempt.startedAtMs === null) return;
  const had = new Set(nodesOf(job));
  enterNodes(
    cell,
    job,
    [...kept].filter((node) => !had.has(node)),
  );
  const nodeIds = slots.map(({ node }) => cell.fleet.node(node).spec.id);
  cell.decide({ kind: 'resize', jobId: job.spec.id, fence: attempt.fence, nodeIds });
}
