import { attemptIdOf } from '../../contract/jobs/attempt.ts';
import { modelOf } from '../../contract/jobs/job-facts.ts';
import type { Meter, UsageEvent } from '../../contract/api/meter.ts';
import type { PoolEffect } from '../../contract/pools/pool-exchange.ts';
import type { PartitionName } from '../../contract/pools/pool-partition.ts';
import { partitionName, partitionOfAgent, ROOT_PARTITION } from '../../contract/pools/pool-partition.ts';
import { must } from '../../kernel/assert.ts';
import type { JobId, PoolId } from '../../kernel/ids.ts';
import type { JobRecord } from '../engine/cell/job-record.ts';
import type { CellDecision } from '../engine/cell/records.ts';
import type { LedgerEvent } from '../engine/cell/segment.ts';
import { WHOLE_MILLI } from '../engine/model/pool-spec.ts';
import { effectsOf, isAttemptDecision } from './attempt-effects.ts';
import { withCharge, newJob, segmentAfter } from './jobs/job.ts';
import type { Job, JobRequest, JobSegment } from './jobs/job.ts';
import type { AttemptEnd } from './project-job.ts';
import { projected } from './project-job.ts';
import { asksOf, grantIdOf, keptGrants } from './fund-attempts.ts';
import type { SqliteGrantStore } from './jobs/sqlite-grant-store.ts';
import { TOKENS_GRANT } from './jobs/sqlite-grant-store.ts';
import type { RecordDecision, SqliteCellStore } from './sqlite-cell-store.ts';
import { isRecord } from './sqlite-cell-store.ts';
import type { JobEvent, OfJob, SqliteJobHistory } from './jobs/sqlite-job-history.ts';
import { eventOf } from './jobs/sqlite-job-history.ts';
import type { SqliteJobIndex } from './jobs/sqlite-job-index.ts';
import type { SqliteJobStore } from './jobs/sqlite-job-store.ts';
import type { SqliteUsageOutbox } from './jobs/sqlite-usage-outbox.ts';

/** What came with the events of a step that the engine does not need. */
export interface StepContext {
  /** How attempts ended, by job. */
  readonly ends?: ReadonlyMap<JobId, AttemptEnd>;
  /** The jobs that were submitted. */
  readonly submitted?: ReadonlyMap<JobId, JobRequest>;
  /** Jobs to save as they are, unless the step changes them further. */
  readonly progressed?: readonly Job[];
  /** The number of the next job, where jobs were submitted. */
  readonly nextSequence?: number | undefined;
}

/** Where a cell is stored. */
interface CellStores {
  readonly records: SqliteCellStore;
  readonly jobs: SqliteJobStore;
  readonly outbox: SqliteUsageOutbox;
  readonly index: SqliteJobIndex;
  readonly history: SqliteJobHistory;
  readonly grants: SqliteGrantStore;
}

/** What a step means for others. */
interface Written {
  /** Partitions of pools that have something to do. */
  readonly news: ReadonlySet<PartitionName>;
  /** Jobs that are over. */
  readonly finished: readonly JobId[];
  /** Jobs that something happened to, as their owners see it. */
  readonly changed: readonly JobId[];
}

/** Part of the usage route, so that jobs appear among API calls. */
const JOBS_ROUTE = '/v1/jobs';

/** Writes what a step decided: records of the engine, jobs as their owners see them, usage, and what pools have to do. */
export class StepWriter {
  readonly #records: SqliteCellStore;
  readonly #jobs: SqliteJobStore;
  readonly #outbox: SqliteUsageOutbox;
  readonly #index: SqliteJobIndex;
  readonly #history: SqliteJobHistory;
  /** Of the step that is being written. */
  #charges: UsageEvent[] = [];
  /** What it charged to each grant. */
  #uses = new Map<string, number>();
  #segments: OfJob<JobSegment>[] = [];
  readonly #grants: SqliteGrantStore;

  constructor({ records, jobs, outbox, index, history, grants }: CellStores) {
    this.#records = records;
    this.#jobs = jobs;
    this.#outbox = outbox;
    this.#index = index;
    this.#history = history;
    this.#grants = grants;
  }

  /** Call in the transaction of the step. */
  write(decisions: readonly CellDecision[], { submitted, ends, progressed, nextSequence }: StepContext, nowMs: number): Written {
    const changed = new Map<JobId, Job>((progressed ?? []).map((job) => [job.id, job]));
    const records = new Map<JobId, JobRecord>();
    const effects: { readonly job: Job; readonly effect: PoolEffect }[] = [];
    const saved: RecordDecision[] = [];
    this.#charges = [];
    this.#uses = new Map();
    const asks: Extract<CellDecision, { kind: 'fund' }>[] = [];
    this.#segments = [];
    const find = (id: JobId): Job | undefined => changed.get(id) ?? this.#jobs.find(id);
    for (const decision of decisions) {
      if (decision.kind === 'save') {
        const { id } = decision.job.spec;
        const before = find(id) ?? newJob(must(submitted?.get(id), 'an unknown job was submitted'), decision.job.sequence, nowMs);
        changed.set(id, projected(before, decision.job, ends?.get(id), nowMs));
        records.set(id, decision.job);
      } else if (decision.kind === 'charge') {
        const { jobId } = decision.event;
        const job = must(find(jobId), 'a job that is charged is known');
        changed.set(jobId, this.#withSegment(job, decision.event, ends?.get(jobId), nowMs));
      } else if (decision.kind === 'fund') {
        asks.push(decision);
      } else if (isAttemptDecision(decision)) {
        const { job, effects: each } = effectsOf(
          must(changed.get(decision.jobId), 'a job is saved with what is to be done about it'),
          decision,
        );
        changed.set(job.id, job);
        effects.push(...each.map((effect) => ({ job, effect })));
      } else if (isRecord(decision)) saved.push(decision);
    }
    this.#records.saveAll(saved, records.values(), nextSequence);
    const events = this.#saveJobs(
      [...changed.values()].map((job) => this.#withTokens(job, ends?.get(job.id), records.has(job.id), nowMs)),
      nowMs,
    );
    this.#outbox.charge(this.#charges);
    this.#grants.use(this.#uses);
    this.#grants.close(
      // One that has had no attempt has no grants.
      Array.from(records.values())
        .filter(({ fence }) => fence > 0)
        .map(({ spec, attempt }) => ({ jobId: spec.id, fence: attempt?.fence ?? 0, kept: keptGrants(attempt?.funds ?? null) })),
      nowMs,
    );
    this.#grants.ask(
      asks.flatMap((ask) => {
        const job = must(changed.get(ask.jobId), 'a job that asks is saved');
        return asksOf(this.#grants, job, must(records.get(ask.jobId), 'its record, too'), ask);
      }),
      nowMs,
    );
    const finished = [...records.values()].filter(({ finishedAtMs }) => finishedAtMs !== null).map(({ spec }) => spec.id);
    return {
      news: new Set([...this.#unload(decisions), ...this.#put(effects, changed), ...this.#scale(decisions)]),
      finished,
      changed: events.map(({ jobId }) => jobId),
    };
  }

  /** Saves jobs with what their history gains: the events. */
  #saveJobs(jobs: readonly Job[], nowMs: number): readonly OfJob<JobEvent>[] {
    const submissions: Job[] = [];
    const events: OfJob<JobEvent>[] = [];
    const saved: Job[] = [];
    // About an attempt that was live and is over nothing is to be done any more.
    const over = new Map<JobId, number>();
    for (const job of jobs) {
      const before = this.#jobs.find(job.id);
      const event = eventOf(before, job, nowMs);
      if (event !== undefined) events.push({ jobId: job.id, entry: event });
      const noted = event === undefined ? job : { ...job, eventCount: event.sequence };
      if (before === undefined) submissions.push(noted);
      const fence = job.attempt?.fence ?? 0;
      if ((before?.attempt?.fence ?? fence) !== fence) over.set(job.id, fence);
      saved.push(noted);
    }
    this.#records.dropEffects(over);
    this.#jobs.saveAll(saved);
    this.#index.add(submissions);
    this.#history.append(events, this.#segments);
    return events;
  }

  /** The time of a segment, charged once; an attempt that no agent confirmed has cost nothing. */
  #withSegment(job: Job, event: LedgerEvent, end: AttemptEnd | undefined, nowMs: number): Job {
    const { id, fence, quantity, grant } = event;
    if (!hasRun(job, fence, end)) return job;
    const acceleratorMs = Math.floor(quantity / WHOLE_MILLI);
    if (acceleratorMs === 0) return job;
    const atMs = grant?.paidAtMs ?? nowMs;
    this.#charge(job, id, 'accelerator_ms', acceleratorMs, atMs, event);
    if (grant !== null) this.#use(grantIdOf(job.id, fence, grant.index), acceleratorMs);
    const lastSegment = segmentAfter(job.lastSegment, event, acceleratorMs, atMs);
    this.#segments.push({ jobId: job.id, entry: lastSegment });
    const charged = withCharge(job.charged, event, atMs, acceleratorMs);
    return { ...job, acceleratorMs: job.acceleratorMs + acceleratorMs, charged, lastSegment };
  }

  /** The tokens of an accepted completion, charged with it. */
  #withTokens(job: Job, end: AttemptEnd | undefined, isDecided: boolean, nowMs: number): Job {
    if (!isDecided || job.state !== 'succeeded' || end?.outcome !== 'succeeded') return job;
    this.#charge(job, `${attemptIdOf(job.id, end.fence)}:${end.fence}`, 'job_tokens', end.tokens, nowMs);
    this.#use(grantIdOf(job.id, end.fence, TOKENS_GRANT), end.tokens);
    return { ...job, tokens: job.tokens + end.tokens };
  }

  #use(grantId: string, quantity: number): void {
    this.#uses.set(grantId, (this.#uses.get(grantId) ?? 0) + quantity);
  }

  #charge(job: Job, id: string, meter: Meter, quantity: number, atMs: number, priced?: Pick<LedgerEvent, 'accelerator' | 'priceId'>): void {
    if (quantity === 0) return;
    const { organisationId, tenantId, projectId, work } = job;
    const { accelerator = null, priceId } = priced ?? {};
    this.#charges.push({
      id: `${id}:${meter}`,
      organisationId,
      tenantId,
      projectId,
      meter,
      quantity,
      model: modelOf(work),
      ...(accelerator === null ? {} : { accelerator }),
      ...(priceId === undefined ? {} : { priceId }),
      route: JOBS_ROUTE,
      atMs,
    });
  }

  /** Pools that grow or shrink: how many nodes are to come is answered to each exchange. */
  #scale(decisions: readonly CellDecision[]): readonly PartitionName[] {
    const retired = new Set(decisions.flatMap((decision) => (decision.kind === 'retire' ? [decision.nodeId] : [])));
    const growing = decisions.flatMap((decision) => (decision.kind === 'provision' ? [decision.poolId] : []));
    const leaving = decisions.flatMap((decision) => {
      const isLeaving = decision.kind === 'save_node' && decision.node.state === 'gone' && retired.delete(decision.node.spec.id);
      return isLeaving ? [decision.node.spec] : [];
    });
    const retirements = leaving.map(({ id, poolId }) => ({ to: partitionName(poolId, partitionOfAgent(id)), id }));
    this.#records.putRetirements(retirements);
    return [...growing.map((poolId) => partitionName(poolId, ROOT_PARTITION)), ...retirements.map(({ to }) => to)];
  }

  /** Weights that nodes shall forget: before anything starts there that needs the memory. */
  #unload(decisions: readonly CellDecision[]): readonly PartitionName[] {
    const unloads = decisions.flatMap((decision) => {
      if (decision.kind !== 'unload') return [];
      const { poolId, nodeId, model } = decision;
      return [{ to: partitionName(poolId, partitionOfAgent(nodeId)), nodeId, model }];
    });
    this.#records.putUnloads(unloads);
    return unloads.map(({ to }) => to);
  }

  /** A start goes to the partition of its node; which of them has an attempt that runs they know themselves. [P33] */
  #receiversOf(poolId: PoolId, effect: PoolEffect): readonly PartitionName[] {
    if (effect.kind === 'start') return [partitionName(poolId, partitionOfAgent(effect.nodeId))];
    return [...this.#records.partitionsOf(poolId)];
  }

  /** What is to be done about attempts that are live still. */
  #put(
    effects: readonly { readonly job: Job; readonly effect: PoolEffect }[],
    changed: ReadonlyMap<JobId, Job>,
  ): ReadonlySet<PartitionName> {
    const live = effects.flatMap(({ job, effect }) => {
      const { attempt } = must(changed.get(job.id), 'a job is saved with what is to be done about it');
      if (attempt === null || attempt.fence !== job.attempt?.fence) return [];
      return this.#receiversOf(attempt.poolId, effect).map((to) => ({ to, jobId: job.id, fence: attempt.fence, effect }));
    });
    this.#records.putEffects(live);
    return new Set(live.map(({ to }) => to));
  }
}

/** Whether an attempt has used anything: its agent confirmed it, or says how it ended. */
function hasRun({ attempt }: Job, fence: number, end: AttemptEnd | undefined): boolean {
  if (attempt?.fence === fence && attempt.isConfirmed) return true;
  return end?.fence === fence && end.outcome !== 'never_started';
}
