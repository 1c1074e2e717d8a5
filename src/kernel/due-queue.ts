import { must } from './assert.ts';

/** What a queue may hold, and for how long. */
export interface DueQueueLimits {
  readonly countMax: number;
  readonly bytesMax: number;
  /** Nothing waits longer for what is before it. */
  readonly waitMaxMs: number;
}

/** The present time, and about how long each piece of work takes. */
export interface WorkPace {
  readonly nowMs: number;
  readonly workMs: number;
}

/** What to do now, and what can no longer be done in time. */
interface Turn<T> {
  readonly now: T[];
  readonly late: T[];
}

interface Queued<T> {
  readonly item: T;
  readonly dueMs: number;
  readonly bytes: number;
}

/**
 * Work that waits for its turn, in the order of its callers' deadlines; equal ones in order of arrival. [OL2]
 *
 * What could not be done in time is refused when it comes, not when its deadline passes: under overload a queue that serves the earliest
 * deadline first would otherwise spend its time on work that is just late (Locke, "Best-effort decision making", 1986). However wrong the
 * estimate is, a queue refuses its only work only once its deadline has passed: so some work is always done, and corrects the estimate.
 */
export class DueQueue<T> {
  readonly #limits: DueQueueLimits;
  readonly #queued: Queued<T>[] = [];
  #bytes = 0;

  constructor(limits: DueQueueLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#queued.length;
  }

  /** Removes and returns what cannot be done in time once this is queued, perhaps itself. `dueMs`: its deadline. */
  add(item: T, { dueMs, bytes = 0 }: { readonly dueMs: number; readonly bytes?: number }, pace: WorkPace): T[] {
    const at = this.#placeOf(dueMs);
    this.#queued.splice(at, 0, { item, dueMs, bytes });
    this.#bytes += bytes;
    return this.#dropLate(at, pace);
  }

  /** Takes so many, at least one if there is any. */
  take(count: number, pace: WorkPace): Turn<T> {
    const late = this.#dropLate(0, pace);
    const now = this.#queued.splice(0, Math.max(1, count));
    for (const { bytes } of now) this.#bytes -= bytes;
    return { now: now.map(({ item }) => item), late };
  }

  #placeOf(dueMs: number): number {
    let [low, high] = [0, this.#queued.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#queued[middle]?.dueMs ?? Infinity) <= dueMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** From this position on, what would miss its deadline, wait too long, or exceed what the queue may hold. */
  #dropLate(from: number, { nowMs, workMs }: WorkPace): T[] {
    const { countMax, bytesMax, waitMaxMs } = this.#limits;
    const late: Queued<T>[] = [];
    let bytes = this.#bytes;
    for (let at = from; at < this.#queued.length; at += 1) bytes -= must(this.#queued[at], 'within the queue').bytes;
    let kept = from;
    for (let at = from; at < this.#queued.length; at += 1) {
      const queued = must(this.#queued[at], 'within the queue');
      const endsAfterMs = (kept + 1) * workMs;
      const isTooMuch = endsAfterMs > waitMaxMs || kept >= countMax || bytes + queued.bytes > bytesMax;
      if (isTooMuch || nowMs + endsAfterMs > queued.dueMs) {
        late.push(queued);
        continue;
      }
      this.#queued[kept++] = queued;
      bytes += queued.bytes;
    }
    this.#queued.length = kept;
    this.#bytes = bytes;
    const last = late.at(-1);
    if (kept === 0 && last !== undefined && last.dueMs > nowMs) {
      late.pop();
      this.#queued.push(last);
      this.#bytes += last.bytes;
    }
    return late.map(({ item }) => item);
  }
}
