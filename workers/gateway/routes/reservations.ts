import type { ReservationRecord } from '../../../src/contract/reservation-record.ts';
import { isActive } from '../../../src/contract/reservation-record.ts';
import type { ReservationReply } from '../../../src/contract/reservations.ts';
import type { Handlers } from '../serve.ts';
import { pageReply, seconds } from './wire.ts';

export const reservationHandlers = {
  createReservation: async ({ gateway, principal, body, idempotencyKey }) => {
    const made = await gateway.heavy.reservations.create(principal, body, idempotencyKey);
    return made.ok ? { ok: true, reply: reservationReply(gateway.clock.nowMs())(made.value), used: {} } : made;
  },
  listReservations: async ({ gateway, principal, query }) => {
    const page = await gateway.heavy.reservations.list(principal, query.tenant, query.limit, query.after);
    return page.ok ? { ok: true, reply: pageReply(page.value, reservationReply(gateway.clock.nowMs())), used: {} } : page;
  },
  getReservation: async ({ gateway, principal, params, query }) => {
    const found = await gateway.heavy.reservations.find(principal, query.tenant, params.reservation);
    return found.ok ? { ok: true, reply: reservationReply(gateway.clock.nowMs())(found.value), used: {} } : found;
  },
  deleteReservation: async ({ gateway, principal, params, query }) => {
    const removed = await gateway.heavy.reservations.remove(principal, query.tenant, params.reservation);
    return removed.ok ? { ok: true, reply: { id: params.reservation, object: 'reservation.deleted', deleted: true }, used: {} } : removed;
  },
} satisfies Partial<Handlers>;

const reservationReply =
  (nowMs: number) =>
  (one: ReservationRecord): ReservationReply => ({
    id: one.name,
    object: 'reservation',
    tenant: one.tenantId,
    queue: one.queue,
    accelerator: one.resource === 'cpu' ? null : one.resource,
    count: one.nodes?.count ?? one.amountMilli / 1_000,
    pool: one.nodes?.poolId ?? null,
    nodes: one.nodes === undefined ? null : [...one.nodes.ids],
    start: seconds(one.fromMs),
    end: seconds(one.untilMs),
    granted: one.isGranted,
    state: isActive(one, nowMs) ? 'active' : 'scheduled',
    created_at: seconds(one.createdAtMs),
  });
