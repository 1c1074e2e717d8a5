import { assert } from '../../../kernel/assert.ts';
import type { JobId, PoolId } from '../../../kernel/ids.ts';
import type { PoolChoice } from './offer.ts';
import { NO_HISTORY, reweighed } from '../fairness/dominant-share.ts';
import type { CohortNode, CohortSpec } from '../fairness/quota-tree.ts';
import { belowRoot, rootOf, QuotaTree } from '../fairness/quota-tree.ts';
import type { JobSpec } from '../model/job-spec.ts';
import type { AcceleratorType, PoolSpec } from '../model/pool-spec.ts';
import { acceptsPool, payerOf } from '../model/job-spec.ts';
import type { PriceRow } from '../model/price-book.ts';
import { PriceBook } from '../model/price-book.ts';
import { UndoLog } from '../model/undo-log.ts';
import type { Placer } from '../placement/placer.ts';
import { Bookings } from './bookings.ts';
import { Throughputs, Durations, optionKey } from './observations.ts';
import { PayerHolds } from './payer-holds.ts';
import type { PendingClass } from './pending-queues.ts';
import { PendingQueues } from './pending-queues.ts';
import { ageHistory, beginHistory, keepHistory } from './queue-history.ts';
import { RecentArrivals } from './recent-arrivals.ts';
import { Reservations } from './reservations.ts';
import { RunTimes } from './run-times.ts';
import { StartErrors } from './start-errors.ts';
import { SharedSpecs } from './shared-specs.ts';
import type { CellSettings } from './cell-settings.ts';
import { nextRoundMs, RoundTimes, dueOf, Timers } from './timers.ts';
import { expectedEndMs, ExpectedEnds } from './expected-ends.ts';
import { Fleet, IdleNodes } from './fleet.ts';
import { Holdings } from './holdings.ts';
import type { JobRecord } from './job-record.ts';
import { isFinished } from './job-record.ts';
import { JobTable } from './job-table.ts';
import { Looks } from './looks.ts';
import { SettledTrees } from './settled-trees.ts';
import type { CellDecision, QueueRecord, PoolRecord, CellRecords } from './records.ts';

/**
 * The state of a scheduler cell: its records, which are the source of truth, and what is derived from them and follows every change, so that
 * a cell built from the same records decides the same. It acts only by the decisions that it collects. Which waiting jobs a change concerns
 * is decided in `changes.ts`.
 */
export class Cell {
  readonly settings: CellSettings;
  readonly undo = new UndoLog();
  readonly looks = new Looks();
  readonly fleet: Fleet;
  readonly tree: QuotaTree;
  readonly holdings: Holdings;
  readonly idleNodes: IdleNodes;
  readonly jobs = new JobTable(this.undo);
  readonly pending = new PendingQueues(this.undo, (exemplar) => this.#poolsFor(exemplar));
  readonly reservations = new Reservations(this.undo, (decision) => this.decide(decision));
  readonly settled = new SettledTrees(this);
  readonly bookings = new Bookings(this.undo, (decision) => this.decide(decision));
  readonly durations = new Durations((decision) => this.decide(decision));
  readonly throughputs = new Throughputs((decision) => this.decide(decision));
  readonly runTimes = new RunTimes((decision) => this.decide(decision));
  readonly startErrors = new StartErrors((decision) => this.decide(decision));
  readonly arrivals = new RecentArrivals();
  readonly payers: PayerHolds;
  readonly rounds = new RoundTimes();
  readonly ends = new ExpectedEnds(
    this.undo,
    (job) => expectedEndMs(job, this.nowMs, this.durations),
    ({ spec }) => rootOf(this.holdings.queueOf(spec)),
  );
  readonly prices = new PriceBook();
  readonly placer: Placer;
  readonly shapes = new SharedSpecs();
  /** What `affordablePools` found for the options of a class, until prices or pools change. */
  poolChoices = new WeakMap<JobSpec['options'], PoolChoice[]>();
  readonly #accelerators: Map<string, AcceleratorType>;
  readonly #queues = new Map<string, QueueRecord>();
  /** Cohorts and queues that came after the settings were made, or differ from them. */
  readonly #cohorts: Map<string, CohortSpec>;
  readonly #timers = new Timers();
  readonly #decisions: CellDecision[] = [];
  #wakeAtMs = Infinity;
  #nowMs = 0;

  constructor(settings: CellSettings, records?: CellRecords) {
    this.settings = settings;
    this.#accelerators = new Map(settings.accelerators);
    this.payers = new PayerHolds(settings.prepay, {
      undo: this.undo,
      decide: (decision) => this.decide(decision),
      nowMs: () => this.#nowMs,
      wakeAt: (atMs) => this.wakeAt(atMs),
    });
    this.fleet = new Fleet(settings.pools, this.undo);
    this.placer = settings.placer(this.fleet.cluster, this.jobs.mix, (id) => this.fleet.pool(id).spec.placer ?? 'least_waste');
    this.#cohorts = new Map((records?.cohorts ?? []).map((spec) => [spec.name, spec]));
    this.tree = new QuotaTree(this.#specs(), this.undo);
    this.holdings = new Holdings(this.fleet.cluster, this.tree, this.undo);
    this.idleNodes = new IdleNodes(this.fleet, this.holdings.occupants);
    if (records !== undefined) this.#load(records);
  }

  /** Takes the time. It never runs backwards: a clock that was set back must not make durations negative. */
  advance(nowMs: number): void {
    const before = this.#nowMs;
    this.#nowMs = Math.max(before, nowMs);
    this.undo.note(() => (this.#nowMs = before));
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  queue(name: string): QueueRecord {
    return this.#queues.get(name) ?? { name, isSuspended: false, history: NO_HISTORY };
  }

  /** Whether no job of a queue may be placed now. */
  isStopped({ spec }: CohortNode): boolean {
    return spec.stop !== undefined || this.queue(spec.name).isSuspended;
  }

  /** Whether no job of a class may be placed now, whatever is free: its queue is suspended, or its payer was refused. */
  isHalted({ queue, exemplar, key }: PendingClass): boolean {
    return this.isStopped(queue) || this.payers.of({ payer: payerOf(exemplar), classKey: key }) !== undefined;
  }

  /** The job for which something is due by now, soonest first. */
  nextDue(): JobRecord | undefined {
    const timer = this.#timers.next((id) => this.#dueAtMs(id));
    if (this.#wakeAtMs <= this.nowMs) {
      const before = this.#wakeAtMs;
      this.#wakeAtMs = Infinity;
      this.undo.note(() => (this.#wakeAtMs = before));
      this.decide({ kind: 'save_wake', atMs: null });
      this.poolChoices = new WeakMap();
      this.pending.wake(() => true);
      // A wake stands for all that were to follow it: prices that are still to come are looked for again.
      this.wakeAt(this.prices.nextChangeMs(this.nowMs));
    }
    return timer !== undefined && timer.atMs <= this.nowMs ? this.jobs.get(timer.jobId) : undefined;
  }

  /** When all that wait are next looked at again; Infinity when only news can help. */
  get wakesAtMs(): number {
    return this.#wakeAtMs;
  }

  /** When something is next due by itself; Infinity when nothing is. */
  nextDueMs(): number {
    return Math.min(
      this.#timers.next((id) => this.#dueAtMs(id))?.atMs ?? Infinity,
      this.#wakeAtMs,
      this.bookings.nextDueMs(),
      this.rounds.nextDueMs(),
    );
  }

  /** Looks again at all that wait, once it is that late: what stands in their way is time alone. */
  wakeAt(atMs: number): void {
    if (this.undo.isOpen || atMs >= this.#wakeAtMs) return;
    this.#wakeAtMs = atMs;
    this.decide({ kind: 'save_wake', atMs });
  }

  /** How many decisions have been made since they were last taken. */
  get decidedCount(): number {
    return this.#decisions.length;
  }

  /** Those made since there were so many. */
  decidedSince(count: number): readonly CellDecision[] {
    return this.#decisions.slice(count);
  }

  /** What was decided since this was last asked. */
  takeDecisions(): readonly CellDecision[] {
    return this.#decisions.splice(0);
  }

  decide(decision: CellDecision): void {
    this.#decisions.push(decision);
    this.undo.note(() => this.#decisions.pop());
  }

  /** Changes a job and what is derived from it. Returns whether the job gave up quota or nodes. */
  record(job: JobRecord): boolean {
    const before = this.jobs.find(job.spec.id);
    for (const node of belowRoot(this.holdings.queueOf(job.spec))) ageHistory(this, node);
    this.#put(before, job);
    this.decide({ kind: 'save', job });
    return this.holdings.change(before, job);
  }

  /** Takes a queue in, once per name. */
  addQueue(spec: CohortSpec): void {
    if (this.tree.queue(spec.name) !== undefined) return;
    this.tree.addQueue(spec);
    this.#cohorts.set(spec.name, spec);
    this.decide({ kind: 'save_cohort', spec });
  }

  /** Forgets a queue that the settings do not name, unless it has an unfinished job. */
  removeQueue(name: string): void {
    const isNamed = this.settings.cohorts.some((spec) => spec.name === name);
    if (isNamed || this.tree.queue(name) === undefined) return;
    for (const job of this.jobs.all) if (job.spec.queue === name && !isFinished(job)) return;
    this.tree.removeQueue(name);
    this.#forgetCohort(name);
  }

  /**
   * Changes cohorts and queues, and forgets some that have no unfinished job. What jobs have stays theirs, and what queues have had lately goes on
   * counting: by their weight of now, and for the cohorts that they come under.
   */
  changeCohorts(saved: readonly CohortSpec[], gone: readonly string[]): void {
    assert(!this.undo.isOpen, 'a tree is changed for good');
    const known = saved.flatMap(({ name }) => this.tree.find(name) ?? []);
    for (const node of known) if (node.parent !== null) ageHistory(this, node);
    const before = new Map(known.map((node) => [node.spec.name, { weightMilli: node.spec.weightMilli, root: rootOf(node).spec.name }]));
    for (const name of gone) this.#forgetCohort(name);
    for (const spec of saved) {
      assert(spec.eviction?.leavingMaxCount !== Infinity, 'the queue is stored as JSON, which knows no infinity');
      this.#cohorts.set(spec.name, spec);
      this.decide({ kind: 'save_cohort', spec });
    }
    this.resetTree(this.#specs());
    for (const { name, weightMilli } of saved) {
      const node = this.tree.node(name);
      const former = before.get(name);
      if (former === undefined) beginHistory(this, node);
      else if (node.parent !== null) keepHistory(this, name, reweighed(this.queue(name).history, former.weightMilli, weightMilli));
      assert(former === undefined || former.root === rootOf(node).spec.name, 'a queue stays below its root');
    }
    for (const { name } of saved) this.awaitRound(this.tree.node(name));
    this.pending.wake(() => true);
  }

  /** Makes the tree the one of these cohorts and queues; what jobs have stays theirs. Not undone by a trial. */
  resetTree(specs: readonly CohortSpec[]): void {
    this.tree.change(specs);
    this.holdings.recount(this.jobs.inOrder(this.jobs.placed));
  }

  /** Takes a pool in, once per id. Waiting jobs may run there from now on. */
  addPool(spec: PoolSpec): void {
    if (this.fleet.hasPool(spec.id)) return;
    this.savePool(this.fleet.addPool(spec));
    this.poolChoices = new WeakMap();
    this.pending.refilePools();
    this.pending.wake(() => true);
  }

  /** Changes what a pool is. Waiting jobs may run there from now on, or not any more; what runs there goes on. */
  changePool(spec: PoolSpec): void {
    if (!this.fleet.hasPool(spec.id)) return;
    this.savePool({ ...this.fleet.pool(spec.id), spec });
    this.idleNodes.restart();
    this.poolChoices = new WeakMap();
    this.pending.refilePools();
    this.pending.wake(() => true);
  }

  /** Forgets a pool and its prices, unless it has nodes. */
  removePool(id: PoolId): void {
    const isNamed = this.settings.pools.some((spec) => spec.id === id);
    if (isNamed || !this.fleet.hasPool(id) || this.fleet.nodesOf(id).length > 0) return;
    this.fleet.removePool(id);
    this.decide({ kind: 'forget_pool', poolId: id });
    for (const row of this.prices.takeOf(id)) this.decide({ kind: 'forget_price', row });
    this.poolChoices = new WeakMap();
    this.pending.refilePools();
  }

  /** Types of accelerators, by name. */
  get accelerators(): ReadonlyMap<string, AcceleratorType> {
    return this.#accelerators;
  }

  /** Takes a type in, once per name. */
  addAccelerator(type: AcceleratorType): void {
    if (this.#accelerators.has(type.name)) return;
    this.#accelerators.set(type.name, type);
    this.decide({ kind: 'save_accelerator', type });
  }

  saveQueue(queue: QueueRecord): void {
    const before = this.queue(queue.name);
    this.#putQueue(queue);
    this.undo.note(() => this.#putQueue(before));
    this.decide({ kind: 'save_queue', queue });
  }

  #putQueue(queue: QueueRecord): void {
    this.#queues.set(queue.name, queue);
    this.rounds.note(queue);
  }

  /** Has the jobs of a queue take their turns from the next round on, if they take turns. */
  awaitRound({ spec }: CohortNode): void {
    const record = this.queue(spec.name);
    if (spec.timeSlice === undefined || record.roundAtMs !== undefined) return;
    this.saveQueue({ ...record, roundAtMs: nextRoundMs(this.nowMs, spec.timeSlice.roundMs) });
  }

  savePool(pool: PoolRecord): void {
    this.fleet.savePool(pool);
    this.decide({ kind: 'save_pool', pool });
  }

  savePrice(row: PriceRow): void {
    this.prices.add(row);
    this.poolChoices = new WeakMap();
    this.decide({ kind: 'save_price', row });
    for (const past of this.prices.takePast(row, this.nowMs)) this.decide({ kind: 'forget_price', row: past });
    this.wakeAt(Math.max(this.nowMs, row.fromMs));
    this.wakeAt(this.prices.nextChangeMs(this.nowMs));
  }

  /** Takes note of how long a job took that is done: others like it are expected to take as long. */
  observeDuration(job: JobRecord, durationMs: number): void {
    // What a trial supposes was not seen.
    if (this.undo.isOpen) return;
    for (const key of new Set([job.classKey, optionKey(job, job.attempt?.option ?? 0)])) {
      for (const changed of this.durations.observe(key, durationMs)) {
        for (const id of this.ends.ofClass(changed)) this.ends.change(this.jobs.get(id));
      }
    }
  }

  #dueAtMs(id: JobId): number {
    const job = this.jobs.find(id);
    return job === undefined ? Infinity : dueOf(job, this.settings).atMs;
  }

  #put(before: JobRecord | undefined, job: JobRecord): void {
    const { id } = job.spec;
    // Noted first, so undone last: once the job is as it was.
    if (this.undo.isOpen) this.undo.note(() => this.#timers.set(id, this.#dueAtMs(id)));
    this.jobs.put(job);
    this.#file(before, job);
    this.ends.change(job);
    this.#timers.set(id, this.#dueAtMs(id));
  }

  /** Adds a job to its queue, or removes it. */
  #file(before: JobRecord | undefined, job: JobRecord): void {
    const waits = this.jobs.isPending(job);
    const isMoved = before?.classKey !== job.classKey;
    const waited = before !== undefined && this.pending.has(before);
    if (waited && (!waits || isMoved)) this.pending.remove(before);
    if (waits && (!waited || isMoved)) this.pending.add(job, this.holdings.queueOf(job.spec));
  }

  #forgetCohort(name: string): void {
    this.#cohorts.delete(name);
    this.#queues.delete(name);
    this.rounds.note({ name });
    for (const observed of [this.durations, this.throughputs, this.runTimes]) observed.forgetQueue(name);
    this.decide({ kind: 'forget_cohort', name });
  }

  /** All cohorts and queues: those of the settings first, then in the order in which they came. */
  #specs(): readonly CohortSpec[] {
    const given = this.settings.cohorts.map((spec) => this.#cohorts.get(spec.name) ?? spec);
    const names = new Set(given.map(({ name }) => name));
    return [...given, ...[...this.#cohorts.values()].filter(({ name }) => !names.has(name))];
  }

  #poolsFor({ options }: JobSpec): readonly PoolId[] {
    return [...this.fleet.pools].flatMap(({ spec }) => (options.some((option) => acceptsPool(option, spec)) ? [spec.id] : []));
  }

  #load(records: CellRecords): void {
    const { jobs, nextSequence, nodes, queues, pools, prices, reservations, bookings, durations, throughputs, payers, wakeAtMs } = records;
    for (const type of records.accelerators) this.#accelerators.set(type.name, type);
    for (const pool of pools) {
      if (!this.fleet.hasPool(pool.spec.id)) this.fleet.addPool(pool.spec);
      this.fleet.savePool(pool);
    }
    for (const node of nodes) this.fleet.restore(node);
    for (const queue of queues) this.#putQueue(queue);
    for (const row of prices) this.prices.add(row);
    this.durations.load(durations);
    this.payers.load(payers);
    for (const stored of jobs.toSorted((a, b) => a.sequence - b.sequence)) {
      // A class that avoids nodes has a key of its own, which begins with that of its shape.
      const { spec, classKey } = this.shapes.shared(stored.spec, stored.classKey.split('\n')[0]);
      const job = { ...stored, spec, classKey: stored.avoids.length === 0 ? classKey : stored.classKey };
      this.#put(undefined, job);
      this.arrivals.note(job, job.submittedAtMs);
      this.holdings.change(undefined, job);
    }
    this.jobs.continueFrom(nextSequence);
    this.reservations.load(reservations);
    this.bookings.load(bookings);
    this.throughputs.load(throughputs);
    this.runTimes.load(records.runTimes ?? []);
    this.startErrors.load(records.startErrors ?? []);
    // As recorded: no job could be placed, or another pass was due at once.
    for (const pending of this.pending.all) this.pending.sleep(pending);
    this.#wakeAtMs = wakeAtMs ?? Infinity;
  }
}
