import { must } from '../../../kernel/assert.ts';
import type { PoolId, JobId } from '../../../kernel/ids.ts';
import type { CohortNode, Bundle } from '../fairness/quota-tree.ts';
import { bundleOf, rootOf } from '../fairness/quota-tree.ts';
import type { JobRecord } from './job-record.ts';
import type { JobSpec } from '../model/job-spec.ts';
import type { UndoLog } from '../model/undo-log.ts';
import { EarliestClasses } from './earliest-classes.ts';

/**
 * The waiting jobs, by equivalence class. A class that was found to have no placement sleeps until an event that might give it one; nothing
 * else wakes it, and no time passes between that and its evaluation.
 */
export class PendingQueues {
  readonly #undo: UndoLog;
  readonly #poolsFor: (exemplar: JobSpec) => readonly PoolId[];
  readonly #classes = new Map<string, PendingClass>();
  readonly #earliest = new EarliestClasses(this.#classes);
  readonly #byQueue = new Map<CohortNode, Set<PendingClass>>();
  readonly #byRoot = new Map<CohortNode, Set<PendingClass>>();
  readonly #byPool = new Map<PoolId, Map<CohortNode, Set<PendingClass>>>();
  /** Classes that are not asleep, by root. */
  readonly #awake = new Map<CohortNode, Set<PendingClass>>();
  readonly #wakings = new Map<CohortNode, number>();
  readonly #sleeps = new Map<CohortNode, number>();

  /** `poolsFor` answers which pools jobs could be in. */
  constructor(undo: UndoLog, poolsFor: (exemplar: JobSpec) => readonly PoolId[]) {
    this.#undo = undo;
    this.#poolsFor = poolsFor;
  }

  add(record: JobRecord, queue: CohortNode): void {
    const { classKey, spec } = record;
    const pending = this.#classes.get(classKey) ?? new PendingClass(classKey, queue, spec, this.#poolsFor(spec));
    const { isAwake } = pending;
    this.#insert(pending, record);
    if (!this.#undo.isOpen) return;
    this.#undo.note(() => {
      this.#delete(pending, record);
      if (pending.jobs.size > 0) this.#setAwake(pending, isAwake);
    });
  }

  remove(record: JobRecord): void {
    const pending = must(this.#classes.get(record.classKey), 'a waiting job has a class');
    const { isAwake } = pending;
    this.#delete(pending, record);
    if (!this.#undo.isOpen) return;
    this.#undo.note(() => {
      this.#insert(pending, record);
      this.#setAwake(pending, isAwake);
    });
  }

  /** Finds anew which pools the classes could be in: there is one more. */
  refilePools(): void {
    for (const pending of this.#classes.values()) {
      this.#leavePools(pending);
      pending.pools = this.#poolsFor(pending.exemplar);
      this.#enterPools(pending);
    }
  }

  has({ classKey, sequence }: JobRecord): boolean {
    return this.#classes.get(classKey)?.jobs.has(sequence) === true;
  }

  classOf({ classKey }: JobRecord): PendingClass | undefined {
    return this.#classes.get(classKey);
  }

  /** The classes of a queue. */
  of(queue: CohortNode): Iterable<PendingClass> {
    return this.#byQueue.get(queue) ?? [];
  }

  get all(): Iterable<PendingClass> {
    return this.#classes.values();
  }

  /** The classes whose first jobs were submitted before those of all others, at most so many. [J374] */
  earliest(count: number): readonly PendingClass[] {
    return this.#earliest.first(count);
  }

  get classCount(): number {
    return this.#classes.size;
  }

  /** Whether a job waits whose class was found to have no placement. */
  isAsleep({ classKey, sequence }: JobRecord): boolean {
    const pending = this.#classes.get(classKey);
    return pending !== undefined && !pending.isAwake && pending.jobs.has(sequence);
  }

  /** How often classes below a root have woken, come, or gone. */
  wakingsBelow(root: CohortNode): number {
    return this.#wakings.get(root) ?? 0;
  }

  /** How often classes below a root have fallen asleep. */
  sleepsBelow(root: CohortNode): number {
    return this.#sleeps.get(root) ?? 0;
  }

  /** The classes that are not asleep. */
  *awake(): Iterable<PendingClass> {
    for (const classes of this.#awake.values()) yield* classes;
  }

  /** The classes below a root that are not asleep. */
  awakeBelow(root: CohortNode): Iterable<PendingClass> {
    return this.#awake.get(root) ?? [];
  }

  /** The classes below a root. */
  below(root: CohortNode): Iterable<PendingClass> {
    return this.#byRoot.get(root) ?? [];
  }

  get rootsAwake(): Iterable<CohortNode> {
    return this.#awake.keys();
  }

  sleep(pending: PendingClass): void {
    this.#sleeps.set(pending.root, this.sleepsBelow(pending.root) + 1);
    this.#setAwake(pending, false);
    if (this.#undo.isOpen) this.#undo.note(() => this.#setAwake(pending, true));
  }

  /** Wakes the classes for which something may have changed. */
  wake(concerns: (pending: PendingClass) => boolean): void {
    this.#wakeAmong(this.#classes.values(), concerns);
  }

  /** Wakes those of the classes below a root for which something may have changed. */
  wakeBelow(root: CohortNode, concerns: (pending: PendingClass) => boolean): void {
    this.#wakeAmong(this.#byRoot.get(root) ?? [], concerns);
  }

  /** The roots below which classes wait that could be in a pool. */
  rootsNear(poolId: PoolId): Iterable<CohortNode> {
    return this.#byPool.get(poolId)?.keys() ?? [];
  }

  /** Wakes those of the classes below a root that could be in a pool for which something may have changed. */
  wakeNear(poolId: PoolId, root: CohortNode, concerns: (pending: PendingClass) => boolean): void {
    this.#wakeAmong(this.#byPool.get(poolId)?.get(root) ?? [], concerns);
  }

  /** Whether all classes below a root could be in a pool. */
  areAllNear(poolId: PoolId, root: CohortNode): boolean {
    return this.#byPool.get(poolId)?.get(root)?.size === this.#byRoot.get(root)?.size;
  }

  #wakeAmong(classes: Iterable<PendingClass>, concerns: (pending: PendingClass) => boolean): void {
    for (const pending of classes) {
      if (pending.isAwake || !concerns(pending)) continue;
      this.#setAwake(pending, true);
      if (this.#undo.isOpen) this.#undo.note(() => this.#setAwake(pending, false));
    }
  }

  /** One that comes first now has not been looked at. */
  #insert(pending: PendingClass, { sequence, spec }: JobRecord): void {
    pending.jobs.insert(sequence, spec.id);
    if (pending.jobs.size === 1) this.#enter(pending);
    if (pending.jobs.first !== spec.id) return;
    this.#earliest.changed(pending);
    if (!pending.isAwake) this.#setAwake(pending, true);
  }

  #delete(pending: PendingClass, { sequence, spec }: JobRecord): void {
    const wasFirst = pending.jobs.first === spec.id;
    pending.jobs.delete(sequence);
    if (wasFirst) this.#earliest.changed(pending);
    if (pending.jobs.size === 0) this.#leave(pending);
    else if (wasFirst && !pending.isAwake) this.#setAwake(pending, true);
  }

  #enter(pending: PendingClass): void {
    this.#classes.set(pending.key, pending);
    include(this.#byQueue, pending.queue, pending);
    include(this.#byRoot, pending.root, pending);
    this.#enterPools(pending);
  }

  #leave(pending: PendingClass): void {
    this.#classes.delete(pending.key);
    this.#wakings.set(pending.root, this.wakingsBelow(pending.root) + 1);
    exclude(this.#byQueue, pending.queue, pending);
    exclude(this.#byRoot, pending.root, pending);
    this.#leavePools(pending);
    this.#setAwake(pending, false);
  }

  #enterPools(pending: PendingClass): void {
    for (const poolId of pending.pools) {
      const near = this.#byPool.get(poolId) ?? new Map<CohortNode, Set<PendingClass>>();
      this.#byPool.set(poolId, near);
      include(near, pending.root, pending);
    }
  }

  #leavePools(pending: PendingClass): void {
    for (const poolId of pending.pools) {
      const near = this.#byPool.get(poolId);
      if (near !== undefined) exclude(near, pending.root, pending);
      if (near?.size === 0) this.#byPool.delete(poolId);
    }
  }

  #setAwake(pending: PendingClass, isAwake: boolean): void {
    pending.isAwake = isAwake;
    const { root } = pending;
    if (isAwake) this.#wakings.set(root, this.wakingsBelow(root) + 1);
    if (isAwake) include(this.#awake, root, pending);
    else exclude(this.#awake, root, pending);
  }
}

function include<Key>(sets: Map<Key, Set<PendingClass>>, key: Key, pending: PendingClass): void {
  const classes = sets.get(key);
  if (classes === undefined) sets.set(key, new Set([pending]));
  else classes.add(pending);
}

function exclude<Key>(sets: Map<Key, Set<PendingClass>>, key: Key, pending: PendingClass): void {
  const classes = sets.get(key);
  if (classes?.delete(pending) === true && classes.size === 0) sets.delete(key);
}

/** Waiting jobs that are equivalent: what holds for the first holds for all. */
export class PendingClass {
  readonly key: string;
  readonly queue: CohortNode;
  /** What any of them is, but for its name, deadline and the like. */
  readonly exemplar: JobSpec;
  /** What each asks for at least, by each of its options. */
  readonly bundles: readonly Bundle[];
  readonly root: CohortNode;
  /** Those it could be in by one of its options, as far as market and region go. */
  pools: readonly PoolId[];
  readonly jobs = new SequenceList();
  /** Whether something has happened since its first job was last found to have no placement. */
  isAwake = false;

  constructor(key: string, queue: CohortNode, exemplar: JobSpec, pools: readonly PoolId[]) {
    this.key = key;
    this.queue = queue;
    this.exemplar = exemplar;
    this.root = rootOf(queue);
    this.pools = pools;
    this.bundles = exemplar.options.map(({ accelerator, perNode, nodes }) => bundleOf(accelerator, perNode, nodes.min));
  }
}

/** Jobs by order of submission. Taking the first, and adding one after all others, costs the same however many there are. */
export class SequenceList {
  #sequences: number[] = [];
  #ids: JobId[] = [];
  /** Entries before this are gone. */
  #start = 0;

  get size(): number {
    return this.#ids.length - this.#start;
  }

  get first(): JobId | undefined {
    return this.#ids[this.#start];
  }

  get firstSequence(): number {
    return this.#sequences[this.#start] ?? Infinity;
  }

  has(sequence: number): boolean {
    return this.#sequences[this.#indexFrom(sequence)] === sequence;
  }

  insert(sequence: number, id: JobId): void {
    const at = this.#indexFrom(sequence);
    this.#sequences.splice(at, 0, sequence);
    this.#ids.splice(at, 0, id);
  }

  delete(sequence: number): void {
    const at = this.#indexFrom(sequence);
    if (at > this.#start) {
      this.#sequences.splice(at, 1);
      this.#ids.splice(at, 1);
      return;
    }
    this.#start += 1;
    if (this.#start < this.#ids.length / 2) return;
    this.#sequences = this.#sequences.slice(this.#start);
    this.#ids = this.#ids.slice(this.#start);
    this.#start = 0;
  }

  /** All, in order. */
  get all(): readonly JobId[] {
    return this.#ids.slice(this.#start);
  }

  firstFew(most: number): readonly JobId[] {
    return this.#ids.slice(this.#start, this.#start + most);
  }

  /** How many come before the sequence. */
  countBefore(sequence: number): number {
    return this.#indexFrom(sequence) - this.#start;
  }

  /** The last `count` of the first `before`. */
  last(before: number, count: number): readonly JobId[] {
    const end = this.#start + before;
    return this.#ids.slice(Math.max(this.#start, end - count), end);
  }

  /** The first entry at or after the sequence. */
  #indexFrom(sequence: number): number {
    let low = this.#start;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sequences[middle] ?? 0) < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
