import { must } from '../../../kernel/assert.ts';
import type { PoolId } from '../../../kernel/ids.ts';
import { affordablePools } from '../admission/candidate-plans.ts';
import { available, bundleOf } from '../fairness/quota-tree.ts';
import type { Cell } from '../cell/cell.ts';
import { saveNode } from '../cell/changes.ts';
import { stepsWanted } from '../cell/job-record.ts';
import type { NodeRecord, PoolRecord } from '../cell/records.ts';
import type { NodeDemand } from '../model/job-spec.ts';
import type { NodeTemplate, PoolElasticity } from '../model/pool-spec.ts';
import type { PendingClass } from '../cell/pending-queues.ts';
import { allowance } from './grow.ts';

/**
 * Lets pools follow what is asked of them: nodes are asked for when jobs wait that their quota would let run and no node has room for, in the
 * cheapest pool that may grow; nodes that have been idle for long enough are given back.
 */
export function scalePools(cell: Cell): void {
  if (!cell.fleet.isElastic) return;
  markIdle(cell);
  const booked = cell.bookings.nodesBooked();
  const wanted = new Map<PoolId, number>();
  for (const pending of [...cell.pending.all].sort((a, b) => a.jobs.firstSequence - b.jobs.firstSequence)) {
    if (!pending.isAwake && !cell.isHalted(pending)) addDemand(cell, pending, wanted);
  }
  addGrowth(cell, wanted);
  for (const { spec } of cell.fleet.pools) {
    const { elasticity, id } = spec;
    if (elasticity === null) continue;
    const pool = withoutOverdue(cell, id, elasticity);
    const asked = wanted.get(id) ?? 0;
    // Those that are booked are neither there for others nor released.
    const idle = cell.idleNodes.of(id).filter(({ spec: node }) => !booked.has(node.id));
    const more = Math.min(asked, elasticity.nodesMax - nodeCount(cell, pool)) - pool.comingCount - idle.length;
    if (more > 0) {
      cell.savePool({ ...pool, comingCount: pool.comingCount + more, askedAtMs: cell.nowMs });
      cell.decide({ kind: 'provision', poolId: id, count: more });
    }
    // Idle nodes may be what a waiting job needs.
    if (asked === 0 && pool.comingCount === 0) retire(cell, idle, elasticity.idleMs, nodeCount(cell, pool) - elasticity.nodesMin);
  }
}

/** Nodes that have not come in twice the time it takes are not counted on any more. */
function withoutOverdue(cell: Cell, id: PoolId, { provisioningMs }: PoolElasticity): PoolRecord {
  const pool = cell.fleet.pool(id);
  if (pool.comingCount === 0 || pool.askedAtMs === null) return pool;
  const overdueMs = pool.askedAtMs + 2 * provisioningMs;
  if (cell.nowMs >= overdueMs) cell.savePool({ ...pool, comingCount: 0 });
  else cell.wakeAt(overdueMs);
  return cell.fleet.pool(id);
}

const nodeCount = (cell: Cell, { spec }: PoolRecord): number => cell.fleet.nodesOf(spec.id).length;

/** Adds the nodes a class could use to the first pool it may run in that may still grow. */
function addDemand(cell: Cell, pending: PendingClass, wanted: Map<PoolId, number>): void {
  const { exemplar, queue, jobs } = pending;
  for (const [index, { accelerator, perNode, nodes }] of exemplar.options.entries()) {
    const pools = affordablePools(cell, exemplar, index);
    if ('kind' in pools) continue;
    const withinQuota = bundleOf(accelerator, perNode, nodes.min).reduce(
      (count, { resource, quantity }) => Math.min(count, Math.floor(available(queue, resource) / quantity)),
      jobs.size,
    );
    if (withinQuota <= 0) continue;
    const soonMs = heldFromMs(cell, pending, accelerator);
    const growing = pools.map(({ pool }) => roomToGrow(cell, pool, perNode, wanted)).find((growth) => growth !== undefined);
    if (growing === undefined) continue;
    const { id, room, perTemplate, provisioningMs } = growing;
    // A job whose nodes will be free before a new one could be there needs none.
    const count = soonMs <= cell.nowMs + provisioningMs ? withinQuota - 1 : withinQuota;
    // Of a gang each part has a node of its own.
    const needed = nodes.min > 1 ? count * nodes.min : Math.ceil(count / perTemplate);
    return addWanted(wanted, id, Math.min(room, needed));
  }
}

/** How many nodes more a pool may have whose new nodes have room for a demand, and for how many of it each; undefined: it cannot grow. */
function roomToGrow(cell: Cell, pool: PoolRecord, perNode: NodeDemand, wanted: ReadonlyMap<PoolId, number>) {
  const { elasticity, id } = pool.spec;
  if (elasticity === null) return undefined;
  const perTemplate = fitting(perNode, elasticity.template);
  const room = elasticity.nodesMax - nodeCount(cell, pool) - (wanted.get(id) ?? 0);
  return perTemplate === 0 || room <= 0 ? undefined : { id, room, perTemplate, provisioningMs: elasticity.provisioningMs };
}

function addWanted(wanted: Map<PoolId, number>, id: PoolId, count: number): void {
  wanted.set(id, (wanted.get(id) ?? 0) + count);
}

/** Adds the nodes that jobs on nodes want for their load, each one of its own, in the pool that they are in. [J219] */
function addGrowth(cell: Cell, wanted: Map<PoolId, number>): void {
  for (const job of cell.jobs.inOrder(cell.jobs.growable)) {
    if (job.spec.scaling === null) continue;
    const attempt = must(job.attempt, 'a job on nodes has an attempt');
    const option = must(job.spec.options[attempt.option], 'the option exists');
    const pool = cell.fleet.pool(attempt.poolId);
    const growth = roomToGrow(cell, pool, option.perNode, wanted);
    if (growth === undefined) continue;
    const more = allowance(cell, job, attempt, option, stepsWanted(job) * option.nodes.step);
    if (more > 0) addWanted(wanted, growth.id, Math.min(growth.room, more));
  }
}

/** From when on there is a placement for the first of a class, as far as one is reserved for it; Infinity when unknown. */
function heldFromMs(cell: Cell, { root, jobs }: PendingClass, accelerator: string | null): number {
  const hold = cell.reservations.of(root.spec.name, accelerator ?? 'cpu');
  return hold?.jobId === jobs.first ? (hold?.startMs ?? Infinity) : Infinity;
}

/** How many times a demand fits an empty node. */
function fitting({ cpuMilli, memoryMib, acceleratorCount, milliEach }: NodeDemand, template: NodeTemplate): number {
  const perAccelerator = milliEach === 0 ? 0 : Math.floor(1_000 / milliEach);
  const byAccelerators = acceleratorCount === 0 ? Infinity : Math.floor((template.acceleratorCount * perAccelerator) / acceleratorCount);
  const byCpu = cpuMilli === 0 ? Infinity : Math.floor(template.cpuMilli / cpuMilli);
  const byMemory = memoryMib === 0 ? Infinity : Math.floor(template.memoryMib / memoryMib);
  const count = Math.min(byAccelerators, byCpu, byMemory);
  return count === Infinity ? 1 : count;
}

/** Notes since when nothing runs on a node, and that something does again. */
function markIdle(cell: Cell): void {
  for (const node of cell.idleNodes.refresh()) {
    const idleSinceMs = cell.idleNodes.has(node) ? (node.idleSinceMs ?? cell.nowMs) : null;
    if (idleSinceMs !== node.idleSinceMs) saveNode(cell, { ...node, idleSinceMs });
  }
}

/** Releases nodes that have been idle for the pool's idle time, as many as permitted: not reserved ones. */
function retire(cell: Cell, idle: readonly NodeRecord[], idleMs: number, countMax: number): void {
  const held = new Set([...cell.reservations.all].flatMap(({ nodes }) => nodes));
  const open = idle.filter(({ index }) => !held.has(index));
  for (const node of open.slice(0, Math.max(0, countMax))) {
    const dueMs = (node.idleSinceMs ?? cell.nowMs) + idleMs;
    if (cell.nowMs < dueMs) {
      cell.wakeAt(dueMs);
      continue;
    }
    saveNode(cell, { ...node, state: 'gone' });
    cell.decide({ kind: 'retire', nodeId: node.spec.id });
  }
}
