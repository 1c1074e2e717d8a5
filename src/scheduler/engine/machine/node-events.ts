import { leftNodes, goOnWithout } from '../elastic/follow-load.ts';
import type { Notice } from '../life/end-attempt.ts';
import { leave, requestEviction, toEach } from '../life/end-attempt.ts';
import type { ModelWeights } from '../model/job-spec.ts';
import type { NodeSpec } from '../model/pool-spec.ts';
import { watched } from '../placement/work-cost.ts';
import type { ResidentWeights } from '../cell/resident-weights.ts';
import { withoutUser, withUser } from '../cell/resident-weights.ts';
import type { Cell } from '../cell/cell.ts';
import { saveNode, releaseHold } from '../cell/changes.ts';
import type { Attempt, JobRecord, EvictionReason } from '../cell/job-record.ts';
import { nodesOf, owner } from '../cell/job-record.ts';
import type { NodeRecord } from '../cell/records.ts';
import type { CellEvent } from '../cell/event.ts';

/** Takes nodes in. Those that their pool had asked for are not coming any more. */
export function addNodes(
  cell: Cell,
  { nodes: specs, weights = NO_WEIGHTS, doubted = NONE }: Extract<CellEvent, { readonly kind: 'add_nodes' }>,
): void {
  for (const poolId of new Set(specs.map((spec) => spec.poolId))) watch(cell, poolId, 0);
  for (const spec of specs) {
    if (cell.fleet.find(spec.id) !== undefined) continue;
    const { nodeDoubtMs } = cell.settings;
    const doubt = nodeDoubtMs !== undefined && doubted.includes(spec.id) ? { doubtedUntilMs: cell.nowMs + nodeDoubtMs } : {};
    const node = cell.fleet.add(spec, cell.nowMs, { weights: found(weights[spec.id] ?? [], spec), ...doubt });
    cell.decide({ kind: 'save_node', node });
    const pool = cell.fleet.pool(spec.poolId);
    if (pool.comingCount > 0) cell.savePool({ ...pool, comingCount: pool.comingCount - 1 });
  }
  cell.poolChoices = new WeakMap();
  cell.bookings.nodesChanged();
  cell.pending.wake(() => true);
}

const NO_WEIGHTS: Readonly<Record<string, readonly ModelWeights[]>> = {};
const NONE: readonly string[] = [];

/** Weights that were on a node before it came: no job uses them. Those beyond what it has for weights are ignored. */
function found(weights: readonly ModelWeights[], { memoryMib, weightsMaxMib = memoryMib }: NodeSpec): readonly ResidentWeights[] {
  let resident: readonly ResidentWeights[] = [];
  let leftMib = Math.min(memoryMib, weightsMaxMib);
  for (const one of weights) {
    if (one.memoryMib > leftMib) continue;
    leftMib -= one.memoryMib;
    resident = withoutUser(withUser(resident, one), one.model);
  }
  return resident;
}

export function provisionFailed(cell: Cell, poolId: NodeSpec['poolId'], count: number): void {
  const pool = cell.fleet.pool(poolId);
  cell.savePool({ ...pool, comingCount: Math.max(0, pool.comingCount - count) });
}

/** No new work for a node; what runs there goes on. */
export function cordon(cell: Cell, nodeId: string): void {
  const node = cell.fleet.find(nodeId);
  if (node?.state === 'open') saveNode(cell, { ...node, state: 'draining' });
}

/** A node takes new work again. */
export function uncordon(cell: Cell, nodeId: string): void {
  const node = cell.fleet.find(nodeId);
  if (node?.state !== 'draining') return;
  const { goneAtMs: _, ...known } = node;
  saveNode(cell, { ...known, state: 'open' });
  cell.pending.wake(() => true);
}

/** No new work for a node; the eviction of the jobs there is requested, by then at the latest. */
export function drain(cell: Cell, nodeId: string, reason: 'node_drain' | 'spot_notice', goneAtMs = Infinity): void {
  const node = cell.fleet.find(nodeId);
  if (node === undefined) return;
  if (node.state === 'open') {
    if (reason === 'spot_notice') watch(cell, node.spec.poolId, 1);
    saveNode(cell, { ...node, state: 'draining', ...(goneAtMs === Infinity ? {} : { goneAtMs }) });
  }
  clearNode(cell, node, { reason, goneAtMs }, () => true);
  dropEmpty(cell);
}

/** Requests that jobs of a node leave it; those that can go on without it do so. */
export function clearNode(cell: Cell, node: NodeRecord, notice: Notice, isMeant: (job: JobRecord) => boolean): void {
  toEach(cell, jobsOn(cell, node).filter(isMeant), (job) => {
    if (isGivingUp(job, node.index) || goOnWithout(cell, job, node.index, false)) return;
    requestEviction(cell, job, notice);
  });
}

/** A node is gone, with all that ran there: no job can save. A job that had other nodes, too, must leave those before it may run again elsewhere. */
export function nodeLost(cell: Cell, nodeId: string): void {
  const node = cell.fleet.find(nodeId);
  if (node === undefined) return;
  if (node.state === 'open') watch(cell, node.spec.poolId, 1);
  saveNode(cell, { ...node, state: 'gone' });
  toEach(cell, jobsOn(cell, node), (job) => {
    // One that was giving it up has left it; it keeps the others.
    if (isGivingUp(job, node.index)) return leftNodes(cell, job, job.attempt, (index) => index === node.index);
    if (goOnWithout(cell, job, node.index, true)) return;
    const robbed = job.attempt?.startedAtMs == null ? job : { ...job, lost: { nodeId, atMs: cell.nowMs } };
    const isAllGone = nodesOf(job).every((index) => cell.fleet.node(index).state === 'gone');
    if (isAllGone) leave(cell, robbed, job.attempt?.leaving?.reason ?? 'node_lost');
    else requestEviction(cell, robbed, { reason: 'node_lost', goneAtMs: cell.nowMs });
  });
  dropEmpty(cell);
}

/** Whether a job is on the node only until it has left it, and stays on others. */
const isGivingUp = (job: JobRecord, node: number): job is JobRecord & { readonly attempt: Attempt } =>
  owner(job)?.shedding.some((slot) => slot.node === node) === true;

/** Counts up to now how long the nodes of a pool have been there, and how many were taken away. */
function watch(cell: Cell, poolId: NodeSpec['poolId'], taken: number): void {
  const pool = cell.fleet.pool(poolId);
  const interruptions = watched(pool.interruptions, cell.fleet.nodesOf(poolId).length, cell.nowMs);
  cell.savePool({ ...pool, interruptions: { ...interruptions, count: interruptions.count + taken } });
  cell.poolChoices = new WeakMap();
}

/** Forgets nodes that are gone, once nothing is held there. */
export function dropEmpty(cell: Cell): void {
  if (cell.undo.isOpen) return;
  for (const index of cell.fleet.gone) {
    const isEmpty = cell.fleet.cluster.columns.slotCount[index] === 0 && !cell.holdings.occupants.isOn(index);
    if (!isEmpty) continue;
    cell.fleet.remove(index);
    cell.poolChoices = new WeakMap();
    cell.decide({ kind: 'forget_node', index });
  }
}

const jobsOn = (cell: Cell, { index }: NodeRecord): readonly JobRecord[] => cell.jobs.inOrder(cell.jobs.onNodes.on([index]));

/** Cohorts and queues are others from now on. A queue that places no jobs keeps no nodes from others; one that is drained asks its jobs to leave. */
export function changeCohorts(cell: Cell, { saved, gone }: Extract<CellEvent, { readonly kind: 'change_cohorts' }>): void {
  cell.changeCohorts(saved, gone);
  for (const { name, stop } of saved) {
    if (stop === 'hold') releaseHolds(cell, name);
    if (stop === 'hold_and_drain') clearQueue(cell, name, 'queue_stopped');
  }
}

/** A queue that places no jobs: the eviction of those that are placed is requested, and no nodes are held for the others. */
export function clearQueue(cell: Cell, name: string, reason: EvictionReason): void {
  releaseHolds(cell, name);
  const jobs = cell.jobs.inOrder(cell.jobs.placed).filter(({ spec }) => spec.queue === name);
  toEach(cell, jobs, (job) => requestEviction(cell, job, { reason }));
}

function releaseHolds(cell: Cell, name: string): void {
  const held = [...cell.reservations.all].map(({ jobId }) => jobId).filter((id) => cell.jobs.get(id).spec.queue === name);
  for (const id of held) releaseHold(cell, id);
}
