import { must } from '../../kernel/assert.ts';
import type { CohortNode } from '../fairness/cohort-node.ts';
import type { JobRecord } from '../machine/job-record.ts';
import type { UndoLog } from '../model/undo-log.ts';
import { PendingClass } from './pending-class.ts';

/**
 * Who waits, by equivalence class. A class that was found to have no place sleeps until something happens that might give it one;
 * nothing else wakes it, and no time passes between that and its evaluation.
 */
export class PendingQueues {
  readonly #undo: UndoLog;
  readonly #classes = new Map<string, PendingClass>();
  readonly #byQueue = new Map<CohortNode, Set<PendingClass>>();
  /** Classes that are not asleep, by root. */
  readonly #awake = new Map<CohortNode, Set<PendingClass>>();
  readonly #wakings = new Map<CohortNode, number>();

  constructor(undo: UndoLog) {
    this.#undo = undo;
  }

  add(record: JobRecord, queue: CohortNode): void {
    const pending = this.#classes.get(record.classKey) ?? new PendingClass(record.classKey, queue, record.spec);
    this.#insert(pending, record);
    if (this.#undo.isOpen) this.#undo.note(() => this.#delete(pending, record));
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

  /** How often classes below a root have woken, come, or gone. */
  wakingsBelow(root: CohortNode): number {
    return this.#wakings.get(root) ?? 0;
  }

  /** The classes that are not asleep. */
  *awake(): Iterable<PendingClass> {
    for (const classes of this.#awake.values()) yield* classes;
  }

  get rootsAwake(): Iterable<CohortNode> {
    return this.#awake.keys();
  }

  sleep(pending: PendingClass): void {
    this.#setAwake(pending, false);
    if (this.#undo.isOpen) this.#undo.note(() => this.#setAwake(pending, true));
  }

  /** Wakes the classes for which something may have changed. */
  wake(concerns: (pending: PendingClass) => boolean): void {
    for (const pending of this.#classes.values()) {
      if (pending.isAwake || !concerns(pending)) continue;
      this.#setAwake(pending, true);
      if (this.#undo.isOpen) this.#undo.note(() => this.#setAwake(pending, false));
    }
  }

  #insert(pending: PendingClass, { sequence, spec }: JobRecord): void {
    pending.jobs.insert(sequence, spec.id);
    if (pending.jobs.size > 1) return;
    this.#classes.set(pending.key, pending);
    const classes = this.#byQueue.get(pending.queue) ?? new Set();
    this.#byQueue.set(pending.queue, classes.add(pending));
    this.#setAwake(pending, true);
  }

  #delete(pending: PendingClass, { sequence }: JobRecord): void {
    pending.jobs.delete(sequence);
    if (pending.jobs.size > 0) return;
    this.#classes.delete(pending.key);
    this.#wakings.set(pending.root, this.wakingsBelow(pending.root) + 1);
    this.#byQueue.get(pending.queue)?.delete(pending);
    this.#setAwake(pending, false);
  }

  #setAwake(pending: PendingClass, isAwake: boolean): void {
    pending.isAwake = isAwake;
    const { root } = pending;
    const awake = this.#awake.get(root) ?? new Set();
    if (isAwake) this.#wakings.set(root, this.wakingsBelow(root) + 1);
    if (isAwake) awake.add(pending);
    else awake.delete(pending);
    if (awake.size > 0) this.#awake.set(root, awake);
    else this.#awake.delete(root);
  }
}
