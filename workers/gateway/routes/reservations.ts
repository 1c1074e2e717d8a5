import type { ReservationRecord } from '../../../src/contract/reservation-record.ts';
import { isActive } from '../../../src/contract/reservation-record.ts';
import type { ReservationReply } from '../../../src/contract/reservations.ts';
import type { Handlers } from '../serve.ts';
import { pageReply, replied, seconds } from './wire.ts';

export const reservationHandlers = {
  createReservation: ({ gateway, principal, body, idempotencyKey }) =>
    replied(gateway.heavy.reservations.create(principal, body, idempotencyKey), (made) => reservationReply(gateway.clock.nowMs())(made)),
  listReservations: ({ gateway, principal, query }) =>
    replied(gateway.heavy.reservations.list(principal, query.tenant, query.limit, query.after), (page) =>
      pageReply(page, reservationReply(gateway.clock.nowMs())),
    ),
  getReservation: ({ gateway, principal, params, query }) =>
    replied(gateway.heavy.reservations.find(principal, query.tenant, params.reservation), (found) =>
      reservationReply(gateway.clock.nowMs())(found),
    ),
  deleteReservation: ({ gateway, principal, params, query }) =>
    replied(gateway.heavy.reservations.remove(principal, query.tenant, params.reservation), () => ({
      id: params.reservation,
      object: 'reservation.deleted',
      deleted: true,
    })),
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
