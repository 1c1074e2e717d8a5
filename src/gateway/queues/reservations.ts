import type { Outcome } from '../../contract/api/outcome.ts';
import type { Principal } from '../../contract/api/principal.ts';
import type { ReservationRecord } from '../../contract/queues/reservation-record.ts';
import type { CreateReservation } from '../../contract/queues/reservations.ts';
import type { Hmac } from '../../kernel/hmac.ts';
import type { PoolId, TenantId } from '../../kernel/ids.ts';
import { base32 } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Rng } from '../../kernel/rng.ts';
import { entropyFor } from '../tenancy/entropy.ts';
import { requestDigest, subjectOf } from '../tenancy/subject.ts';
import type { JobQueue } from '../jobs/job-queue.ts';

export interface ReservationParts {
  readonly cell: Pick<JobQueue, 'operate'>;
  readonly rng: Rng;
  readonly hmac: Hmac;
  /** Refuses a tenant that there is not. */
  readonly knows: (tenantId: TenantId) => Promise<Outcome<unknown>>;
}

const ID_CHARS = 20;

/** What tenants, and operators for them, reserve for queues. */
export class Reservations {
  readonly #parts: ReservationParts;

  constructor(parts: ReservationParts) {
    this.#parts = parts;
  }

  async create(principal: Principal, body: CreateReservation, idempotencyKey: string | undefined): Promise<Outcome<ReservationRecord>> {
    const { cell, rng, hmac } = this.#parts;
    const subject = await this.#subject(principal, body.tenant);
    if (!subject.ok) return subject;
    const entropy = entropyFor(rng, hmac, `${subject.value}/reservations`, idempotencyKey);
    const given = {
      name: `rsv_${base32(await entropy.bytes('id', ID_CHARS))}`,
      tenantId: subject.value,
      queue: body.queue,
      resource: body.accelerator ?? 'cpu',
      amountMilli: (body.count ?? 0) * 1_000,
      ...nodesOf(body),
      fromMs: (body.start ?? 0) * 1_000,
      untilMs: body.end * 1_000,
      isGranted: principal.kind === 'admin',
    };
    const digest = await requestDigest(principal, 'reservation.create', body);
    return cell.operate('reserve', given, idempotencyKey === undefined ? null : { key: idempotencyKey, digest });
  }

  async find(principal: Principal, tenant: TenantId | undefined, id: string): Promise<Outcome<ReservationRecord>> {
    const subject = await this.#subject(principal, tenant);
    return subject.ok ? this.#parts.cell.operate('reservation', subject.value, id) : subject;
  }

  async remove(principal: Principal, tenant: TenantId | undefined, id: string): Promise<Outcome<null>> {
    const subject = await this.#subject(principal, tenant);
    return subject.ok ? this.#parts.cell.operate('release', subject.value, id) : subject;
  }

  async list(principal: Principal, tenant: TenantId | undefined, limit: number, after: string | undefined) {
    const subject = await this.#subject(principal, tenant);
    if (!subject.ok) return subject;
    const found = await this.#parts.cell.operate('reservations', subject.value, limit, after);
    return ok({ items: found.slice(0, limit), hasMore: found.length > limit });
  }

  async #subject(principal: Principal, named: TenantId | undefined): Promise<Outcome<TenantId>> {
    const subject = subjectOf(principal, named);
    if (!subject.ok || principal.kind === 'tenant') return subject;
    const known = await this.#parts.knows(subject.value);
    return known.ok ? subject : known;
  }
}

/** The nodes that are asked for: which, and what they have, the cell knows. */
function nodesOf({ pool, nodes, count = 0 }: CreateReservation): Pick<ReservationRecord, 'nodes'> {
  if (pool === undefined && nodes === undefined) return {};
  const poolId = (pool ?? null) as PoolId | null;
  return { nodes: { poolId, count: nodes?.length ?? count, isNamed: nodes !== undefined, ids: nodes ?? [], acceleratorsMilli: {} } };
}
