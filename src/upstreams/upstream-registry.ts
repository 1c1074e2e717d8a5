import { UPSTREAM_LIMITS } from '../contract/upstreams/upstream-limits.ts';
import type { ModelReply } from '../contract/models/models.ts';
import type { Outcome } from '../contract/api/outcome.ts';
import { refuse, refuseResource } from '../contract/api/outcome.ts';
import { refuseBeyond } from '../contract/limits/limit-refusal.ts';
import { madeBefore } from '../contract/api/spent-key.ts';
import type { WriteLease } from '../contract/tenancy/write-lease.ts';
import { changeUnder } from '../contract/tenancy/write-lease.ts';
import { utf8 } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import { ok } from '../kernel/result.ts';
import type { KeyedRequest } from '../kernel/sql/spent-keys.ts';
import type { SqlStorage } from '../kernel/sql/sql-storage.ts';
import type { NamedRoute } from './model-rows.ts';
import { modelRow, modelRows } from './model-rows.ts';
import { SqliteUpstreamStore } from './store/sqlite-upstream-store.ts';
import type { StoredSecret, UpstreamRecord } from './upstream-record.ts';

/** An upstream to be added; when, the registry says. */
export type NewUpstream = Omit<UpstreamRecord, 'createdAtMs' | 'updatedAtMs'>;

/** An upstream as it is to be, made of the record that the caller has read. */
export interface UpstreamChange {
  readonly next: NewUpstream;
  /** Of the record that was read: what was changed meanwhile is not overwritten. */
  readonly basedOn: number;
}

/** What there is, and how often it was changed up to there. */
export interface UpstreamSnapshot {
  readonly revision: number;
  readonly upstreams: readonly UpstreamRecord[];
}

/** The upstreams of one owner: every change is one transaction, under the lease of the key that makes it. [U1] */
export class UpstreamRegistry {
  readonly #store: SqliteUpstreamStore;
  readonly #clock: Clock;

  constructor(storage: SqlStorage, clock: Clock) {
    this.#store = new SqliteUpstreamStore(storage);
    this.#clock = clock;
  }

  /** Refuses with `already_exists`, with `limit_exceeded`, and as idempotency keys do. */
  create(next: NewUpstream, request: KeyedRequest | null, lease: WriteLease | undefined): Outcome<UpstreamRecord> {
    return this.#change(lease, () => {
      const nowMs = this.#clock.nowMs();
      const repeated = madeBefore(this.#store, request, nowMs);
      if (!repeated.ok) return repeated;
      if (repeated.value !== undefined) return ok(repeated.value);
      if (this.#store.find(next.name) !== undefined) return refuse('already_exists', `there is an upstream ${next.name}`, 'name');
      const count = this.#store.count();
      if (count >= UPSTREAM_LIMITS.upstreamsMaxCount)
        return refuseBeyond({ limit: 'upstreamsMaxCount', value: count + 1, what: `there are ${count} upstreams already` });
      const record = { ...next, createdAtMs: nowMs, updatedAtMs: nowMs };
      const fitting = fits(record);
      if (fitting.ok) this.#store.add(record, request);
      return fitting;
    });
  }

  /** Refuses with `state_conflict` a change of a record that is another by now. */
  change({ next, basedOn }: UpstreamChange, lease: WriteLease | undefined): Outcome<UpstreamRecord> {
    return this.#onUpstream(next.name, lease, (known) => {
      if (known.updatedAtMs !== basedOn) return refuse('state_conflict', `${next.name} was changed meanwhile: repeat the call`);
      // Always later, so that no two versions have one time.
      const updatedAtMs = Math.max(this.#clock.nowMs(), known.updatedAtMs + 1);
      const record = { ...next, createdAtMs: known.createdAtMs, updatedAtMs };
      const fitting = fits(record);
      if (fitting.ok) this.#store.put(record);
      return fitting;
    });
  }

  /** The secret goes with it. The request that made it makes none any more. */
  remove(name: string, lease: WriteLease | undefined): Outcome<null> {
    return this.#onUpstream(name, lease, () => {
      this.#store.remove(name, this.#clock.nowMs());
      return ok(null);
    });
  }

  find(name: string): UpstreamRecord | undefined {
    return this.#store.find(name);
  }

  page(after: string, count: number): readonly UpstreamRecord[] {
    return this.#store.page(after, count);
  }

  /** By name, after the model `after`, at most `count`; with the routes of the same owner. */
  models(routes: readonly NamedRoute[], after: string, count: number): readonly ModelReply[] {
    return modelRows({ upstreams: this.#store.page('', UPSTREAM_LIMITS.upstreamsMaxCount), routes }, after, count);
  }

  model(routes: readonly NamedRoute[], name: string): ModelReply | undefined {
    return modelRow({ upstreams: this.#store.page('', UPSTREAM_LIMITS.upstreamsMaxCount), routes }, name);
  }

  count(): number {
    return this.#store.count();
  }

  /** All of them; null: nothing was changed since that revision. */
  snapshot(known: number | null): UpstreamSnapshot | null {
    const { revision } = this.#store;
    return revision === known ? null : { revision, upstreams: this.#store.page('', UPSTREAM_LIMITS.upstreamsMaxCount) };
  }

  /** From now on none is added: the tenant is being erased (T59). Those that were are forgotten. */
  erase(): void {
    this.#store.eraseAndClose();
  }

  #onUpstream<T>(name: string, lease: WriteLease | undefined, body: (known: UpstreamRecord) => Outcome<T>): Outcome<T> {
    return this.#change(lease, () => {
      const known = this.#store.find(name);
      return known === undefined ? noUpstream(name) : body(known);
    });
  }

  #change<T>(lease: WriteLease | undefined, body: () => Outcome<T>): Outcome<T> {
    return changeUnder(lease, this.#store, this.#clock.nowMs(), body);
  }
}

export const noUpstream = (name: string): Outcome<never> =>
  refuseResource('upstream_not_found', { kind: 'upstream', name }, `there is no upstream ${name}`, 'upstream');

/** Sealed secrets count: they are stored, too. */
function fits(record: UpstreamRecord): Outcome<UpstreamRecord> {
  const bytes = utf8(JSON.stringify(record)).length;
  if (bytes <= UPSTREAM_LIMITS.upstreamBytesMax) return ok(record);
  return refuseBeyond({ path: 'models', limit: 'upstreamBytesMax', value: bytes, what: `make the upstream ${bytes} bytes large` });
}

/** A secret as it is stored. */
export const storedSecret = (sealed: string, text: string, nowMs: number): StoredSecret => ({
  sealed,
  // Of a short one, four characters would be too much of it.
  hint: text.length < UPSTREAM_LIMITS.upstreamSecretHintedCharsMin ? null : text.slice(-4),
  updatedAtMs: nowMs,
});
