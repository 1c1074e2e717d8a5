import type { AttemptReport, FailureReason } from '../../contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import type { FundAnswer } from '../../contract/jobs/job-funds.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuseResource } from '../../contract/api/outcome.ts';
import type { PoolMessage, PoolOrders } from '../../contract/pools/pool-exchange.ts';
import type { PartitionName } from '../../contract/pools/pool-partition.ts';
import { partitionAt, partitionName, ROOT_PARTITION } from '../../contract/pools/pool-partition.ts';
import type { PoolRecord, StatedPrice } from '../../contract/pools/pool-record.ts';
import { must } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { JobId, OrganisationId, PoolId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { CellSettings } from '../engine/cell/cell-settings.ts';
import { Cell } from '../engine/cell/cell.ts';
import type { CellEvent } from '../engine/cell/event.ts';
import { stepAll } from '../engine/machine/step.ts';
import { organisationOfPayer } from './spec-of.ts';
import { Submissions } from './submissions.ts';
import type { JobExplanation } from './explain-job.ts';
import { explanationOf } from './job-explanation.ts';
import { grantIdOf, takeAnswers } from './fund-attempts.ts';
import type { Job, JobRequest } from './jobs/job.ts';
import { movesOf, PartitionNodes, poolEvents } from './agents-as-nodes.ts';
import type { JobVerb } from './job-verbs.ts';
import { asked, eventFor } from './job-verbs.ts';
import type { JobPlan } from './plan-job.ts';
import { planJob } from './plan-job.ts';
import type { ReadReports } from './read-reports.ts';
import { readReports } from './read-reports.ts';
import { servedWays } from './remedy-ways.ts';
import { PoolOperations, priceEvents } from './pool-operations.ts';
import { CohortOperations } from './quotas/cohort-operations.ts';
import { ReservationOperations } from './quotas/reservation-operations.ts';
import { QueueOperations } from './quotas/queue-operations.ts';
import { Sharing } from './quotas/sharing.ts';
import { SqliteNamedSettings } from './quotas/sqlite-named-settings.ts';
import { SERVED_SETTINGS } from './served-settings.ts';
import { SqliteCellStore } from './sqlite-cell-store.ts';
import { SqliteGrantStore, TOKENS_GRANT } from './jobs/sqlite-grant-store.ts';
import { SqliteJobStore } from './jobs/sqlite-job-store.ts';
import { SqliteNodeRegistry } from './sqlite-node-registry.ts';
import { SqliteJobHistory } from './jobs/sqlite-job-history.ts';
import { SqliteJobIndex } from './jobs/sqlite-job-index.ts';
import { SqlitePoolRegistry } from './sqlite-pool-registry.ts';
import { SqliteUsageOutbox } from './jobs/sqlite-usage-outbox.ts';
import type { StepContext } from './step-writer.ts';
import { StepWriter } from './step-writer.ts';

/**
 * A cell of the engine whose every step is in storage before it is answered: records, events, what pools have to do and what is charged,
 * in one transaction. The cell in memory is only a copy: it is read again when it was lost, or when a transaction failed.
 */
export class DurableCell {
  readonly jobs: SqliteJobStore;
  readonly index: SqliteJobIndex;
  readonly history: SqliteJobHistory;
  readonly outbox: SqliteUsageOutbox;
  readonly pools: SqlitePoolRegistry;
  readonly operations: PoolOperations;
  readonly queues: QueueOperations;
  readonly cohorts: CohortOperations;
  readonly reservations: ReservationOperations;
  readonly grants: SqliteGrantStore;
  readonly submissions: Submissions;
  readonly #storage: SqlStorage;
  readonly #clock: Clock;
  readonly #settings: CellSettings;
  readonly #records: SqliteCellStore;
  readonly #writer: StepWriter;
  readonly #nodes: SqliteNodeRegistry;
  readonly #sharing: Sharing;
  readonly #partitions = new PartitionNodes();
  readonly #news = new Set<PartitionName>();
  readonly #changed = new Set<JobId>();
  #cell: Cell | undefined;

  /** `settings`: how the cell decides, and the cohorts and queues that are there from the start. */
  constructor(storage: SqlStorage, clock: Clock, settings: CellSettings = SERVED_SETTINGS) {
    this.#storage = storage;
    this.#clock = clock;
    this.#settings = settings;
    this.#records = new SqliteCellStore(storage);
    this.jobs = new SqliteJobStore(storage);
    this.outbox = new SqliteUsageOutbox(storage);
    this.pools = new SqlitePoolRegistry(storage);
    this.grants = new SqliteGrantStore(storage);
    this.index = new SqliteJobIndex(storage);
    this.history = new SqliteJobHistory(storage);
    this.#writer = new StepWriter({
      records: this.#records,
      jobs: this.jobs,
      outbox: this.outbox,
      index: this.index,
      history: this.history,
      grants: this.grants,
    });
    this.#nodes = new SqliteNodeRegistry(storage);
    this.operations = new PoolOperations({
      registry: this.pools,
      nodes: this.#nodes,
      cell: () => this.#loaded(),
      nowMs: () => this.#clock.nowMs(),
      transact: (body) => this.#transact(body),
      step: (events) => this.#step(events),
      evacuate: (poolId) => this.#giveUp(this.#loaded().fleet.nodesOf(poolId), poolId, 'released'),
      dismiss: (poolId) => {
        this.#records.dismiss(poolId);
        // It learns of it when it next reports.
        this.#news.add(partitionName(poolId, ROOT_PARTITION));
      },
    });
    this.#sharing = new Sharing(
      new SqliteNamedSettings(storage),
      () => this.#loaded(),
      (events) => this.#step(events),
      () => this.#clock.nowMs(),
    );
    this.submissions = new Submissions({
      jobs: this.jobs,
      sharing: this.#sharing,
      cell: () => this.#loaded(),
      nowMs: () => this.#clock.nowMs(),
      transact: (body) => this.#transact(body),
      step: (events, context) => this.#step(events, context),
    });
    const parts = { sharing: this.#sharing, nowMs: () => this.#clock.nowMs(), transact: <T>(body: () => T) => this.#transact(body) };
    this.queues = new QueueOperations(parts);
    this.cohorts = new CohortOperations(parts);
    this.reservations = new ReservationOperations(parts);
  }

  /** Queues a job, once per id. Refuses as `submitAll` does. */
  submit(request: JobRequest): Outcome<Job> {
    return must(this.submissions.submitAll([request])[0], 'a request is answered');
  }

  /** What would become of a job if it were submitted now. Nothing is changed. Refuses as `submit` does. */
  plan(request: JobRequest): Outcome<JobPlan> {
    const checked = this.submissions.checked(request);
    if (!checked.ok) return checked;
    const { tenantId } = request;
    const ways = servedWays(this.#sharing, request, (id) => this.find(tenantId, id).ok);
    return this.#transact(() =>
      planJob(this.#loaded(), checked.value, this.#sharing.defaultOf(tenantId), { nowMs: this.#clock.nowMs(), ways }),
    );
  }

  /** Has something done to a job: the job after that. Refuses with `job_not_found`, or as `eventFor` does. */
  act(tenantId: TenantId, jobId: JobId, verb: JobVerb): Outcome<Job> {
    const job = this.find(tenantId, jobId);
    if (!job.ok) return job;
    const admitted = verb.kind === 'reprioritise' ? this.#sharing.admits({ ...job.value, priority: verb.priority }) : job;
    if (!admitted.ok) return admitted;
    const event = eventFor(job.value, this.#loaded().jobs.find(jobId), verb);
    if (!event.ok) return event;
    if (event.value === null) return job;
    const events = [event.value];
    const progressed = [asked(job.value, verb, this.#clock.nowMs())];
    this.#transact(() => this.#step(events, { progressed }));
    return this.find(tenantId, jobId);
  }

  find(tenantId: TenantId, jobId: JobId): Outcome<Job> {
    const job = this.jobs.find(jobId);
    return job === undefined || job.tenantId !== tenantId
      ? refuseResource('job_not_found', { kind: 'job', name: jobId }, `no job ${jobId}`, 'job')
      : ok(job);
  }

  /** Why a job waits. Refuses with `job_not_found`. */
  explain(tenantId: TenantId, jobId: JobId): Outcome<{ readonly job: Job; readonly explanation: JobExplanation }> {
    const job = this.find(tenantId, jobId);
    if (!job.ok) return job;
    const ways = servedWays(this.#sharing, job.value, (id) => this.find(tenantId, id).ok);
    const inTheWay = () => this.#sharing.inTheWayOf(job.value);
    const explanation = explanationOf(this.#loaded(), job.value, { ways, inTheWay, atMs: this.#clock.nowMs() });
    return ok({ job: job.value, explanation });
  }

  /** Starts no job of a suspended tenant, and asks those that run to stop and be given back; they run again when the suspension has ended. */
  suspendTenant(tenantId: TenantId, isSuspended: boolean): void {
    this.#transact(() => {
      const queues = this.#sharing.queuesOf(tenantId);
      if (this.jobs.isBarred(tenantId) || (queues.length === 0 && !isSuspended)) return;
      const suspended = queues.length === 0 ? [tenantId] : queues;
      this.#step([...this.#sharing.arrivals(tenantId), ...suspended.map((queue): CellEvent => ({ kind: 'suspend', queue, isSuspended }))]);
    });
  }

  /**
   * Takes away what a tenant has here, a part with each call, and takes no more jobs of it: answers how many jobs are left. Those that run are
   * cancelled, and can be taken away once their agents have stopped.
   */
  eraseTenant(tenantId: TenantId): number {
    return this.#transact(() => {
      this.jobs.bar(tenantId);
      const open = this.jobs.uncancelled(tenantId, JOB_LIMITS.schedulerBatchMaxCount);
      this.#step(open.map(({ id }): CellEvent => ({ kind: 'cancel', jobId: id })));
      for (const job of this.jobs.eraseFinished(tenantId, JOB_LIMITS.jobsErasedMaxCount)) {
        this.index.remove(job);
        this.history.erase(job.id);
      }
      const left = this.jobs.count(tenantId) + this.grants.count(tenantId);
      if (left === 0) {
        this.#sharing.erase(tenantId, this.#clock.nowMs());
        this.#records.forgetSteps(tenantId, this.#loaded().nowMs);
      }
      return left;
    });
  }

  /** Registers a pool with its prices, once per id. Refuses with `already_exists`, `idempotency_mismatch` or `limit_exceeded`. */
  addPool(pool: PoolRecord, prices: readonly StatedPrice[] = []): Outcome<PoolRecord> {
    return this.#transact(() => {
      const isNew = this.pools.find(pool.id) === undefined;
      const added = this.pools.add(pool, prices);
      if (!added.ok) return added;
      // Asked for again, it keeps the prices that it has by now.
      this.#step([...poolEvents('add_pool', pool), ...priceEvents(pool, isNew ? prices : [], this.#clock.nowMs())]);
      return added;
    });
  }

  /** Takes the news of a pool, and answers what it has to do. One that is not registered any more is to be forgotten. */
  exchange(message: PoolMessage): PoolOrders {
    const { poolId, reports, nodeCount, carriedOut } = message;
    const partition = partitionName(poolId, message.partition ?? ROOT_PARTITION);
    return this.#transact(() => {
      if (!this.#loaded().fleet.hasPool(poolId)) {
        return { verdicts: reports.map(() => 'stale'), effects: [], coming: 0, isGone: true };
      }
      this.#records.carriedOut(partition, carriedOut);
      const read = this.#read(poolId, reports);
      if (message.left.length > 0) this.#records.dropNodeEffects(message.left.map(({ nodeId }) => nodeId));
      const retired = this.#records.retirementCount(partition);
      this.#step([...read.events, ...movesOf(message, this.#loaded().fleet, this.#nodes, this.#clock.nowMs())], read);
      // What the step retires the pool has counted, too.
      const { fleet } = this.#loaded();
      const known = this.#partitions.countOf(fleet, partition);
      const isInStep = known + Math.max(retired, this.#records.retirementCount(partition)) === nodeCount;
      if (known > 0) this.#records.extendLease(partition, this.#clock.nowMs() + JOB_LIMITS.poolLeaseMs);
      else this.#records.endLease(partition);
      this.#news.delete(partition);
      return {
        verdicts: read.verdicts,
        effects: this.effects(partition, message.startsMax),
        coming: fleet.pool(poolId).comingCount,
        ...(isInStep ? {} : { counted: this.#partitions.nodesOf(fleet, partition).map((index) => fleet.node(index).spec.id) }),
      };
    });
  }

  /** Takes what the quotas answered to attempts that asked, each answer once; `settled`: grants whose rest they took back. */
  takeFunds(answers: readonly FundAnswer[], settled: readonly string[]): void {
    this.#transact(() => {
      this.grants.remove(settled);
      this.#step(takeAnswers(this.grants, answers, this.#clock.nowMs()));
    });
  }

  /** The quotas or budgets of an organisation were changed: its payers are asked again at once. */
  releasePayers(organisationId: OrganisationId): void {
    const held = this.#loaded().payers.held.filter((payer) => organisationOfPayer(payer) === organisationId);
    this.#transact(() => this.#step(held.map((payer): CellEvent => ({ kind: 'release_payer', payer }))));
  }

  /** What a partition of a pool has to do, up to as many starts. */
  effects(partition: PartitionName, startsMax?: number): PoolOrders['effects'] {
    return this.#records.effects(partition, JOB_LIMITS.schedulerBatchMaxCount, startsMax);
  }

  /** Does what time has brought: what the engine had to do by now, and a pool that had said nothing by `judgedMs` for the length of its lease. */
  wake(judgedMs = this.#clock.nowMs()): void {
    this.#transact(() => {
      const silent = this.#records.silentPartition(this.#clock.nowMs(), judgedMs);
      if (silent !== undefined) this.#giveUpPartition(silent, JOB_LIMITS.schedulerBatchMaxCount);
      this.#sharing.keepTime();
      if (this.#loaded().nextDueMs() <= this.#clock.nowMs()) this.#step([{ kind: 'tick' }]);
    });
  }

  /** When `wake` is next due; Infinity when only news can change anything. */
  nextDueMs(): number {
    return Math.min(this.#loaded().nextDueMs(), this.#sharing.nextDueMs(), this.#records.nextLeaseEndMs() ?? Infinity);
  }

  /** Partitions of pools that have something to do since this was last asked. */
  takeNews(): readonly PartitionName[] {
    const partitions = [...this.#news];
    this.#news.clear();
    return partitions;
  }

  /** Jobs with new events since this was last asked. */
  takeChanged(): readonly JobId[] {
    const jobs = [...this.#changed];
    this.#changed.clear();
    return jobs;
  }

  /** Loses nodes of a partition that is silent, at most so many, and what runs there. */
  #giveUpPartition(partition: PartitionName, countMax: number): void {
    const { fleet } = this.#loaded();
    this.#giveUp(this.#partitions.nodesOf(fleet, partition).slice(0, countMax), partitionAt(partition).poolId);
    if (this.#partitions.countOf(fleet, partition) === 0) this.#records.endLease(partition);
  }

  /** Loses nodes of a pool, and what runs there. */
  #giveUp(nodes: readonly number[], poolId: PoolId, reason?: FailureReason): void {
    const { fleet, jobs } = this.#loaded();
    const lost = nodes.map((index): CellEvent => ({ kind: 'node_lost', nodeId: fleet.node(index).spec.id }));
    const reports = jobs.inOrder(jobs.onNodes.on(nodes)).map(({ spec, fence, attempt }): AttemptReport => ({
      jobId: spec.id,
      fence,
      kind: 'failed',
      reason: attempt?.runningAtMs === null ? 'never_started' : (reason ?? 'lease_expired'),
      message: reason === undefined ? 'the pool fell silent' : 'the pool was deleted',
    }));
    const read = this.#read(poolId, reports);
    this.#step([...read.events, ...lost], read);
  }

  #read(poolId: PoolId, reports: readonly AttemptReport[]): ReadReports {
    return readReports(poolId, reports, {
      nowMs: this.#clock.nowMs(),
      find: (id) => this.jobs.find(id),
      commandOf: ({ id }) => {
        const leaving = this.#loaded().jobs.find(id)?.attempt?.leaving ?? null;
        return leaving === null ? 'continue' : leaving.reason === 'cancelled' ? 'cancel' : 'stop';
      },
      tokensPaid: (jobId, fence) => this.grants.find(grantIdOf(jobId, fence, TOKENS_GRANT))?.units,
    });
  }

  /** Applies events, if there are any, and writes what follows, in the transaction of the caller. */
  #step(events: readonly CellEvent[], context: StepContext = {}): readonly Outcome<unknown>[] {
    const cell = this.#loaded();
    const { decisions, outcomes } = events.length === 0 ? NO_STEP : stepAll(cell, events, this.#clock.nowMs());
    if (events.length > 0) this.#records.log(events, cell.nowMs);
    const nextSequence = events.some(({ kind }) => kind === 'submit') ? cell.jobs.nextSequence : undefined;
    const { news, finished, changed } = this.#writer.write(decisions, { ...context, nextSequence }, cell.nowMs);
    for (const poolId of news) this.#news.add(poolId);
    for (const jobId of changed) this.#changed.add(jobId);
    for (const id of finished) cell.jobs.forget(id);
    return outcomes;
  }

  /** All that `body` writes is written, or the cell in memory is given up. */
  #transact<T>(body: () => T): T {
    try {
      return this.#storage.transactionSync(body);
    } catch (defect) {
      this.#cell = undefined;
      for (const store of [this.jobs, this.grants, this.outbox, this.#records]) store.forget();
      this.#sharing.forget();
      throw defect;
    }
  }

  #loaded(): Cell {
    if (this.#cell === undefined) {
      const { records, nowMs } = this.#records.load();
      this.#cell = new Cell(this.#settings, records);
      this.#cell.advance(nowMs);
    }
    return this.#cell;
  }
}

const NO_STEP = { decisions: [], outcomes: [] } as const;
