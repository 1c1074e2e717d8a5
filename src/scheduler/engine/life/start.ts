import type { Cell } from '../machine/cell.ts';
import { inOrder } from '../machine/in-order.ts';
import type { JobRecord } from '../machine/job-record.ts';
import { nodesOf } from '../machine/job-record.ts';
import { enterNodes } from '../weights/node-weights.ts';
import { openSegment } from './open-segment.ts';

/** Hands an admitted job to its pool unless another job is still on its nodes. */
export function start(cell: Cell, job: JobRecord): void {
  const { attempt } = job;
  if (job.state !== 'admitted' || attempt === null || cell.holdings.leavers.block(attempt.placement)) return;
  const begun = { ...attempt, startedAtMs: cell.nowMs };
  cell.save({ ...job, state: 'starting', attempt: { ...begun, segment: openSegment(cell, job, begun) } });
  enterNodes(cell, job, nodesOf(job));
  const nodeIds = attempt.placement.slots.map(({ node }) => cell.fleet.node(node).spec.id);
  cell.decide({ kind: 'start', jobId: job.spec.id, fence: attempt.fence, poolId: attempt.poolId, nodeIds });
}

/** Hands over the jobs that waited for others to leave these nodes. */
export function startOn(cell: Cell, nodes: Iterable<number>): void {
  for (const job of inOrder(cell, cell.admitted.on(nodes))) start(cell, job);
}
