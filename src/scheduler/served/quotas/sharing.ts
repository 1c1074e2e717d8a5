import type { CohortRecord, QueueRecord } from '../../../contract/queues/queue-record.ts';
import { DEFAULT_QUEUE } from '../../../contract/queues/queue-record.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../../contract/api/outcome.ts';
import { assert } from '../../../kernel/assert.ts';
import type { ReservationRecord } from '../../../contract/queues/reservation-record.ts';
import { amountsOf, isActive } from '../../../contract/queues/reservation-record.ts';
import type { TenantId } from '../../../kernel/ids.ts';
import { ok } from '../../../kernel/result.ts';
import type { Cell } from '../../engine/cell/cell.ts';
import type { CellEvent } from '../../engine/cell/event.ts';
import type { JobRequest } from '../jobs/job.ts';
import { priorityNumber } from '../jobs/job.ts';
import type { Layout } from './cohort-tree.ts';
import { changesTo, DEFAULT_QUEUE_SETTINGS, engineQueue, isQueueOf, parentOf, queueOf, specsOf, tenantCohort } from './cohort-tree.ts';
import type { SqliteNamedSettings } from './sqlite-named-settings.ts';

/** Operators' settings have no tenant. */
export const OPERATORS = '';

/** A reservation as others see it. */
export interface StandingReservation {
  readonly resource: string;
  readonly untilMs: number;
  readonly id: string | null;
}

/** How the jobs of tenants share a cell: what is laid down, and the events by which the engine follows it. Call in a transaction. */
export class Sharing {
  readonly settings: SqliteNamedSettings;
  readonly #cell: () => Cell;
  readonly #step: (events: readonly CellEvent[]) => void;
  /** Tenants that have made or changed a queue, as they are in storage: most have not, and their jobs read nothing of it. */
  #withQueues: ReadonlySet<string> | undefined;
  /** As they are in storage. */
  #reservations: readonly ReservationRecord[] | undefined;
  /** Up to when reservations have begun and ended; undefined where that is not known. */
  #keptUntilMs: number | undefined;
  readonly #nowMs: () => number;

  constructor(settings: SqliteNamedSettings, cell: () => Cell, step: (events: readonly CellEvent[]) => void, nowMs: () => number) {
    this.settings = settings;
    this.#nowMs = nowMs;
    this.#cell = cell;
    this.#step = step;
  }

  get cell(): Cell {
    return this.#cell();
  }

  get cohorts(): readonly CohortRecord[] {
    return this.settings.all('cohort', OPERATORS);
  }

  get reservations(): readonly ReservationRecord[] {
    this.#reservations ??= this.settings.everywhere('reservation');
    return this.#reservations;
  }

  /** Reservations of other queues that count now, of what a job asks for; `id` null: of another tenant. [J193] */
  inTheWayOf({ tenantId, queue, options }: Pick<JobRequest, 'tenantId' | 'queue' | 'options'>): readonly StandingReservation[] {
    const nowMs = this.#nowMs();
    const wanted = new Set(['cpu', ...options.flatMap(({ accelerator }) => accelerator ?? [])]);
    return this.reservations
      .filter((one) => isActive(one, nowMs) && (one.tenantId !== tenantId || one.queue !== queue))
      .flatMap((one) =>
        amountsOf(one)
          .filter(([resource]) => wanted.has(resource))
          .map(([resource]) => ({ resource, untilMs: one.untilMs, id: one.tenantId === tenantId ? one.name : null })),
      );
  }

  /** When a reservation next begins or ends; Infinity when none does. */
  nextDueMs(): number {
    const after = this.#keptUntilMs ?? -Infinity;
    return Math.min(...this.reservations.flatMap(({ fromMs, untilMs }) => [fromMs, untilMs]).filter((atMs) => atMs > after), Infinity);
  }

  /** What a tenant has of a resource that none of its queues is given. */
  undividedMilli(tenantId: TenantId, resource: string): number {
    const grants = this.cohorts.find((cohort) => cohort.tenantId === tenantId)?.settings.quotas ?? {};
    const queues = this.settings.all('queue', tenantId).map(({ settings }) => settings.quotas[resource]?.nominalMilli ?? 0);
    return queues.reduce((left, nominalMilli) => left - nominalMilli, grants[resource]?.nominalMilli ?? 0);
  }

  /** Lets reservations begin and end whose time has come; those that are over are forgotten. */
  keepTime(): void {
    const nowMs = this.#nowMs();
    if (this.nextDueMs() > nowMs) return;
    for (const { tenantId, name, untilMs } of this.reservations)
      if (untilMs <= nowMs) {
        this.settings.remove('reservation', tenantId, name, nowMs);
        this.unbook(name);
      }
    this.follow();
    this.#keptUntilMs = nowMs;
  }

  /** A queue as its tenant has it; undefined when there is none of that name. */
  queue(tenantId: TenantId, name: string): QueueRecord | undefined {
    this.#withQueues ??= new Set(this.settings.tenants());
    const known = this.#withQueues.has(tenantId) ? this.settings.find('queue', tenantId, name) : undefined;
    return known ?? (name === DEFAULT_QUEUE ? { name, createdAtMs: null, settings: DEFAULT_QUEUE_SETTINGS } : undefined);
  }

  /** Refuses with `queue_not_found`. */
  queueNamed(tenantId: TenantId, name: string): Outcome<QueueRecord> {
    const queue = this.queue(tenantId, name);
    return queue === undefined ? refuseResource('queue_not_found', { kind: 'queue', name }, `no queue ${name}`, 'queue') : ok(queue);
  }

  /** Refuses a queue that the tenant does not have, and a priority that jobs of the queue cannot have. */
  admits({ tenantId, queue: name, priority }: Pick<JobRequest, 'tenantId' | 'queue' | 'priority'>): Outcome<QueueRecord> {
    const queue = this.queueNamed(tenantId, name);
    if (!queue.ok) return queue;
    const { priorityMin, priorityMax } = queue.value.settings;
    const wanted = priorityNumber(priority);
    if (wanted >= priorityMin && wanted <= priorityMax) return queue;
    return refuse('invalid_value', `is ${wanted}; jobs of queue ${name} have ${priorityMin} to ${priorityMax}`, 'priority');
  }

  /** The events by which a tenant's queues come that the engine does not have yet. */
  arrivals(tenantId: TenantId): readonly CellEvent[] {
    return this.#cell().tree.queue(tenantId) === undefined ? [{ kind: 'add_queue', spec: this.defaultOf(tenantId) }] : [];
  }

  /** The queue `default` of a tenant that the engine does not know yet. */
  defaultOf(tenantId: TenantId): ReturnType<typeof queueOf> {
    return queueOf(tenantId, parentOf(this.cohorts, tenantId), this.queue(tenantId, DEFAULT_QUEUE)?.settings);
  }

  /** The queues of a tenant that the engine has. */
  queuesOf(tenantId: TenantId): readonly string[] {
    const { tree } = this.#cell();
    return tree.names.filter((name) => isQueueOf(tenantId, name) && tree.queue(name) !== undefined);
  }

  /** What is laid down now. */
  get layout(): Layout {
    const nowMs = this.#nowMs();
    const active = this.settings.everywhere('reservation').filter((one) => isActive(one, nowMs));
    return {
      cohorts: this.cohorts,
      queuesOf: (tenantId) => this.settings.all('queue', tenantId),
      reservations: active.flatMap((one) => amountsOf(one).map(([resource, amountMilli]) => ({ ...one, resource, amountMilli }))),
    };
  }

  /** Makes the engine's tree the one that is laid down; `without`: a tenant that is no more. */
  follow(without?: TenantId): void {
    this.forget();
    const { tree } = this.#cell();
    const tenants = [...tree.names.filter((name) => tree.queue(name) !== undefined && !name.includes('/')), ...this.settings.tenants()];
    const { layout } = this;
    const specs = specsOf(
      layout,
      [...new Set([...tenants, ...layout.reservations.map(({ tenantId }) => tenantId)])].filter((name) => name !== without) as TenantId[],
    );
    const changes = changesTo(tree, specs);
    if (changes.saved.length === 0 && changes.gone.length === 0) return;
    for (const name of changes.gone) assert(!this.hasJobs(name), 'a queue goes without unfinished jobs');
    this.#step([{ kind: 'change_cohorts', ...changes }]);
  }

  /** Lets the nodes of a reservation be its queue's alone for its time. [J194] */
  book({ name: id, tenantId, queue, fromMs, untilMs, nodes }: ReservationRecord): void {
    if (nodes === undefined) return;
    const { poolId, count, isNamed, ids } = nodes;
    const which = { poolId: isNamed ? null : poolId, count, nodeIds: ids };
    this.#step([{ kind: 'book', booking: { id, queue: engineQueue(tenantId, queue), fromMs, untilMs, ...which, hasBegun: false } }]);
  }

  /** Gives the nodes of a reservation back. */
  unbook(id: string): void {
    if (this.#cell().bookings.find(id) !== undefined) this.#step([{ kind: 'cancel_booking', id }]);
  }

  /** What was read of storage is read again: it was written, or a write of it has failed. */
  forget(): void {
    this.#withQueues = undefined;
    this.#reservations = undefined;
    this.#keptUntilMs = undefined;
  }

  /** Whether an unfinished job is in a queue of the engine. */
  hasJobs(queue: string): boolean {
    return [...this.#cell().jobs.all].some(({ spec, finishedAtMs }) => spec.queue === queue && finishedAtMs === null);
  }

  /** Takes away what a tenant has laid down, and what operators have for it alone. */
  erase(tenantId: TenantId, nowMs: number): void {
    for (const { name, ...cohort } of this.cohorts)
      if (cohort.tenantId === tenantId) this.settings.remove('cohort', OPERATORS, name, nowMs);
    for (const { name } of this.settings.all('reservation', tenantId)) this.unbook(name);
    this.settings.erase(tenantId);
    this.forget();
    if (this.#cell().tree.find(tenantCohort(tenantId)) === undefined) this.#step([{ kind: 'remove_queue', name: tenantId }]);
    else this.follow(tenantId);
  }
}
