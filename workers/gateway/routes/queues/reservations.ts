import type { ReservationRecord } from '../../../../src/contract/queues/reservation-record.ts';
import { isActive } from '../../../../src/contract/queues/reservation-record.ts';
import type { ReservationReply } from '../../../../src/contract/queues/reservations.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { pageReply, seconds, replied } from '../wire.ts';

export const reservationHandlers = {
  createReservation: async ({ gateway, principal, body, idempotencyKey }) =>
    replied(await gateway.heavy.reservations.create(principal, body, idempotencyKey), reservationReply(gateway.clock.nowMs())),
  listReservations: async ({ gateway, principal, query }) =>
    replied(await gateway.heavy.reservations.list(principal, query.tenant, query.limit, query.after), (page) =>
      pageReply(page, reservationReply(gateway.clock.nowMs())),
    ),
  getReservation: async ({ gateway, principal, params, query }) =>
    replied(await gateway.heavy.reservations.find(principal, query.tenant, params.reservation), reservationReply(gateway.clock.nowMs())),
  deleteReservation: async ({ gateway, principal, params, query }) =>
    replied(await gateway.heavy.reservations.remove(principal, query.tenant, params.reservation), () => ({
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
