import { DurableObject } from 'cloudflare:workers';

import type { Outcome } from '../src/contract/outcome.ts';
import type { Feedback } from '../src/upstreams/log/log-entry.ts';
import type { LogFilter } from '../src/upstreams/log/log-filter.ts';
import type { LogPolicy } from '../src/upstreams/log/log-policy.ts';
import type { LogCosts, LogGroup, LogHour, LogLine } from '../src/upstreams/log/log-sums.ts';
import type { LogBatch, LogPage, RecordPage, RequestRecord, Taken } from '../src/upstreams/log/request-log-store.ts';
import { SqliteRequestLog } from '../src/upstreams/log/request-log-store.ts';

/** The requests that a tenant made of upstreams. See `SqliteRequestLog`. */
export class RequestLogObject extends DurableObject {
  readonly #log = new SqliteRequestLog(this.ctx.storage);

  async append(batch: LogBatch): Promise<Outcome<Taken>> {
    const taken = this.#log.append(batch, Date.now());
    if ((await this.ctx.storage.getAlarm()) === null) await this.#arm();
    return taken;
  }

  policy(): LogPolicy {
    return this.#log.policy();
  }

  async setPolicy(policy: LogPolicy): Promise<Outcome<LogPolicy>> {
    const set = this.#log.setPolicy(policy, Date.now());
    await this.#arm();
    return set;
  }

  page(filter: LogFilter, count: number, before: number | undefined): LogPage {
    return this.#log.page(filter, count, before);
  }

  records(filter: LogFilter, count: number, before: number | undefined): RecordPage {
    return this.#log.records(filter, count, before);
  }

  find(id: string): RequestRecord | null {
    return this.#log.find(id) ?? null;
  }

  addFeedback(id: string, feedback: Feedback): Outcome<Feedback> | null {
    return this.#log.addFeedback(id, feedback) ?? null;
  }

  remove(filter: LogFilter, before: number | undefined): { readonly count: number; readonly before?: number } {
    return this.#log.remove(filter, before);
  }

  lines(by: LogGroup, fromMs: number, toMs: number, limit: number): LogLine[] {
    return this.#log.lines(by, fromMs, toMs, limit);
  }

  costs(fromMs: number, toMs: number): LogCosts[] {
    return this.#log.costs(fromMs, toMs);
  }

  hours(by: LogGroup, name: string, fromMs: number, withinMs: number): LogHour[] {
    return this.#log.hours(by, name, fromMs, withinMs);
  }

  count(): number {
    return this.#log.count();
  }

  /** Takes everything away, and takes nothing any more. */
  erase(): void {
    this.#log.erase();
  }

  override async alarm(): Promise<void> {
    this.#log.expire(Date.now());
    await this.#arm();
  }

  async #arm(): Promise<void> {
    const atMs = this.#log.nextExpiryMs();
    if (atMs !== undefined) await this.ctx.storage.setAlarm(Math.max(atMs, Date.now() + 1_000));
  }
}
