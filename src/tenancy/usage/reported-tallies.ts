import { CACHE_LIMITS } from '../../contract/caches/cache-limits.ts';
import { TENANCY_LIMITS } from '../../contract/tenancy/tenancy-limits.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { SqliteCacheTallies } from './cache-tallies.ts';
import { SqliteCallTallies } from './call-tallies.ts';
import { SqliteEventIds } from './event-ids.ts';
import { SqliteInputTallies } from './input-tallies.ts';
import type { Tally } from './usage-buffer.ts';
import { DAY_MS } from '../../kernel/time-units.ts';

/** What isolates report beside usage: each kind of tally in its own tables, all under the same rules. */
export class ReportedTallies {
  readonly caches: SqliteCacheTallies;
  readonly calls: SqliteCallTallies;
  readonly inputs: SqliteInputTallies;
  readonly #ids: SqliteEventIds;

  constructor(storage: SqlStorage) {
    this.caches = new SqliteCacheTallies(storage);
    this.calls = new SqliteCallTallies(storage);
    this.inputs = new SqliteInputTallies(storage);
    this.#ids = new SqliteEventIds(storage);
  }

  /** Counts each tally whose id is new. Call in one transaction. */
  record(tallies: readonly Tally[], nowMs: number): void {
    const fresh = new Set(this.#ids.note(tallies, nowMs));
    const counted = tallies.filter(({ id }) => fresh.delete(id));
    this.caches.record(counted.filter((tally) => 'cache' in tally));
    this.calls.record(counted.filter((tally) => 'endpoint' in tally));
    this.inputs.record(counted.filter((tally) => 'input' in tally));
  }

  erase(tenant: TenantId): void {
    for (const kind of [this.caches, this.calls, this.inputs]) kind.erase(tenant);
  }

  countOf(tenant: TenantId): number {
    return this.caches.countOf(tenant) + this.calls.countOf(tenant) + this.inputs.countOf(tenant);
  }

  /** Forgets what is old, so many of each kind at a time. True when none is left. */
  forget(nowMs: number, countMax: number): boolean {
    const caches = this.caches.forget(nowMs - CACHE_LIMITS.cacheStatsDaysMax * DAY_MS, nowMs - CACHE_LIMITS.cacheHeldMs, countMax);
    const calls = this.calls.forget(nowMs - TENANCY_LIMITS.callCountsDaysMax * DAY_MS, countMax);
    const inputs = this.inputs.forget(nowMs - TENANCY_LIMITS.inputCountsDaysMax * DAY_MS, countMax);
    return caches && calls && inputs;
  }
}
