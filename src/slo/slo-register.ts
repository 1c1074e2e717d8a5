import { PLANNING_LIMITS } from '../contract/planning/planning-limits.ts';
import type { Outcome } from '../contract/api/outcome.ts';
import { refuse } from '../contract/api/outcome.ts';
import { refuseBeyond } from '../contract/limits/limit-refusal.ts';
import type { WriteLease } from '../contract/tenancy/write-lease.ts';
import { underLease } from '../contract/tenancy/write-lease.ts';
import type { Clock } from '../kernel/clock.ts';
import { ok } from '../kernel/result.ts';
import type { SqlStorage } from '../kernel/sql/sql-storage.ts';
import type { Burn, BurnNews, BurnPolicy, ErrorBudget } from './error-budget.ts';
import { burnsOf, newsOf, errorBudget, windowMsOf } from './error-budget.ts';
import type { EventCounts, Objective } from './objective.ts';
import type { Observation } from './observation.ts';
import type { StoredObjective } from './sqlite-slo-store.ts';
import { SqliteSloStore } from './sqlite-slo-store.ts';
import { DAY_MS } from '../kernel/time-units.ts';

const WEEK_MS = 7 * DAY_MS;

/** An objective and how it is met. */
export interface ObjectiveView {
  readonly objective: Objective;
  readonly budget: ErrorBudget;
  readonly burns: readonly Burn[];
  /** Events of the last seven days. */
  readonly week: EventCounts;
  readonly observedMs: number | null;
}

/** A change of an alert with its time, which makes its id unique. */
export interface DatedNews extends BurnNews {
  readonly id: string;
  readonly atMs: number;
}

/** The objectives of one tenant: every change is one transaction, under the lease of the key that makes it. */
export class SloRegister {
  readonly #store: SqliteSloStore;
  readonly #clock: Clock;

  constructor(storage: SqlStorage, clock: Clock) {
    this.#store = new SqliteSloStore(storage);
    this.#clock = clock;
  }

  /** Makes its tables, among them that of the alerts that wait. */
  open(): void {
    this.#store.open();
  }

  /** Creates or replaces. Refuses with `limit_exceeded`. */
  put(objective: Omit<Objective, 'createdAtMs'>, lease: WriteLease | undefined): Outcome<ObjectiveView> {
    return this.#store.transaction(() => {
      const nowMs = this.#clock.nowMs();
      const leased = underLease(lease, nowMs);
      if (!leased.ok) return leased;
      const known = this.#store.find(objective.name);
      const count = this.#store.all().length;
      if (known === undefined && count >= PLANNING_LIMITS.slosMaxCount)
        return refuseBeyond({ limit: 'slosMaxCount', value: count + 1, what: `there are ${count} objectives already` });
      this.#store.put({ ...objective, createdAtMs: known?.objective.createdAtMs ?? nowMs });
      return this.view(objective.name);
    });
  }

  remove(name: string, lease: WriteLease | undefined): Outcome<null> {
    if (!this.#store.exists()) return absent(name);
    return this.#store.transaction(() => {
      const leased = underLease(lease, this.#clock.nowMs());
      if (!leased.ok) return leased;
      return this.#store.remove(name) ? ok(null) : absent(name);
    });
  }

  view(name: string): Outcome<ObjectiveView> {
    const known = this.#store.find(name);
    return known === undefined ? absent(name) : ok(this.#viewOf(known));
  }

  views(): ObjectiveView[] {
    return this.#store.all().map((known) => this.#viewOf(known));
  }

  all(): StoredObjective[] {
    return this.#store.all();
  }

  /**
   * Counts what was observed of an objective, unless it is another by now; `keep` keeps what that changes in the same transaction.
   * [SL3] [SL10]
   */
  observe(observed: Objective, observation: Observation, keep: (news: readonly DatedNews[]) => void): void {
    const { name } = observed;
    this.#store.transaction(() => {
      const nowMs = this.#clock.nowMs();
      const known = this.#store.find(name);
      if (known === undefined || !isSame(known.objective, observed)) return;
      this.#store.observe(name, observation, windowMsOf(known.objective), nowMs);
      const firing = this.#store.firing(name);
      const { burns, budget } = this.#viewOf(known);
      const news = newsOf(known.objective, new Set(firing.keys()), burns, budget.spent);
      for (const { policy, kind } of news) this.#store.setFiring(name, policy, kind === 'slo.burning' ? nowMs : null);
      keep(news.map((one) => ({ ...one, id: `${one.kind}:${name}:${one.policy}:${nowMs}`, atMs: nowMs })));
    });
  }

  erase(): void {
    this.#store.transaction(() => this.#store.erase());
  }

  #viewOf({ objective, observedMs }: StoredObjective): ObjectiveView {
    const nowMs = this.#clock.nowMs();
    const countsSince = (spanMs: number) => this.#store.countsSince(objective.name, nowMs - spanMs);
    const firing = new Set<BurnPolicy>(this.#store.firing(objective.name).keys());
    return {
      objective,
      budget: errorBudget(objective, countsSince(windowMsOf(objective))),
      burns: burnsOf(objective, firing, countsSince, PLANNING_LIMITS.sloEventsMin),
      week: countsSince(WEEK_MS),
      observedMs,
    };
  }
}

/** Whether both are one objective with the same indicator and window. */
const isSame = (a: Objective, b: Objective): boolean =>
  a.createdAtMs === b.createdAtMs && a.windowDays === b.windowDays && JSON.stringify(a.indicator) === JSON.stringify(b.indicator);

const absent = (name: string) => refuse('record_not_found', `there is no objective ${name}`, 'slo');
