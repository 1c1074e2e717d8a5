import { overloaded } from '../../ann/read-queue.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { Refusal } from '../../contract/api/errors.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import { dropOldest } from '../../kernel/drop-oldest.ts';
import type { Result } from '../../kernel/result.ts';

/** That the reads of an object took so long together, as of a time; and until when it takes none at all. */
interface Word {
  readonly waitMs: number;
  readonly atMs: number;
  readonly fullUntilMs: number;
}

/** An object that is full is asked again when so much of its queue is done. */
const FULL_SHARE = 1 / 8;

/**
 * What objects said last of how long reads wait there, so that a read that one would refuse is refused here, at no call. [OL5]
 *
 * A word runs out by itself: a queue of so many milliseconds is so much shorter a while later. A read whose caller waits longer than what is left
 * is sent, and its answer is the next word. An object that refused although the caller would have waited for its whole queue is full.
 */
export class LastWords {
  // In the order in which they came: the first is the oldest.
  readonly #words = new Map<string, Word>();

  /** The refusal that an object would give to a read whose caller waits for `budgetMs`; undefined: it is worth asking. */
  refusal(name: string, budgetMs: number, nowMs: number): Result<never, Refusal> | undefined {
    const word = this.#words.get(name);
    if (word === undefined) return undefined;
    const leftMs = word.waitMs - Math.abs(nowMs - word.atMs);
    if (leftMs <= 0) this.#words.delete(name);
    return leftMs > 0 && (budgetMs < leftMs || nowMs < word.fullUntilMs) ? overloaded(leftMs) : undefined;
  }

  /** Notes how an object answered a read that was sent with `budgetMs`. */
  note(name: string, budgetMs: number, outcome: Outcome<unknown>, nowMs: number): void {
    if (outcome.ok || outcome.error.code !== 'overloaded') return;
    const { retryAfterMs: waitMs = VECTOR_LIMITS.refusedReadMs } = outcome.error;
    const fullUntilMs = budgetMs < waitMs ? nowMs : nowMs + FULL_SHARE * waitMs;
    this.#words.delete(name);
    this.#words.set(name, { waitMs, atMs: nowMs, fullUntilMs });
    dropOldest(this.#words, VECTOR_LIMITS.membersKnownMaxCount);
  }
}
