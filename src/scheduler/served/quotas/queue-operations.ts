import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { refuseBeyond } from '../../../contract/limits/limit-refusal.ts';
import type { QueueRecord, QueueSettings, QuotaTable } from '../../../contract/queues/queue-record.ts';
import { DEFAULT_QUEUE } from '../../../contract/queues/queue-record.ts';
import type { TenantId } from '../../../kernel/ids.ts';
import { ok } from '../../../kernel/result.ts';
import type { KeyedRequest } from '../../../kernel/sql/spent-keys.ts';
import { DEFAULT_QUEUE_SETTINGS, engineQueue } from './cohort-tree.ts';
import type { QueueStatus } from './queue-status.ts';
import { QueueStatuses } from './queue-status.ts';
import type { Sharing } from './sharing.ts';

/** A queue and how it stands. */
export interface QueueView {
  readonly queue: QueueRecord;
  readonly status: QueueStatus;
}

export interface SharingParts {
  readonly sharing: Sharing;
  readonly nowMs: () => number;
  readonly transact: <T>(body: () => T) => T;
}

/** What a tenant does with its queues. Each call is one transaction. All but `createQueue` and `queues` refuse with `queue_not_found`. */
export class QueueOperations {
  readonly #parts: SharingParts;

  constructor(parts: SharingParts) {
    this.#parts = parts;
  }

  /** Refuses with `already_exists`, `limit_exceeded`, or for a repetition as idempotency keys do. */
  createQueue(tenantId: TenantId, name: string, given: Partial<QueueSettings>, request: KeyedRequest | null): Outcome<QueueView> {
    const { sharing, nowMs, transact } = this.#parts;
    return transact(() => {
      const known = sharing.settings.repeated('queue', tenantId, request, nowMs());
      if (!known.ok) return known;
      if (known.value !== undefined) return ok(this.#view(tenantId, known.value));
      if (name === DEFAULT_QUEUE) return refuse('already_exists', 'every tenant has it: change it instead', 'name');
      const queue: QueueRecord = { name, createdAtMs: nowMs(), settings: { ...DEFAULT_QUEUE_SETTINGS, ...given } };
      const fault = this.#unfit(tenantId, queue);
      if (!fault.ok) return fault;
      const added = sharing.settings.add('queue', tenantId, queue, request, { limit: 'queuesMaxCount', what: 'the tenant has' });
      if (!added.ok) return added;
      sharing.follow();
      return ok(this.#view(tenantId, queue));
    });
  }

  /** Changes settings; what is absent stays. Jobs that are in the queue stay there, whatever their priority. */
  changeQueue(tenantId: TenantId, name: string, given: Partial<QueueSettings>): Outcome<QueueView> {
    return this.#within(tenantId, name, (queue) => {
      const changed = { ...queue, settings: { ...queue.settings, ...given } };
      const fault = this.#unfit(tenantId, changed);
      if (!fault.ok) return fault;
      this.#parts.sharing.settings.save('queue', tenantId, changed);
      this.#parts.sharing.follow();
      return ok(this.#view(tenantId, changed));
    });
  }

  /** Refuses with `state_conflict` the queue that every tenant has, and one with unfinished jobs. */
  removeQueue(tenantId: TenantId, name: string): Outcome<null> {
    const { sharing, nowMs } = this.#parts;
    return this.#within(tenantId, name, () => {
      if (name === DEFAULT_QUEUE) return refuse('state_conflict', 'every tenant has this queue');
      const { pending, admitted } = this.#view(tenantId, { name, createdAtMs: null, settings: DEFAULT_QUEUE_SETTINGS }).status;
      if (sharing.hasJobs(engineQueue(tenantId, name))) {
        const counts = `${pending} of its jobs wait and ${admitted} have nodes`;
        return refuse('state_conflict', `${counts}: cancel them or let them finish, and delete it then`);
      }
      sharing.settings.remove('queue', tenantId, name, nowMs());
      sharing.follow();
      return ok(null);
    });
  }

  queue(tenantId: TenantId, name: string): Outcome<QueueView> {
    return this.#within(tenantId, name, (queue) => ok(this.#view(tenantId, queue)));
  }

  /** By name, after `after`: one more than `limit` when there are more. */
  queues(tenantId: TenantId, limit: number, after = ''): Outcome<readonly QueueView[]> {
    const { sharing, transact } = this.#parts;
    return transact(() => {
      const stored = sharing.settings.all('queue', tenantId).filter(({ name }) => name !== DEFAULT_QUEUE);
      const own = sharing.queue(tenantId, DEFAULT_QUEUE);
      const page = [...(own === undefined ? [] : [own]), ...stored]
        .filter(({ name }) => name > after)
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
        .slice(0, limit + 1);
      const statuses = new QueueStatuses(sharing.cell);
      return ok(page.map((queue) => ({ queue, status: statuses.of(engineQueue(tenantId, queue.name)) })));
    });
  }

  #view(tenantId: TenantId, queue: QueueRecord): QueueView {
    return { queue, status: new QueueStatuses(this.#parts.sharing.cell).of(engineQueue(tenantId, queue.name)) };
  }

  /** A tenant divides the quota that it has among its queues, and makes none. [J185] */
  #unfit(tenantId: TenantId, { name, settings }: QueueRecord): Outcome<null> {
    const { priorityMin, priorityMax, quotas } = settings;
    if (priorityMin > priorityMax) return refuse('invalid_value', `must not be more than max, ${priorityMax}`, ['priority', 'min']);
    const { sharing } = this.#parts;
    const grants: QuotaTable = sharing.cohorts.find((cohort) => cohort.tenantId === tenantId)?.settings.quotas ?? {};
    const others = sharing.settings.all('queue', tenantId).filter((queue) => queue.name !== name);
    for (const [resource, { nominalMilli }] of Object.entries(quotas)) {
      const taken = others.reduce((sum, other) => sum + (other.settings.quotas[resource]?.nominalMilli ?? 0), 0);
      const left = Math.max(0, (grants[resource]?.nominalMilli ?? 0) - taken);
      if (nominalMilli <= left) continue;
      const had = `the tenant has ${(grants[resource]?.nominalMilli ?? 0) / 1_000} of ${resource}, of which its other queues have ${taken / 1_000}`;
      return refuseBeyond({
        path: ['quotas', resource, 'nominal'],
        limit: { bound: left / 1_000 },
        value: nominalMilli / 1_000,
        what: `is ${nominalMilli / 1_000}; ${had}`,
        advice: 'take it from another queue, or ask an operator for a cohort of the tenant with more',
      });
    }
    return ok(null);
  }

  #within<T>(tenantId: TenantId, name: string, act: (queue: QueueRecord) => Outcome<T>): Outcome<T> {
    return this.#parts.transact(() => {
      const queue = this.#parts.sharing.queueNamed(tenantId, name);
      return queue.ok ? act(queue.value) : queue;
    });
  }
}
