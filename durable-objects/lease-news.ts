import type { AttemptReport, ReportVerdict } from '../src/contract/attempt.ts';
import { must } from '../src/kernel/assert.ts';
import type { AttemptId } from '../src/kernel/ids.ts';
import type { AgentLease } from '../src/pools/agent-lease.ts';
import { afterVerdict, newsOf } from '../src/pools/lease-news.ts';
import type { SqlitePoolStore } from '../src/pools/sqlite-pool-store.ts';

/** Reports changes of a pool's leases to the scheduler, and applies its verdicts. */
export class LeaseNews {
  readonly #store: SqlitePoolStore;
  readonly #report: (news: readonly AttemptReport[]) => Promise<readonly ReportVerdict[]>;

  constructor(store: SqlitePoolStore, report: (news: readonly AttemptReport[]) => Promise<readonly ReportVerdict[]>) {
    this.#store = store;
    this.#report = report;
  }

  async tell(leases: readonly AgentLease[]): Promise<void> {
    const news = leases.flatMap((lease) => newsOf(lease) ?? []);
    const verdicts = news.length === 0 ? [] : await this.#report(news);
    this.#store.markSynced(
      leases.map(({ grant }) => grant.attemptId),
      Date.now(),
    );
    leases
      .filter((lease) => newsOf(lease) !== undefined)
      .forEach(({ grant }, position) => this.#obey(grant.attemptId, must(verdicts[position], 'a verdict for each report')));
  }

  #obey(attemptId: AttemptId, verdict: ReportVerdict): void {
    // Read again: a heartbeat may have come while the scheduler was asked.
    const lease = this.#store.find(attemptId);
    if (lease === undefined) return;
    const next = afterVerdict(lease, verdict);
    if (next === undefined) this.#store.remove(attemptId);
    else this.#store.save(next);
  }
}
