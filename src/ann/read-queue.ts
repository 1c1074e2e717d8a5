import type { Refusal } from '../contract/api/errors.ts';
import { refusal } from '../contract/api/errors.ts';
import { API_LIMITS } from '../contract/api/api-limits.ts';
import { INDEX_LIMITS } from '../contract/indexes/index-limits.ts';
import { VECTOR_LIMITS } from '../contract/vectors/vector-limits.ts';
import type { Outcome } from '../contract/api/outcome.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Result } from '../kernel/result.ts';
import { err } from '../kernel/result.ts';

/** The reads to serve now, and those that can no longer be answered in time. */
interface Turn<T> {
  readonly now: T[];
  readonly late: T[];
}

/** The speed of reads: the present time, and about how long each read takes. */
interface ReadRate {
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
      const isTooMuch = endsAfterMs > VECTOR_LIMITS.readWaitMaxMs || kept >= INDEX_LIMITS.readsWaitingMaxCount;
      if (isTooMuch || nowMs + endsAfterMs > waiting.dueMs) late.push(waiting.read);
      else this.#reads[kept++] = waiting;
    }
    this.#reads.length = kept;
    return late;
  }
}

interface ReadQueueParts {
  readonly clock: Clock;
  /** Resolves when the calls have been served that were delivered until now. */
  readonly turn: () => Promise<void>;
}

/** What a read does: at once, or it waits for others by itself. */
type Work<T> = () => Outcome<T> | Promise<Outcome<T>>;

/** About how much computing the work took that was just begun. */
type Estimate = () => number;

interface Waiting {
  readonly run: () => void;
  readonly refuse: (waitMs: number) => void;
}

/** A read that takes many times as long as they do is a poor predictor of the next. */
const OUTLIER_TIMES = 4;
const READ_WEIGHT = 1 / 8;
const READ_MIN_MS = 0.05;
/** Of small reads, too, one in so many is timed. */
const READS_AT_ONCE_MAX = 8;

/**
 * The deadline-ordered read queue of an object. Calls are served as they are delivered; but once reads that take `readTurnMs` together were
 * served, those that arrive in the same turn wait, so that everything delivered in between is served before them: writes, pages for
 * followers, calls of the index. A read that cannot be answered before its caller's deadline is refused at once. Where no read waits, a read
 * is served at once, whatever its deadline. Until then a read costs nothing here: only what might wait needs to know when a turn ends.
 */
export class ReadQueue {
  readonly #parts: ReadQueueParts;
  readonly #waiting = new WaitingReads<Waiting>();
  #readMs = 1;
  // Reads served since a turn ended, and whether the end of the present one is waited for.
  #served = 0;
  #isTurning = false;
  // What the reads of the present turn take together at most: others may be served in it, too.
  #turnMsMax = 0;

  constructor(parts: ReadQueueParts) {
    this.#parts = parts;
  }

  /** `budgetMs`: how long its caller waits from now on. Without an estimate, all that a turn takes counts as the time of its reads. */
  async read<T>(budgetMs: number = API_LIMITS.queryDeadlineMaxMs, work: Work<T>, estimateMs: Estimate = UNKNOWN): Promise<Outcome<T>> {
    if (this.#isTurning) return this.#wait(budgetMs, work, estimateMs);
    this.#served += 1;
    if (this.#served < Math.min(READS_AT_ONCE_MAX, this.#readsATurn)) return begun(work);
    this.#isTurning = true;
    const startedMs = this.#parts.clock.nowMs();
    const answer = this.#begin(work, estimateMs);
    void this.#takeTurns(startedMs);
    return answer;
  }

  #begin<T>(work: Work<T>, estimateMs: Estimate): Promise<Outcome<T>> {
    const answer = begun(work);
    this.#turnMsMax += estimateMs();
    return answer;
  }

  #wait<T>(budgetMs: number, work: Work<T>, estimateMs: Estimate): Promise<Outcome<T>> {
    const { nowMs } = this.#rate;
    return new Promise((resolve) => {
      const waiting = {
        run: () => resolve(this.#begin(work, estimateMs)),
        refuse: (waitMs: number) => resolve(overloaded(waitMs)),
      };
      this.#refuse(this.#waiting.add(waiting, nowMs + budgetMs, this.#rate));
    });
  }

  async #takeTurns(begunMs: number): Promise<void> {
    for (let [startedMs, done] = [begunMs, 1]; done > 0;) {
      await this.#parts.turn();
      const nowMs = this.#parts.clock.nowMs();
      this.#learn(Math.min(nowMs - startedMs, this.#turnMsMax) / done);
      this.#turnMsMax = 0;
      const { now, late } = this.#waiting.take(this.#readsATurn, this.#rate);
      this.#refuse(late);
      for (const { run } of now) run();
      [startedMs, done] = [nowMs, now.length];
    }
    this.#served = 0;
    this.#isTurning = false;
  }

  #refuse(late: readonly Waiting[]): void {
    const { readMs } = this.#rate;
    for (const { refuse } of late) refuse(this.#waiting.count * readMs);
  }

  #learn(tookMs: number): void {
    const sampleMs = Math.min(tookMs, OUTLIER_TIMES * this.#readMs);
    this.#readMs = Math.max(READ_MIN_MS, this.#readMs + (sampleMs - this.#readMs) * READ_WEIGHT);
  }

  get #readsATurn(): number {
    return Math.floor(INDEX_LIMITS.readTurnMs / this.#readMs);
  }

  get #rate() {
    return { nowMs: this.#parts.clock.nowMs(), readMs: this.#readMs };
  }
}

const UNKNOWN: Estimate = () => Infinity;

const begun = async <T>(work: Work<T>): Promise<Outcome<T>> => work();

/** Refuses a read that cannot be answered before its caller gives up; `waitMs`: how long the reads that wait take together. */
export function overloaded(waitMs: number): Result<never, Refusal> {
  const retryAfterMs = Math.max(1, Math.ceil(waitMs));
  return err({ ...refusal('overloaded', `the reads that wait for the shard take about ${retryAfterMs} ms`), retryAfterMs });
}
