import { assert, must } from '../../../kernel/assert.ts';
import type { JobId, PoolId } from '../../../kernel/ids.ts';
import type { CohortNode } from '../fairness/cohort-node.ts';
import { rootOf } from '../fairness/cohort-node.ts';
import { dominantSharePpm } from '../fairness/dominant-share.ts';
import { QuotaTree } from '../fairness/quota-tree.ts';
import { aged, NO_HISTORY } from '../fairness/usage-history.ts';
import { Throughputs } from '../placement/throughputs.ts';
import { JobMix } from '../placement/job-mix.ts';
import type { Placer } from '../model/placer.ts';
import { acceptsPool } from '../model/accepts-pool.ts';
import type { JobSpec } from '../model/job-spec.ts';
import type { ResourceOption } from '../model/resource-option.ts';
import type { PriceRow } from '../model/price-book.ts';
import { PriceBook } from '../model/price-book.ts';
import { UndoLog } from '../model/undo-log.ts';
import { PendingQueues } from '../queue/pending-queues.ts';
import { Durations } from '../queue/durations.ts';
import { Shapes } from '../queue/shapes.ts';
import { Reservations } from '../queue/reservations.ts';
import { expectedEndMs } from '../admission/expected-end.ts';
import { stepsToSpare, stepsWanted } from '../elastic/steps.ts';
import type { PoolChoice } from '../admission/pool-choice.ts';
import type { CellSettings } from './cell-settings.ts';
import type { CellView } from './cell-view.ts';
import type { CellDecision, NodeRecord, QueueRecord } from './decision.ts';
import { dueOf } from './due-at.ts';
import { ExpectedEnds } from './expected-ends.ts';
import { Fleet } from './fleet.ts';
import { Holdings } from './holdings.ts';
import { IdleNodes } from './idle-nodes.ts';
import type { JobRecord } from './job-record.ts';
import { isFinished, isWaiting, nodesOf } from './job-record.ts';
import { JobsByNode } from './jobs-by-node.ts';
import type { PoolRecord } from './pool-record.ts';
import type { CellRecords } from './cell-records.ts';
import { Timers } from './timers.ts';
import { wakeAfter, wakeEvictors, wakeNear } from './waking.ts';

/**
 * The state of a scheduler cell. Its records are the truth; all else here follows from them and is kept up as they change, so that a cell
 * built from the same records decides the same. Nothing is done but by the decisions it collects.
 */
export class Cell implements CellView {
  readonly settings: CellSettings;
  readonly undo = new UndoLog();
  readonly fleet: Fleet;
  readonly tree: QuotaTree;
  readonly holdings: Holdings;
  readonly idleNodes: IdleNodes;
  /** Jobs by the nodes that they own or still occupy; and those whose nodes other jobs have to leave first. */
  readonly onNodes = new JobsByNode(this.undo, nodesOf);
  readonly admitted = new JobsByNode(this.undo, (job) => (job.state === 'admitted' ? nodesOf(job) : []));
  readonly pending = new PendingQueues(this.undo, (exemplar) => this.#poolsFor(exemplar));
  readonly reservations = new Reservations(this.undo, (decision) => this.decide(decision));
  readonly durations = new Durations((decision) => this.decide(decision));
  readonly throughputs = new Throughputs((decision) => this.decide(decision));
  readonly ends = new ExpectedEnds(
    this.undo,
    (job) => expectedEndMs(this, job),
    ({ spec }) => rootOf(this.holdings.queueOf(spec)),
  );
  readonly prices = new PriceBook();
  readonly placer: Placer;
  readonly shapes = new Shapes();
  /** What `affordablePools` found for the options of a class, until prices or pools change. */
  poolChoices = new WeakMap<JobSpec['options'], PoolChoice[]>();
  readonly #jobs = new Map<JobId, JobRecord>();
  readonly #queues = new Map<string, QueueRecord>();
  readonly #mix = new JobMix();
  readonly #timers = new Timers();
  readonly #dependents = new Map<JobId, Set<JobId>>();
  readonly #sets = { checkpointing: new Set<JobId>(), placed: new Set<JobId>(), shrinkable: new Set<JobId>(), growable: new Set<JobId>() };
  readonly #decisions: CellDecision[] = [];
  #nextSequence = 1;
  #wakeAtMs = Infinity;
  #nowMs = 0;

  constructor(settings: CellSettings, records?: CellRecords) {
    this.settings = settings;
    this.fleet = new Fleet(settings.pools, this.undo);
    this.placer = settings.placer(this.fleet.cluster, this.#mix);
    this.tree = new QuotaTree(settings.cohorts, this.undo);
    this.holdings = new Holdings(this.fleet.cluster, this.tree, this.undo);
    this.idleNodes = new IdleNodes(this.fleet, this.holdings.leavers);
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

  get jobs(): Iterable<JobRecord> {
    return this.#jobs.values();
  }

  find(id: JobId): JobRecord | undefined {
    return this.#jobs.get(id);
  }

  job(id: JobId): JobRecord {
    return must(this.#jobs.get(id), 'the job exists');
  }

  get nextSequence(): number {
    return this.#nextSequence;
  }

  queue(name: string): QueueRecord {
    return this.#queues.get(name) ?? { name, isSuspended: false, history: NO_HISTORY };
  }

  /** Jobs whose eviction was requested. */
  get leaving(): ReadonlySet<JobId> {
    return this.#sets.checkpointing;
  }

  /** Jobs that own a placement, or still occupy one. */
  get placed(): ReadonlySet<JobId> {
    return this.#sets.placed;
  }

  /** Jobs that have more nodes than they cannot do without. */
  get shrinkable(): ReadonlySet<JobId> {
    return this.#sets.shrinkable;
  }

  /** Jobs on nodes that could use more. */
  get growable(): ReadonlySet<JobId> {
    return this.#sets.growable;
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
    }
    return timer !== undefined && timer.atMs <= this.nowMs ? this.job(timer.jobId) : undefined;
  }

  /** When all that wait are next looked at again; Infinity when only news can help. */
  get wakesAtMs(): number {
    return this.#wakeAtMs;
  }

  /** When something is next due by itself; Infinity when nothing is. */
  nextDueMs(): number {
    return Math.min(this.#timers.next((id) => this.#dueAtMs(id))?.atMs ?? Infinity, this.#wakeAtMs);
  }

  /** Looks again at all that wait, once it is that late: what stands in their way is time alone. */
  wakeAt(atMs: number): void {
    if (this.undo.isOpen || atMs >= this.#wakeAtMs) return;
    this.#wakeAtMs = atMs;
    this.decide({ kind: 'save_wake', atMs });
  }

  /** What was decided since this was last asked. */
  takeDecisions(): readonly CellDecision[] {
    return this.#decisions.splice(0);
  }

  decide(decision: CellDecision): void {
    this.#decisions.push(decision);
    this.undo.note(() => this.#decisions.pop());
  }

  /** Changes a job, and with it everything that follows from it. */
  save(job: JobRecord): void {
    const before = this.#jobs.get(job.spec.id);
    this.#ageHistory(this.holdings.queueOf(job.spec));
    this.#put(before, job);
    this.decide({ kind: 'save', job });
    if (this.holdings.change(before, job)) wakeAfter(this, before ?? job);
    if (before !== undefined && isLeaving(before) && !isLeaving(job)) wakeEvictors(this, before);
  }

  saveQueue(queue: QueueRecord): void {
    const before = this.queue(queue.name);
    this.#queues.set(queue.name, queue);
    this.undo.note(() => this.#queues.set(queue.name, before));
    this.decide({ kind: 'save_queue', queue });
  }

  saveNode(node: NodeRecord): void {
    // Nodes that take no new work can no longer be reserved.
    const held = [...this.reservations.all].filter(({ nodes }) => node.state !== 'open' && nodes.includes(node.index));
    for (const { jobId } of held) this.releaseHold(jobId);
    this.fleet.saveNode(node);
    this.decide({ kind: 'save_node', node });
  }

  savePool(pool: PoolRecord): void {
    this.fleet.savePool(pool);
    this.decide({ kind: 'save_pool', pool });
  }

  savePrice(row: PriceRow): void {
    this.prices.add(row);
    this.poolChoices = new WeakMap();
    this.decide({ kind: 'save_price', row });
    // Jobs that it makes room for are examined when the reservation begins.
    this.wakeAt(Math.max(this.nowMs, row.fromMs));
  }

  /** Jobs that wait for this one to succeed. */
  dependentsOf(id: JobId): Iterable<JobId> {
    return this.#dependents.get(id) ?? [];
  }

  /** Looks again whether a job waits: one that it depends on has succeeded. */
  refile(id: JobId): void {
    this.#file(this.job(id), this.job(id));
  }

  /** Cancels a job's reservation; jobs that wait for the same become candidates for it. */
  releaseHold(id: JobId): void {
    for (const reservation of this.reservations.all) {
      if (reservation.jobId !== id) continue;
      this.reservations.remove(reservation);
      const couldUse = (option: ResourceOption): boolean => (option.accelerator ?? 'cpu') === reservation.resource;
      this.pending.wakeBelow(this.tree.node(reservation.root), () => true);
      for (const poolId of new Set(reservation.nodes.map((node) => this.fleet.node(node).spec.poolId))) wakeNear(this, poolId, couldUse);
    }
  }

  /** Takes note of how long a job took that is done: others like it are expected to take as long. */
  observeDuration({ classKey }: JobRecord, durationMs: number): void {
    for (const changed of this.durations.observe(classKey, durationMs)) {
      for (const id of this.ends.ofClass(changed)) this.ends.change(this.job(id));
    }
  }

  /** Drops a finished job. Not undone by a trial. */
  forget(id: JobId): void {
    assert(isFinished(this.job(id)), 'only finished jobs are forgotten');
    this.#jobs.delete(id);
    this.#dependents.delete(id);
  }

  #dueAtMs(id: JobId): number {
    const job = this.#jobs.get(id);
    return job === undefined ? Infinity : dueOf(job, this.settings).atMs;
  }

  #put(before: JobRecord | undefined, job: JobRecord): void {
    const { id, dependsOn } = job.spec;
    this.#jobs.set(id, job);
    if (this.undo.isOpen) {
      this.undo.note(() => {
        if (before === undefined) this.#jobs.delete(id);
        else this.#jobs.set(id, before);
        this.#timers.set(id, this.#dueAtMs(id));
      });
    }
    if (before === undefined) {
      const sequence = this.#nextSequence;
      this.#nextSequence = Math.max(sequence, job.sequence + 1);
      this.undo.note(() => (this.#nextSequence = sequence));
      for (const other of dependsOn) this.#include(entryOf(this.#dependents, other), id, true);
    }
    this.#count(before, job);
    this.#file(before, job);
    this.ends.change(job);
    this.#timers.set(id, this.#dueAtMs(id));
  }

  /** Counts a job among those that are not finished. */
  #count(before: JobRecord | undefined, job: JobRecord): void {
    const { spec } = job;
    const was = before !== undefined && !isFinished(before);
    const is = !isFinished(job);
    if (was === is) return;
    const [count, uncount] = [(): void => this.#mix.add(spec), (): void => this.#mix.remove(spec)];
    if (is) count();
    else uncount();
    this.undo.note(is ? uncount : count);
  }

  /** Puts a job among those it now belongs to. */
  #file(before: JobRecord | undefined, job: JobRecord): void {
    const { id, dependsOn } = job.spec;
    const waits = isWaiting(job) && job.nodesWanted !== 0 && dependsOn.every((other) => this.#jobs.get(other)?.state === 'succeeded');
    const isMoved = before?.classKey !== job.classKey;
    const waited = before !== undefined && this.pending.has(before);
    if (waited && (!waits || isMoved)) this.pending.remove(before);
    if (waits && (!waited || isMoved)) this.pending.add(job, this.holdings.queueOf(job.spec));
    this.onNodes.change(before, job);
    this.admitted.change(before, job);
    this.#include(this.#sets.checkpointing, id, job.state === 'checkpointing');
    this.#include(this.#sets.placed, id, job.attempt !== null);
    this.#include(this.#sets.shrinkable, id, stepsToSpare(job) > 0);
    this.#include(this.#sets.growable, id, stepsWanted(job) > 0);
  }

  #include(set: Set<JobId>, id: JobId, isIn: boolean): void {
    if (set.has(id) === isIn) return;
    if (isIn) set.add(id);
    else set.delete(id);
    if (this.undo.isOpen) this.undo.note(() => (isIn ? set.delete(id) : set.add(id)));
  }

  #ageHistory(queue: CohortNode): void {
    const record = this.queue(queue.spec.name);
    const history = aged(record.history, dominantSharePpm(queue), this.nowMs, this.settings.historyHalfLifeMs);
    if (history.untilMs !== record.history.untilMs) this.saveQueue({ ...record, history });
  }

  #poolsFor({ options }: JobSpec): readonly PoolId[] {
    return Array.from(this.fleet.pools, ({ spec }) => spec).flatMap((pool) =>
      options.some((option) => acceptsPool(option, pool)) ? [pool.id] : [],
    );
  }

  #load({ jobs, nodes, queues, pools, prices, reservations, durations, throughputs, wakeAtMs }: CellRecords): void {
    for (const node of nodes) this.fleet.restore(node);
    for (const pool of pools) this.fleet.savePool(pool);
    for (const queue of queues) this.#queues.set(queue.name, queue);
    for (const row of prices) this.prices.add(row);
    this.durations.load(durations);
    for (const stored of jobs.toSorted((a, b) => a.sequence - b.sequence)) {
      // A class that avoids nodes has a key of its own, which begins with that of its shape.
      const { spec, classKey } = this.shapes.shared(stored.spec, stored.classKey.split('\n')[0]);
      const job = { ...stored, spec, classKey: stored.avoids.length === 0 ? classKey : stored.classKey };
      this.#put(undefined, job);
      this.holdings.change(undefined, job);
    }
    this.reservations.load(reservations);
    this.throughputs.load(throughputs);
    // As recorded: no job could be placed, or another pass was due at once.
    for (const pending of this.pending.all) this.pending.sleep(pending);
    this.#wakeAtMs = wakeAtMs ?? Infinity;
  }
}

function entryOf<Key, Value>(map: Map<Key, Set<Value>>, key: Key): Set<Value> {
  const entry = map.get(key) ?? new Set<Value>();
  map.set(key, entry);
  return entry;
}

const isLeaving = ({ attempt }: JobRecord): boolean => attempt !== null && attempt.leaving !== null;
