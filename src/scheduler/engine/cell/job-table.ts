import { assert, must } from '../../../kernel/assert.ts';
import type { JobId } from '../../../kernel/ids.ts';
import type { UndoLog } from '../model/undo-log.ts';
import { payerOf } from '../model/job-spec.ts';
import { WorkloadMix } from '../placement/workload-mix.ts';
import type { JobRecord } from './job-record.ts';
import { isFinished, isWaiting, nodesOf, stepsToSpare, stepsWanted } from './job-record.ts';

/** The jobs of a cell, and the sets of them that decisions start from, which follow every change so that none is searched for. */
export class JobTable {
  /** Jobs by the nodes that they own or still occupy. */
  readonly onNodes: JobsByNode;
  /** Jobs by the nodes that they own and other jobs have to leave first. */
  readonly admitted: JobsByNode;
  /** What the unfinished jobs request. */
  readonly mix = new WorkloadMix();
  readonly #undo: UndoLog;
  readonly #byId = new Map<JobId, JobRecord>();
  readonly #dependents = new Map<JobId, Set<JobId>>();
  readonly #leaving = new Set<JobId>();
  readonly #placed = new Set<JobId>();
  readonly #placedOf = new Map<string, Set<JobId>>();
  readonly #shrinkable = new Set<JobId>();
  readonly #growable = new Set<JobId>();
  #nextSequence = 1;

  constructor(undo: UndoLog) {
    this.#undo = undo;
    this.onNodes = new JobsByNode(undo, nodesOf);
    this.admitted = new JobsByNode(undo, (job) => (job.state === 'admitted' ? nodesOf(job) : []));
  }

  get all(): Iterable<JobRecord> {
    return this.#byId.values();
  }

  find(id: JobId): JobRecord | undefined {
    return this.#byId.get(id);
  }

  get(id: JobId): JobRecord {
    return must(this.#byId.get(id), 'the job exists');
  }

  /** Jobs in order of submission, so that what is done to each in turn does not depend on how the cell came to know them. */
  inOrder(ids: Iterable<JobId>): readonly JobRecord[] {
    return Array.from(ids, (id) => this.get(id)).sort((a, b) => a.sequence - b.sequence);
  }

  get nextSequence(): number {
    return this.#nextSequence;
  }

  /** Gives no job a sequence before this one: jobs that have had those may be known no longer. */
  continueFrom(sequence: number): void {
    this.#nextSequence = Math.max(this.#nextSequence, sequence);
  }

  /** Jobs of a payer that have an attempt. */
  placedOf(payer: string): ReadonlySet<JobId> {
    return this.#placedOf.get(payer) ?? NOBODY;
  }

  /** Jobs whose eviction was requested. */
  get leaving(): ReadonlySet<JobId> {
    return this.#leaving;
  }

  /** Jobs that own a placement, or still occupy one. */
  get placed(): ReadonlySet<JobId> {
    return this.#placed;
  }

  /** Jobs that have more nodes than their least. */
  get shrinkable(): ReadonlySet<JobId> {
    return this.#shrinkable;
  }

  /** Jobs on nodes that could use more. */
  get growable(): ReadonlySet<JobId> {
    return this.#growable;
  }

  /** Jobs that wait for this one to succeed. */
  dependentsOf(id: JobId): Iterable<JobId> {
    return this.#dependents.get(id) ?? [];
  }

  /** Whether a job waits for a placement now: it is not held, it should have nodes, and all that it depends on have succeeded. */
  isPending(job: JobRecord): boolean {
    return (
      isWaiting(job) && !job.isHeld && job.nodesWanted !== 0 && job.spec.dependsOn.every((other) => this.find(other)?.state === 'succeeded')
    );
  }

  /** Adds or replaces a job. */
  put(job: JobRecord): void {
    const { id, dependsOn } = job.spec;
    const before = this.find(id);
    this.#byId.set(id, job);
    if (this.#undo.isOpen) {
      this.#undo.note(() => {
        if (before === undefined) this.#byId.delete(id);
        else this.#byId.set(id, before);
      });
    }
    if (before === undefined) {
      const sequence = this.#nextSequence;
      this.#nextSequence = Math.max(sequence, job.sequence + 1);
      this.#undo.note(() => (this.#nextSequence = sequence));
      for (const other of dependsOn) this.#include(entryOf(this.#dependents, other), id, true);
    }
    this.#count(before, job);
    this.onNodes.change(before, job);
    this.admitted.change(before, job);
    this.#include(this.#leaving, id, job.state === 'checkpointing');
    this.#include(this.#placed, id, job.attempt !== null);
    this.#include(entryOf(this.#placedOf, payerOf(job.spec)), id, job.attempt !== null);
    this.#include(this.#shrinkable, id, stepsToSpare(job) > 0);
    this.#include(this.#growable, id, stepsWanted(job) > 0);
  }

  /** Drops a finished job. Not undone by a trial. */
  forget(id: JobId): void {
    assert(isFinished(this.get(id)), 'only finished jobs are forgotten');
    for (const other of this.get(id).spec.dependsOn) this.#dependents.get(other)?.delete(id);
    this.#byId.delete(id);
    this.#dependents.delete(id);
  }

  /** Counts a job among those that are not finished. */
  #count(before: JobRecord | undefined, job: JobRecord): void {
    const { spec } = job;
    const was = before !== undefined && !isFinished(before);
    const is = !isFinished(job);
    if (was === is) return;
    const [count, uncount] = [(): void => this.mix.add(spec), (): void => this.mix.remove(spec)];
    if (is) count();
    else uncount();
    this.#undo.note(is ? uncount : count);
  }

  #include(set: Set<JobId>, id: JobId, isIn: boolean): void {
    if (set.has(id) === isIn) return;
    if (isIn) set.add(id);
    else set.delete(id);
    if (this.#undo.isOpen) this.#undo.note(() => (isIn ? set.delete(id) : set.add(id)));
  }
}

const NOBODY: ReadonlySet<JobId> = new Set();

/** Jobs by the nodes that concern them in any way: so an event of a node finds its jobs. */
class JobsByNode {
  readonly #undo: UndoLog;
  readonly #nodesOf: (job: JobRecord) => readonly number[];
  readonly #byNode = new Map<number, Set<JobId>>();

  constructor(undo: UndoLog, concerned: (job: JobRecord) => readonly number[]) {
    this.#undo = undo;
    this.#nodesOf = concerned;
  }

  /** Those of one of the nodes. */
  on(nodes: Iterable<number>): ReadonlySet<JobId> {
    const ids = new Set<JobId>();
    for (const node of nodes) for (const id of this.#byNode.get(node) ?? []) ids.add(id);
    return ids;
  }

  /** Follows a change of a job. */
  change(before: JobRecord | undefined, after: JobRecord): void {
    const left = before === undefined ? [] : this.#nodesOf(before);
    const taken = this.#nodesOf(after);
    if (left.length === taken.length && left.every((node, index) => node === taken[index])) return;
    this.#put(after.spec.id, left, taken);
    this.#undo.note(() => this.#put(after.spec.id, taken, left));
  }

  #put(id: JobId, left: readonly number[], taken: readonly number[]): void {
    for (const node of left) {
      const here = this.#byNode.get(node);
      here?.delete(id);
      if (here?.size === 0) this.#byNode.delete(node);
    }
    for (const node of taken) entryOf(this.#byNode, node).add(id);
  }
}

function entryOf<Key>(map: Map<Key, Set<JobId>>, key: Key): Set<JobId> {
  const entry = map.get(key) ?? new Set<JobId>();
  map.set(key, entry);
  return entry;
}
