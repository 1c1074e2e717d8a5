import type { Refusal } from '../../../../src/contract/api/errors.ts';
import type { AuthorityEnd } from '../../../../src/contract/tenancy/authority-end.ts';
import { COMPLETION_LIMITS } from '../../../../src/contract/completions/completion-limits.ts';
import { joinedBytes, utf8 } from '../../../../src/kernel/bytes.ts';
import type { Clock } from '../../../../src/kernel/clock.ts';
import type { Timer } from '../../../../src/kernel/timer.ts';
import { WaitLimit } from '../../../../src/kernel/wait-limit.ts';

/** What a caller is sent, piece by piece, until it takes no more. */
interface Pieces {
  next(): Promise<Uint8Array | undefined>;
  cancel(): void;
}

interface SendingParts {
  readonly timer: Timer;
  readonly clock: Clock;
  /** Goes before all that comes. */
  readonly first: Uint8Array | undefined;
  /** Sees each piece that comes. */
  readonly onPiece: (piece: Uint8Array) => void;
  /** Once the caller's right ends, it is sent why, and nothing more. Absent: it lasts. */
  readonly right?: { readonly end: AuthorityEnd; readonly whyEnded: (why: Refusal) => Uint8Array } | undefined;
}

/** The caller waits for something to be sent. */
interface Taker {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  readonly taken: () => void;
  readonly failed: (reason: unknown) => void;
}

/** A comment, which every client of server-sent events skips. */
const SIGN_OF_LIFE = utf8(':\n\n');

/**
 * Events as a body: what comes is read only while the caller waits for it. In a silence a comment is sent: that a caller has gone shows only when
 * something is sent to it, and what stands between the two may close a connection that rests. [U44]
 *
 * Events that come in a burst are sent together, as each piece that is sent costs as much as reading and judging three: the first of them at
 * once, the others when they have all come, at most `completionBurstMs` later. [U46]
 */
export function sentEvents(pieces: Pieces, parts: SendingParts): ReadableStream<Uint8Array> {
  const events = new SentEvents(pieces, parts);
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => new Promise((taken, failed) => events.take({ controller, taken, failed })),
      cancel: () => events.cancel(),
    },
    { highWaterMark: 0 },
  );
}

class SentEvents {
  readonly #pieces: Pieces;
  readonly #parts: SendingParts;
  readonly #silence: WaitLimit;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #taker: Taker | undefined;
  #isReading = false;
  #hasEnded = false;
  /** What the pieces have ended by, where that is no end of theirs. */
  #defect: { readonly reason: unknown } | undefined;
  #sentAtMs = -Infinity;
  /** Set while a burst is gathered. */
  #callOff: (() => void) | undefined;
  readonly #leaveRight: (() => void) | undefined;

  constructor(pieces: Pieces, parts: SendingParts) {
    this.#pieces = pieces;
    this.#parts = parts;
    this.#silence = new WaitLimit(parts.timer, parts.clock);
    if (parts.first !== undefined) this.#hold(parts.first);
    const { right } = parts;
    this.#leaveRight = right?.end.onEnd((why) => this.#endBy(right.whyEnded(why)));
  }

  take(taker: Taker): void {
    this.#taker = taker;
    this.#silence.begin(COMPLETION_LIMITS.completionSilenceMs, () => this.#send(SIGN_OF_LIFE));
    this.#offer();
    if (!this.#isReading) void this.#read();
  }

  cancel(): void {
    this.#taker = undefined;
    this.#release();
    this.#pieces.cancel();
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    try {
      while (this.#taker !== undefined && !this.#hasEnded) {
        const piece = await this.#pieces.next();
        if (this.#hasEnded) break;
        if (piece === undefined) this.#hasEnded = true;
        else {
          this.#parts.onPiece(piece);
          this.#hold(piece);
        }
        this.#offer();
      }
    } catch (reason) {
      this.#defect = { reason };
      this.#hasEnded = true;
      this.#offer();
    }
    this.#isReading = false;
  }

  /** [T121] At once, whatever is waited for: the upstream, a hook, the caller. */
  #endBy(last: Uint8Array): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#parts.onPiece(last);
    this.#hold(last);
    this.#pieces.cancel();
    this.#offer();
  }

  #hold(piece: Uint8Array): void {
    this.#held.push(piece);
    this.#heldBytes += piece.length;
  }

  /** Sends what is held, unless it belongs to a burst that may go on. */
  #offer(): void {
    // A stream whose pull ends without a piece is not asked for one again.
    if (this.#taker === undefined || (this.#heldBytes === 0 && !this.#hasEnded)) return;
    // A clock that was set back delays nothing.
    const waitMs = COMPLETION_LIMITS.completionBurstMs - Math.abs(this.#parts.clock.nowMs() - this.#sentAtMs);
    if (this.#hasEnded || waitMs <= 0 || this.#heldBytes >= COMPLETION_LIMITS.completionBurstBytesMax) return this.#flush();
    this.#silence.over();
    this.#callOff ??= this.#parts.timer.after(waitMs, () => {
      this.#callOff = undefined;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#hasEnded) this.#release();
    const bytes = this.#heldBytes === 0 ? undefined : joinedBytes(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    this.#send(bytes);
  }

  #send(bytes: Uint8Array | undefined): void {
    const taker = this.#taker;
    if (taker === undefined) return;
    this.#taker = undefined;
    this.#sentAtMs = this.#parts.clock.nowMs();
    this.#silence.over();
    this.#callOff?.();
    this.#callOff = undefined;
    // The caller has all that came before a defect.
    if (bytes !== undefined) taker.controller.enqueue(bytes);
    else if (this.#defect !== undefined) return taker.failed(this.#defect.reason);
    if (this.#hasEnded && this.#defect === undefined) taker.controller.close();
    taker.taken();
  }

  #release(): void {
    this.#silence.release();
    this.#leaveRight?.();
    this.#callOff?.();
    this.#callOff = undefined;
  }
}
