import type { Refusal } from '../contract/api/errors.ts';
import { API_LIMITS } from '../contract/api/api-limits.ts';
import { INDEX_LIMITS } from '../contract/indexes/index-limits.ts';
import { VECTOR_LIMITS } from '../contract/vectors/vector-limits.ts';
import type { Outcome } from '../contract/api/outcome.ts';
import { overloadRefusal } from '../contract/api/overload.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Result } from '../kernel/result.ts';
import { DueQueue } from '../kernel/due-queue.ts';
import { WorkTime } from '../kernel/work-time.ts';

interface ReadQueueParts {
  readonly clock: Clock;
  /** Resolves when the calls have been served that were delivered until now. */
  readonly turn: () => Promise<void>;
}

/** What a read does: at once, or it waits for others by itself. */
type Work<T> = () => Outcome<T> | Promise<Outcome<T>>;

/** About how much computing the work took that was just begun. */
type Estimate = () => number;

/** A read as its caller sends it. */
interface ReadCall {
  /** How long its caller waits from now on. */
  readonly budgetMs?: number | undefined;
  /** What it holds while it waits. */
  readonly bytes?: number;
  /** Absent: all that a turn takes counts as the time of its reads. */
  readonly estimateMs?: Estimate | undefined;
}

interface Waiting {
  readonly run: () => void;
  readonly refuse: (waitMs: number) => void;
}

const READ_FIRST_MS = 1;
const READ_MIN_MS = 0.05;
/** How fast a queue moved says nothing so long after. */
const GAP_KNOWN_MS = 500;
/** Whatever else its thread does, a queue is taken to move no slower than this many times the time that its reads take. */
const SLOWNESS_MAX = 4;
/** Of small reads, too, one in so many is timed. */
const READS_AT_ONCE_MAX = 8;

/**
 * The deadline-ordered read queue of an object. Calls are served as they are delivered; but once reads that take `readTurnMs` together were
 * served, those that arrive in the same turn wait, so that everything delivered in between is served before them: writes, pages for
 * followers, calls of the index. A read that cannot be answered before its caller's deadline is refused at once. Where no read waits, a read
 * is served at once, whatever its deadline. Until then a read costs nothing here: only what might wait needs to know when a turn ends.
 *
 * How long reads take is learned from them alone: of a turn in which reads were refused, only what their cost says counts. How long they wait
 * depends on what else the thread does, too, where a gateway shares it: that is learned from the turns, within bounds. [OL1]
 */
export class ReadQueue {
  readonly #parts: ReadQueueParts;
  readonly #waiting = new DueQueue<Waiting>({
    countMax: INDEX_LIMITS.readsWaitingMaxCount,
    bytesMax: INDEX_LIMITS.readsWaitingBytesMax,
    waitMaxMs: VECTOR_LIMITS.readWaitMaxMs,
  });
  readonly #readTime = new WorkTime(READ_FIRST_MS, READ_MIN_MS);
  /** The time from read to read while reads wait. */
  #gapTime = new WorkTime(READ_FIRST_MS, READ_MIN_MS);
  #gapAtMs = -Infinity;
  // Reads served since a turn ended, and whether the end of the present one is waited for.
  #served = 0;
  #isTurning = false;
  // What the reads of the present turn take together at most: others may be served in it, too.
  #turnMsMax = 0;
  #isRefusing = false;

  constructor(parts: ReadQueueParts) {
    this.#parts = parts;
  }

  async read<T>(call: ReadCall, work: Work<T>): Promise<Outcome<T>> {
    const { estimateMs = UNKNOWN } = call;
    if (this.#isTurning) return this.#wait(call, work, estimateMs);
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

  #wait<T>({ budgetMs = API_LIMITS.queryDeadlineMaxMs, bytes = 0 }: ReadCall, work: Work<T>, estimateMs: Estimate): Promise<Outcome<T>> {
    const { nowMs } = this.#pace;
    return new Promise((resolve) => {
      const waiting = {
        run: () => resolve(this.#begin(work, estimateMs)),
        refuse: (waitMs: number) => resolve(overloaded(waitMs)),
      };
      this.#refuse(this.#waiting.add(waiting, { dueMs: nowMs + budgetMs, bytes }, this.#pace));
    });
  }

  async #takeTurns(begunMs: number): Promise<void> {
    for (let [startedMs, done] = [begunMs, 1]; done > 0;) {
      await this.#parts.turn();
      const nowMs = this.#parts.clock.nowMs();
      this.#learn(nowMs, nowMs - startedMs, done);
      const { now, late } = this.#waiting.take(this.#readsATurn, this.#pace);
      this.#refuse(late);
      for (const { run } of now) run();
      [startedMs, done] = [nowMs, now.length];
    }
    this.#served = 0;
    this.#isTurning = false;
  }

  #refuse(late: readonly Waiting[]): void {
    if (late.length === 0) return;
    this.#isRefusing = true;
    const waitMs = this.#waiting.count * this.#pace.workMs;
    for (const { refuse } of late) refuse(waitMs);
  }

  /** `elapsedMs`: from the start of a turn to its end, in which so many reads were done. */
  #learn(nowMs: number, elapsedMs: number, done: number): void {
    if (this.#waiting.count > 0) {
      if (!this.#isGapKnown(nowMs)) this.#gapTime = new WorkTime(this.#readTime.ms, READ_MIN_MS);
      this.#gapTime.learn(elapsedMs / done);
      this.#gapAtMs = nowMs;
    }
    const isKnown = this.#turnMsMax < Infinity;
    const readMs = Math.min(elapsedMs, this.#turnMsMax) / done;
    if (isKnown) this.#readTime.learn(readMs);
    else if (!this.#isRefusing) this.#readTime.learnWithin(readMs);
    this.#turnMsMax = 0;
    this.#isRefusing = false;
  }

  #isGapKnown(nowMs: number): boolean {
    return Math.abs(nowMs - this.#gapAtMs) < GAP_KNOWN_MS;
  }

  get #readsATurn(): number {
    return Math.floor(INDEX_LIMITS.readTurnMs / this.#readTime.ms);
  }

  get #pace() {
    const nowMs = this.#parts.clock.nowMs();
    const { ms } = this.#readTime;
    const gapMs = this.#isGapKnown(nowMs) ? this.#gapTime.ms : ms;
    return { nowMs, workMs: Math.min(SLOWNESS_MAX * ms, Math.max(ms, gapMs)) };
  }
}

const UNKNOWN: Estimate = () => Infinity;

const begun = async <T>(work: Work<T>): Promise<Outcome<T>> => work();

/** Refuses a read that cannot be answered before its caller gives up; `waitMs`: how long the reads that wait take together. */
export const overloaded = (waitMs: number): Result<never, Refusal> => overloadRefusal('the reads that wait for the shard', waitMs);
