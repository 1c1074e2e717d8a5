import { DurableObject } from 'cloudflare:workers';

import type { CacheTally } from '../src/contract/cache-tally.ts';
import { LIMITS } from '../src/contract/limits.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import { refuse } from '../src/contract/outcome.ts';
import type { UsageEvent } from '../src/contract/usage-event.ts';
import type { TenantId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import type { Alert } from '../src/tenancy/usage/alert.ts';
import { PRICE_BOOK } from '../src/tenancy/usage/price-book.ts';
import { editionSpans, priced } from '../src/tenancy/usage/usage-query.ts';
import type { UsageLine, UsageQuery } from '../src/tenancy/usage/usage-query.ts';
import { SqliteAlertLog } from './sqlite/alert-log.ts';
import { SqliteCacheTallies } from './sqlite/cache-tallies.ts';
import type { CountRow, HeldRow } from './sqlite/cache-tallies.ts';
import { SqliteUsageLedger } from './sqlite/usage-ledger.ts';

/** How often ids that can no longer arrive are forgotten, and how many one alarm takes. */
const SWEEP_MS = 3_600_000;
const SWEEP_MAX_COUNT = 10_000;
const DAY_MS = 86_400_000;

export interface Recorded {
  readonly recorded: number;
  readonly duplicates: number;
  /** Older than ids are remembered: not counted, since they may have been before. */
  readonly late: number;
}

/** The ledger of one organisation: usage counted once, whoever delivers it how often. */
export class BillingObject extends DurableObject {
  #opened: SqliteUsageLedger | undefined;

  /** Counts events and tallies by their ids. An answer means they are durable. Refuses with `limit_exceeded` above one batch. */
  async record(events: readonly UsageEvent[], tallies: readonly CacheTally[] = []): Promise<Outcome<Recorded>> {
    const countMax = LIMITS.usageBatchMaxCount;
    const count = Math.max(events.length, tallies.length);
    if (count > countMax) return refuse('limit_exceeded', `${count} events are above usageBatchMaxCount (${countMax})`);
    const nowMs = Date.now();
    const inTime = events.filter((event) => event.atMs > nowMs - LIMITS.usageLateMaxMs);
    const recorded = this.#ledger.record(inTime);
    if (tallies.length > 0) this.#tallies.record(tallies.filter((tally) => tally.atMs > nowMs - LIMITS.usageLateMaxMs));
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(nowMs + SWEEP_MS);
    return ok({ recorded, duplicates: inTime.length - recorded, late: events.length - inTime.length });
  }

  /** Keeps alerts, each once by its id. An answer means they are durable. */
  raise(alerts: readonly Alert[]): number {
    this.#opened ??= new SqliteUsageLedger(this.ctx.storage);
    return this.ctx.storage.transactionSync(() => new SqliteAlertLog(this.ctx.storage).add(alerts).length);
  }

  /** Priced lines of whole hours. Refuses with `limit_exceeded` when there are too many to answer. */
  usage(query: UsageQuery): Outcome<UsageLine[]> {
    const countMax = LIMITS.usageGroupsMaxCount;
    const lines: UsageLine[] = [];
    for (const { edition, fromMs, toMs } of editionSpans(query, PRICE_BOOK)) {
      lines.push(...priced(this.#ledger.sums({ ...query, fromMs, toMs }, countMax + 1), edition));
    }
    if (lines.length <= countMax) return ok(lines);
    return refuse('limit_exceeded', `more than usageGroupsMaxCount (${countMax}) lines: ask for less time or fewer dimensions`, 'group_by');
  }

  /** What isolates told of a tenant's caches, in whole hours, and what they hold. */
  cacheStats(tenantId: TenantId, fromMs: number, toMs: number): { counts: CountRow[]; held: HeldRow[] } {
    return { counts: this.#tallies.counts(tenantId, fromMs, toMs), held: this.#tallies.held(tenantId, Date.now() - LIMITS.cacheHeldMs) };
  }

  override async alarm(): Promise<void> {
    const nowMs = Date.now();
    const ids = this.#ledger.forget(nowMs - LIMITS.usageLateMaxMs, SWEEP_MAX_COUNT);
    const counts = this.#tallies.forget(nowMs - LIMITS.cacheStatsDaysMax * DAY_MS, nowMs - LIMITS.cacheHeldMs, SWEEP_MAX_COUNT);
    const done = ids && counts;
    await this.ctx.storage.setAlarm(done ? nowMs + SWEEP_MS : nowMs);
  }

  get #ledger(): SqliteUsageLedger {
    this.#opened ??= new SqliteUsageLedger(this.ctx.storage);
    return this.#opened;
  }

  get #tallies(): SqliteCacheTallies {
    this.#opened ??= new SqliteUsageLedger(this.ctx.storage);
    return new SqliteCacheTallies(this.ctx.storage);
  }
}
