import { LIMITS } from '../../contract/limits.ts';

/** The reads to serve now, and those that can no longer be answered in time. */
interface Turn<T> {
  readonly now: T[];
  readonly late: T[];
}

/** The speed of reads: the present time, and about how long each read takes. */
export interface ReadRate {
  readonly nowMs: number;
  readonly readMs: number;
}

/** Reads that wait for their turn, in the order of their callers' deadlines; equal ones in order of arrival. */
export class WaitingReads<T> {
  readonly #reads: { readonly read: T; readonly dueMs: number }[] = [];

  get count(): number {
    return this.#reads.length;
  }

  /** Removes and answers the reads that cannot be served in time once this one is queued, perhaps itself. `dueMs`: its deadline. */
  add(read: T, dueMs: number, rate: ReadRate): T[] {
    const at = this.#placeOf(dueMs);
    this.#reads.splice(at, 0, { read, dueMs });
    return this.#dropLate(at, rate);
  }

  /** Takes this many, at least one if there is any. */
  take(count: number, rate: ReadRate): Turn<T> {
    const late = this.#dropLate(0, rate);
    return { now: this.#reads.splice(0, Math.max(1, count)).map(({ read }) => read), late };
  }

  #placeOf(dueMs: number): number {
    let [low, high] = [0, this.#reads.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#reads[middle]?.dueMs ?? Infinity) <= dueMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** From this position on, reads that would miss their deadline, wait too long, or exceed the length of the queue. */
  #dropLate(from: number, { nowMs, readMs }: ReadRate): T[] {
    const late: T[] = [];
    let kept = from;
    for (const waiting of this.#reads.slice(from)) {
      const endsAfterMs = (kept + 1) * readMs;
      const isTooMuch = endsAfterMs > LIMITS.readWaitMaxMs || kept >= LIMITS.readsWaitingMaxCount;
      if (isTooMuch || nowMs + endsAfterMs > waiting.dueMs) late.push(waiting.read);
      else this.#reads[kept++] = waiting;
    }
    this.#reads.length = kept;
    return late;
  }
}
