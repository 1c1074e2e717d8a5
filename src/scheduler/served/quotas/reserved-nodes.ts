import type { Outcome } from '../../../contract/outcome.ts';
import { refuse, refuseBeyond, refuseResource } from '../../../contract/outcome.ts';
import type { ReservationRecord, ReservedNodes } from '../../../contract/reservation-record.ts';
import { must } from '../../../kernel/assert.ts';
import { ok } from '../../../kernel/result.ts';
import { cheapestNodes } from '../../engine/machine/booking-events.ts';
import type { Cell } from '../../engine/cell/cell.ts';
import { engineQueue } from './cohort-tree.ts';

/**
 * A reservation with the nodes that it asks for, and what they have, if it asks for any. Refuses a tenant, nodes and pools that are not there, and
 * nodes that are reserved for the same time. [J196]
 */
export function withNodes(cell: Cell, asked: ReservationRecord): Outcome<ReservationRecord> {
  if (asked.nodes === undefined) return ok(asked);
  if (!asked.isGranted) {
    const path = asked.nodes.isNamed ? 'nodes' : 'pool';
    return refuse('invalid_value', 'only operators reserve nodes: leave it out, or ask an operator', path);
  }
  const ids = asked.nodes.isNamed ? namedNodes(cell, asked, asked.nodes) : someNodes(cell, asked, asked.nodes);
  if (!ids.ok) return ids;
  const acceleratorsMilli: Record<string, number> = {};
  let amountMilli = 0;
  for (const id of ids.value) {
    const { cpuMilli, accelerator, acceleratorCount } = must(cell.fleet.find(id), 'a chosen node is there').spec;
    amountMilli += cpuMilli;
    if (accelerator !== null) acceleratorsMilli[accelerator] = (acceleratorsMilli[accelerator] ?? 0) + acceleratorCount * 1_000;
  }
  return ok({ ...asked, resource: 'cpu', amountMilli, nodes: { ...asked.nodes, ids: ids.value, acceleratorsMilli } });
}

function namedNodes(cell: Cell, { fromMs, untilMs }: ReservationRecord, { ids, poolId }: ReservedNodes): Outcome<readonly string[]> {
  for (const id of ids) {
    const node = cell.fleet.find(id);
    if (node === undefined || (poolId !== null && node.spec.poolId !== poolId)) {
      const there = poolId === null ? '' : ` in ${poolId}`;
      return refuseResource('node_not_found', { kind: 'node', name: id }, `no node ${id}${there}`, 'nodes');
    }
    const others = [...cell.bookings.all].filter((other) => other.nodeIds.includes(id) && other.fromMs < untilMs && fromMs < other.untilMs);
    if (others.length > 0) return refuse('state_conflict', `${id} is reserved for that time already: choose another node or time`, 'nodes');
  }
  return ok(ids);
}

function someNodes(cell: Cell, asked: ReservationRecord, { poolId, count }: ReservedNodes): Outcome<readonly string[]> {
  if (poolId === null || !cell.fleet.hasPool(poolId))
    return refuseResource('pool_not_found', { kind: 'pool', name: poolId ?? '' }, `no pool ${poolId}`, 'pool');
  const { name: id, tenantId, queue, fromMs, untilMs } = asked;
  const ids = cheapestNodes(cell, {
    id,
    queue: engineQueue(tenantId, queue),
    fromMs,
    untilMs,
    poolId,
    count,
    nodeIds: [],
    hasBegun: false,
  });
  if (ids.length === count) return ok(ids);
  return refuseBeyond({
    path: 'count',
    limit: { bound: ids.length },
    value: count,
    what: `is ${count}; the pool has ${ids.length} nodes that take work and are not reserved at that time`,
    advice: 'add machines, or choose another time',
  });
}
