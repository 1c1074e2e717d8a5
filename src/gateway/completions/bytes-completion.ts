import { messageOf } from '../../contract/api/errors.ts';
import type { Dispatched } from '../../upstreams/dispatch.ts';
import type { AnswerPieces, UncountedEnd } from './answer-pieces.ts';
import { brokenOff } from './stream-failure.ts';

/** Why bytes end early: nothing can be said among them, so their stream breaks off, too. */
export class BrokenBytes extends Error {}

/** An answer of bytes, such as sound, passed on as it comes. It ends once, and says then what it has come to. [U42] [U267] */
export class BytesCompletion implements AnswerPieces {
  readonly #dispatched: Dispatched;
  readonly #onEnd: (end: UncountedEnd) => void;
  #hasEnded = false;

  constructor(dispatched: Dispatched, onEnd: (end: UncountedEnd) => void) {
    this.#dispatched = dispatched;
    this.#onEnd = onEnd;
  }

  /** Throws `BrokenBytes` where the upstream has broken off. */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#hasEnded) return undefined;
    const { opened, target } = this.#dispatched;
    const piece = await opened.body.read();
    if (piece instanceof Uint8Array) return piece;
    if (this.#hasEnded) return undefined;
    this.#end(piece === undefined ? 'whole' : piece.fault === 'cancelled' ? 'cancelled' : piece);
    if (piece !== undefined && piece.fault !== 'cancelled') throw new BrokenBytes(messageOf(brokenOff(target, piece)));
    return undefined;
  }

  /** The upstream sees its connection close. */
  cancel(): void {
    if (this.#hasEnded) return;
    this.#dispatched.opened.body.cancel();
    this.#end('cancelled');
  }

  #end(end: UncountedEnd['end']): void {
    this.#hasEnded = true;
    this.#dispatched.finish(end);
    this.#onEnd({ target: this.#dispatched.target, usage: undefined, uncounted: undefined, end });
  }
}
