import type { Outcome } from '../src/contract/api/outcome.ts';
import { SqliteStoredAnswers } from '../src/upstreams/store/sqlite-stored-answers.ts';
import type { StoredAnswer, StoredPolicy } from '../src/upstreams/stored/stored-answer.ts';
import { objectOf } from './object-of.ts';
import { systemClock } from './system-time.ts';

/** What the object does with its alarm. */
type Timed = 'put' | 'setPolicy';

const StoredAnswerService = objectOf<SqliteStoredAnswers, unknown, Exclude<keyof SqliteStoredAnswers, Timed>>(
  SqliteStoredAnswers,
  ({ storage }) => new SqliteStoredAnswers(storage, systemClock),
);

/** The answers that a tenant has stored. */
export class StoredAnswerObject extends StoredAnswerService {
  async put(answer: StoredAnswer): Promise<Outcome<{ readonly isKept: boolean }>> {
    const put = this.service.put(answer);
    if ((await this.ctx.storage.getAlarm()) === null) await this.#arm();
    return put;
  }

  async setPolicy(policy: StoredPolicy): Promise<Outcome<StoredPolicy>> {
    const set = this.service.setPolicy(policy);
    await this.#arm();
    return set;
  }

  override async alarm(): Promise<void> {
    this.service.expire();
    await this.#arm();
  }

  async #arm(): Promise<void> {
    const atMs = this.service.nextExpiryMs();
    if (atMs !== undefined) await this.ctx.storage.setAlarm(Math.max(atMs, Date.now() + 1_000));
  }
}
