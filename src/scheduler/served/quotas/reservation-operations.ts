import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../../contract/api/outcome.ts';
import { refuseBeyond } from '../../../contract/limits/limit-refusal.ts';
import type { ReservationRecord, ReservedNodes } from '../../../contract/queues/reservation-record.ts';
import { amountsOf } from '../../../contract/queues/reservation-record.ts';
import type { TenantId } from '../../../kernel/ids.ts';
import { ok } from '../../../kernel/result.ts';
import type { KeyedRequest } from '../../../kernel/sql/spent-keys.ts';
import type { Cell } from '../../engine/cell/cell.ts';
import type { SharingParts } from './queue-operations.ts';
import { must } from '../../../kernel/assert.ts';
import { cheapestNodes } from '../../engine/machine/booking-events.ts';
import { engineQueue } from './cohort-tree.ts';

/** What tenants and operators reserve for queues. Each call is one transaction. */
export class ReservationOperations {
  readonly #parts: SharingParts;

  constructor(parts: SharingParts) {
    this.#parts = parts;
  }

  /** Refuses with `queue_not_found`, `invalid_value`, `limit_exceeded`, or for a repetition as idempotency keys do. */
  reserve(given: Omit<ReservationRecord, 'createdAtMs'>, request: KeyedRequest | null): Outcome<ReservationRecord> {
    const { sharing, nowMs, transact } = this.#parts;
    return transact(() => {
      const known = sharing.settings.repeated('reservation', given.tenantId, request, nowMs());
      if (!known.ok) return known;
      if (known.value !== undefined) return ok(known.value);
      const made = this.#fitting({ ...given, fromMs: Math.max(given.fromMs, nowMs()), createdAtMs: nowMs() });
      if (!made.ok) return made;
      const limit = { limit: 'reservationsMaxCount', what: 'the tenant has' } as const;
      const added = sharing.settings.add('reservation', given.tenantId, made.value, request, limit);
      if (!added.ok) return added;
      sharing.follow();
      sharing.book(made.value);
      return added;
    });
  }

  /** Refuses with `reservation_not_found`. */
  release(tenantId: TenantId, id: string): Outcome<null> {
    const { sharing, nowMs, transact } = this.#parts;
    return transact(() => {
      const found = this.#find(tenantId, id);
      if (!found.ok) return found;
      sharing.settings.remove('reservation', tenantId, id, nowMs());
      sharing.follow();
      sharing.unbook(id);
      return ok(null);
    });
  }

  reservation(tenantId: TenantId, id: string): Outcome<ReservationRecord> {
    return this.#find(tenantId, id);
  }

  /** By id, after `after`: one more than `limit` when there are more. */
  reservations(tenantId: TenantId, limit: number, after = ''): readonly ReservationRecord[] {
    return this.#ofTenant(tenantId)
      .filter(({ name }) => name > after)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .slice(0, limit + 1);
  }

  #find(tenantId: TenantId, id: string): Outcome<ReservationRecord> {
    const found = this.#ofTenant(tenantId).find(({ name }) => name === id);
    if (found !== undefined) return ok(found);
    return refuseResource('reservation_not_found', { kind: 'reservation', name: id }, `no reservation ${id}`, 'reservation');
  }

  /** Those that are not over. */
  #ofTenant(tenantId: TenantId): readonly ReservationRecord[] {
    const nowMs = this.#parts.nowMs();
    return this.#parts.sharing.reservations
      .filter((one) => one.tenantId === tenantId && one.untilMs > nowMs)
      .map((one) => this.#asItStands(one));
  }

  /** With the nodes that it has now: some may have gone since it was made, and others been taken instead. */
  #asItStands(one: ReservationRecord): ReservationRecord {
    const ids = this.#parts.sharing.cell.bookings.find(one.name)?.nodeIds;
    return one.nodes === undefined || ids === undefined ? one : { ...one, nodes: { ...one.nodes, ids } };
  }

  /** There are as many machines for it, and, where no operator grants it, as much of what the tenant has. [J191] */
  #fitting(asked: ReservationRecord): Outcome<ReservationRecord> {
    const { sharing } = this.#parts;
    const { tenantId, queue, fromMs, untilMs, isGranted } = asked;
    const named = sharing.queueNamed(tenantId, queue);
    if (!named.ok) return named;
    if (untilMs <= fromMs) return refuse('invalid_value', 'must be after start, and not past', 'end');
    const found = withNodes(sharing.cell, asked);
    if (!found.ok) return found;
    const others = sharing.reservations.filter((one) => one.fromMs < untilMs && fromMs < one.untilMs);
    for (const [resource, amountMilli] of amountsOf(found.value)) {
      const sum = (which: (one: ReservationRecord) => boolean): number =>
        others.filter(which).reduce((total, one) => total + amountIn(one, resource), 0);
      const left = capacityMilli(sharing.cell, resource) - sum(() => true);
      if (amountMilli > left) return beyond(amountMilli, left, `of ${resource} there are`, 'add machines, or choose another time');
      if (isGranted) continue;
      const free = sharing.undividedMilli(tenantId, resource) - sum((one) => one.tenantId === tenantId && !one.isGranted);
      if (amountMilli <= free) continue;
      return beyond(amountMilli, free, `of ${resource} the tenant has, undivided,`, 'take it from a queue, or ask an operator for more');
    }
    return found;
  }
}

const amountIn = (record: ReservationRecord, wanted: string): number =>
  amountsOf(record).reduce((sum, [resource, amountMilli]) => sum + (resource === wanted ? amountMilli : 0), 0);

const beyond = (amountMilli: number, leftMilli: number, has: string, advice: string) => {
  const [value, bound] = [amountMilli / 1_000, Math.max(0, leftMilli) / 1_000];
  return refuseBeyond({
    path: 'count',
    limit: { bound },
    value,
    what: `is ${value}; ${has} ${bound} that are not reserved at that time`,
    advice,
  });
};

/** What the machines have that are there now. */
function capacityMilli({ fleet }: Cell, resource: string): number {
  let milli = 0;
  for (const { spec: pool } of fleet.pools) {
    for (const index of fleet.nodesOf(pool.id)) {
      const { accelerator, acceleratorCount, cpuMilli } = fleet.node(index).spec;
      milli += resource === 'cpu' ? cpuMilli : accelerator === resource ? acceleratorCount * 1_000 : 0;
    }
  }
  return milli;
}

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
