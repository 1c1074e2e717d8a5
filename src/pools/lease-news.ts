import type { AttemptReport, ReportVerdict } from '../contract/attempt.ts';
import { must } from '../kernel/assert.ts';
import type { Clock } from '../kernel/clock.ts';
import type { AttemptId } from '../kernel/ids.ts';
import type { AgentLease } from './agent-lease.ts';
import type { SqlitePoolStore } from './sqlite-pool-store.ts';

/** The report on a lease for the scheduler, if any: an attempt that no agent has confirmed is not reported. */
export function newsOf({ grant, progress, lost }: AgentLease): AttemptReport | undefined {
  const { jobId, fence } = grant;
  if (lost) {
    return progress === null
      ? { jobId, fence, kind: 'failed', reason: 'never_started', message: 'no agent confirmed the attempt' }
      : { jobId, fence, kind: 'failed', reason: 'lease_expired', message: 'the agent fell silent' };
  }
  return progress === null ? undefined : { jobId, fence, kind: 'progress', progress };
}

/** The lease after the scheduler's verdict on its news; undefined when the pool has no more business with it. */
export function afterVerdict(lease: AgentLease, verdict: ReportVerdict): AgentLease | undefined {
  switch (verdict) {
    case 'continue':
      return lease;
    case 'cancel':
      return { ...lease, command: 'cancel' };
    case 'accepted':
    case 'stale':
      return undefined;
  }
}

/** Reports changes of a pool's leases to the scheduler, and applies its verdicts. */
export class LeaseNews {
  readonly #store: SqlitePoolStore;
  readonly #report: (news: readonly AttemptReport[]) => Promise<readonly ReportVerdict[]>;
  readonly #clock: Clock;

  constructor(store: SqlitePoolStore, report: (news: readonly AttemptReport[]) => Promise<readonly ReportVerdict[]>, clock: Clock) {
    this.#store = store;
    this.#report = report;
    this.#clock = clock;
  }

  async tell(leases: readonly AgentLease[]): Promise<void> {
    const news = leases.flatMap((lease) => newsOf(lease) ?? []);
    const verdicts = news.length === 0 ? [] : await this.#report(news);
    this.#store.markSynced(
      leases.map(({ grant }) => grant.attemptId),
      this.#clock.nowMs(),
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
