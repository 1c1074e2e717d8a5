import { PLANNING_LIMITS } from '../../contract/planning/planning-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { JobPage } from '../../scheduler/served/jobs/sqlite-job-index.ts';
import { windowMsOf } from '../../slo/error-budget.ts';
import type { CallHour } from '../../tenancy/usage/call-tallies.ts';
import type { Indicator, Objective } from '../../slo/objective.ts';
import type { Cursor, HourlyCounter, Observation } from '../../slo/observation.ts';
import { countersFromMs, decidedWaits, grownBy } from '../../slo/observation.ts';
import type { RecallEstimate } from '../../index/recall-estimate.ts';
import type { JobQueue } from '../jobs/job-queue.ts';
import type { RequestLog } from '../requests/request-log-admin.ts';
import { MINUTE_MS } from '../../kernel/time-units.ts';
import { Composed } from '../api/composed.ts';

interface SloObserverParts {
  readonly logOf: (tenant: TenantId) => Pick<RequestLog, 'hours'>;
  /** How calls of an endpoint were answered, hour by hour. */
  readonly callHours: (tenant: TenantId, endpoint: string, fromMs: number, withinMs: number) => Promise<readonly CallHour[]>;
  readonly jobs: Pick<JobQueue, 'jobs'>;
  /** Searches around so many vectors of an index; undefined where there is nothing to measure. */
  readonly recallOf: (tenant: TenantId, index: string, samples: number) => Promise<Outcome<RecallEstimate | undefined>>;
  /** How many vectors of an index wait for background work. */
  readonly waitingOf: (tenant: TenantId, index: string) => Promise<Outcome<number>>;
  readonly clock: Clock;
}

/** A recall is a mean: so many neighbours stand for each search that was measured. */
const NEIGHBOURS = 10;
const PAGE_COUNT = 200;

/** Reads what an objective is about from what counts it anyway. */
export class SloObserver extends Composed<SloObserverParts> {
  /** Undefined: it is not time yet. Refuses as what is read does; then nothing has been observed. */
  async observe(tenant: TenantId, objective: Objective, cursor: Cursor): Promise<Outcome<Observation | undefined>> {
    const { indicator } = objective;
    switch (indicator.kind) {
      case 'availability':
      case 'latency':
        return ok(await this.#calls(tenant, indicator, cursor, windowMsOf(objective)));
      case 'queue_wait':
        return this.#waits(tenant, indicator, cursor.untilMs ?? objective.createdAtMs);
      case 'recall':
        return this.#recall(tenant, indicator.index, cursor);
      case 'freshness':
        return this.#freshness(tenant, indicator, cursor);
    }
  }

  async #calls(
    tenant: TenantId,
    indicator: Extract<Indicator, { kind: 'availability' | 'latency' }>,
    cursor: Cursor,
    windowMs: number,
  ): Promise<Observation> {
    const { logOf, callHours, clock } = this.parts;
    const nowMs = clock.nowMs();
    const belowMs = indicator.kind === 'latency' ? indicator.belowMs : 0;
    const fromMs = countersFromMs(cursor, windowMs, nowMs);
    const { by, name } = indicator;
    const hours = await (by === 'endpoint'
      ? callHours(tenant, name.replaceAll(/\{(\w+)\}/g, ':$1'), fromMs, belowMs)
      : logOf(tenant).hours(by, name, fromMs, belowMs));
    const counters: HourlyCounter[] = hours.map(({ hour, valid, answered, within }) =>
      indicator.kind === 'latency' ? { hour, good: within, total: answered } : { hour, good: answered, total: valid },
    );
    return grownBy(cursor, counters, nowMs);
  }

  async #waits(
    tenant: TenantId,
    { queue, belowMs }: Extract<Indicator, { kind: 'queue_wait' }>,
    fromMs: number,
  ): Promise<Outcome<Observation | undefined>> {
    const untilMs = this.parts.clock.nowMs() - belowMs;
    if (untilMs <= fromMs) return ok(undefined);
    // Where there are too many, the older half comes first: what is left is looked at next time.
    for (let endMs = untilMs; ; endMs = fromMs + Math.max(1, Math.floor((endMs - fromMs) / 2))) {
      const jobs = await this.#jobs(tenant, queue, fromMs, endMs);
      if (!jobs.ok) return jobs;
      if (jobs.value.length <= PLANNING_LIMITS.sloJobsMaxCount || endMs - fromMs <= 1) return ok(decidedWaits(jobs.value, belowMs, endMs));
    }
  }

  async #jobs(tenant: TenantId, queue: string | null, createdFromMs: number, createdUntilMs: number): Promise<Outcome<JobPage['jobs']>> {
    const filter = { createdFromMs, createdUntilMs, ...(queue === null ? {} : { queue }) };
    const jobs: JobPage['jobs'][number][] = [];
    for (let after: Parameters<JobQueue['jobs']>[3]; jobs.length <= PLANNING_LIMITS.sloJobsMaxCount;) {
      const page = await this.parts.jobs.jobs(tenant, filter, PAGE_COUNT, after);
      if (!page.ok) return page;
      jobs.push(...page.value.jobs);
      if (page.value.next === null) break;
      after = page.value.next;
    }
    return ok(jobs);
  }

  async #recall(tenant: TenantId, index: string, { untilMs = 0 }: Cursor): Promise<Outcome<Observation | undefined>> {
    const nowMs = this.parts.clock.nowMs();
    if (nowMs < untilMs) return ok(undefined);
    const samples = PLANNING_LIMITS.sloRecallSamplesCount;
    const measured = await this.parts.recallOf(tenant, index, samples);
    if (isGone(measured)) return ok(undefined);
    if (!measured.ok) return measured;
    const total = samples * NEIGHBOURS;
    const good = Math.round((measured.value?.mean ?? 0) * total);
    return ok({
      samples: measured.value === undefined ? [] : [{ atMs: nowMs, good, total }],
      cursor: { untilMs: nowMs + PLANNING_LIMITS.sloRecallEveryMs },
    });
  }

  async #freshness(
    tenant: TenantId,
    { index, waitingMax }: Extract<Indicator, { kind: 'freshness' }>,
    { untilMs = 0 }: Cursor,
  ): Promise<Outcome<Observation | undefined>> {
    const nowMs = this.parts.clock.nowMs();
    if (nowMs < untilMs) return ok(undefined);
    const waiting = await this.parts.waitingOf(tenant, index);
    if (isGone(waiting)) return ok(undefined);
    if (!waiting.ok) return waiting;
    const sample = { atMs: nowMs, good: waiting.value <= waitingMax ? 1 : 0, total: 1 };
    return ok({ samples: [sample], cursor: { untilMs: (Math.floor(nowMs / MINUTE_MS) + 1) * MINUTE_MS } });
  }
}

/** An index that is not there yet, or no longer, has no events. */
const isGone = (outcome: Outcome<unknown>): boolean => !outcome.ok && outcome.error.code === 'index_not_found';
