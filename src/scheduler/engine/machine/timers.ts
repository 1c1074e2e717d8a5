import type { JobId } from '../../../kernel/ids.ts';

interface Timer {
  readonly atMs: number;
  readonly jobId: JobId;
}

/**
 * When each job next needs to be looked at, soonest first. A job whose time changes leaves its old entry behind, which is skipped when its
 * turn comes: `dueAtMs` of the caller says what holds.
 */
export class Timers {
  readonly #heap: Timer[] = [];

  set(jobId: JobId, atMs: number): void {
    if (atMs === Infinity) return;
    this.#heap.push({ atMs, jobId });
    this.#rise(this.#heap.length - 1);
  }

  /** The soonest time that still holds; drops entries before it that do not. */
  next(dueAtMs: (jobId: JobId) => number): Timer | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (dueAtMs(top.jobId) === top.atMs) return top;
      this.#pop();
    }
    return undefined;
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink();
  }

  #before(a: number, b: number): boolean {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    if (x === undefined || y === undefined) return false;
    return x.atMs < y.atMs || (x.atMs === y.atMs && x.jobId < y.jobId);
  }

  #swap(a: number, b: number): void {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    if (x === undefined || y === undefined) return;
    this.#heap[a] = y;
    this.#heap[b] = x;
  }

  #rise(from: number): void {
    for (let child = from; child > 0 && this.#before(child, (child - 1) >> 1); child = (child - 1) >> 1)
      this.#swap(child, (child - 1) >> 1);
  }

  #sink(): void {
    for (let parent = 0; ;) {
      let first = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) if (this.#before(child, first)) first = child;
      if (first === parent) return;
      this.#swap(parent, first);
      parent = first;
    }
  }
}
