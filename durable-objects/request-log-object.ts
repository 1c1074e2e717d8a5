import type { Outcome } from '../src/contract/api/outcome.ts';
import type { LogPolicy } from '../src/upstreams/log/log-policy.ts';
import type { LogBatch, Taken } from '../src/upstreams/log/request-log-store.ts';
import { SqliteRequestLog } from '../src/upstreams/log/request-log-store.ts';
import { objectOf } from './object-of.ts';

/** What the object does by its clock and with its alarm. */
type Timed = 'append' | 'setPolicy';

const LogService = objectOf<SqliteRequestLog, unknown, Exclude<keyof SqliteRequestLog, Timed>>(
  SqliteRequestLog,
  ({ storage }) => new SqliteRequestLog(storage),
);

/** The requests that a tenant made of upstreams. */
export class RequestLogObject extends LogService {
  async append(batch: LogBatch): Promise<Outcome<Taken>> {
    const taken = this.service.append(batch, Date.now());
    if ((await this.ctx.storage.getAlarm()) === null) await this.#arm();
    return taken;
  }

  async setPolicy(policy: LogPolicy): Promise<Outcome<LogPolicy>> {
    const set = this.service.setPolicy(policy, Date.now());
    await this.#arm();
    return set;
  }

  override async alarm(): Promise<void> {
    this.service.expire(Date.now());
    await this.#arm();
  }

  async #arm(): Promise<void> {
    const atMs = this.service.nextExpiryMs();
    if (atMs !== undefined) await this.ctx.storage.setAlarm(Math.max(atMs, Date.now() + 1_000));
  }
}
