import { utf8 } from '../../kernel/bytes.ts';
import { usd } from '../../tenancy/usage/price-book.ts';
import type { PassedBody } from '../../upstreams/transport.ts';
import type { AnswerPieces, CompletionEnd, PassSending } from './answer-pieces.ts';

/**
 * A stream that is copied as it passes, to be given again. It holds at most `bytesMax`: once more has come, nothing of it is kept, as only a
 * whole stream can be given again. [U121]
 */
export class StreamCopy implements AnswerPieces {
  readonly #stream: AnswerPieces;
  readonly #bytesMax: number;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #isPending = false;
  #onComplete: ((pieces: readonly Uint8Array[]) => void) | undefined;

  constructor(stream: AnswerPieces, bytesMax: number) {
    this.#stream = stream;
    this.#bytesMax = bytesMax;
  }

  get heldBytes(): number {
    return this.#pieces.reduce((sum, { length }) => sum + length, 0);
  }

  async next(): Promise<Uint8Array | undefined> {
    this.#isPending = true;
    const piece = await this.#stream.next();
    this.#isPending = false;
    if (piece !== undefined) this.#keep(piece);
    this.#complete();
    return piece;
  }

  /** All of the copy has come when the stream ends. */
  pass(sending: PassSending): Promise<PassedBody | undefined> {
    return this.#stream.pass?.({ ...sending, onRelayed: (piece) => this.#keep(piece) }) ?? Promise.resolve(undefined);
  }

  /** To be called when the stream has ended whole, which it may do before its last piece is here; not called back where it was too long. */
  whenComplete(onComplete: (pieces: readonly Uint8Array[]) => void): void {
    this.#onComplete = onComplete;
    this.#complete();
  }

  cancel(): void {
    this.#stream.cancel();
  }

  #keep(piece: Uint8Array): void {
    this.#bytes += piece.length;
    if (this.#bytes > this.#bytesMax) this.#pieces = [];
    else this.#pieces.push(piece);
  }

  #complete(): void {
    if (this.#isPending || this.#bytes > this.#bytesMax) return;
    this.#onComplete?.(this.#pieces);
    this.#onComplete = undefined;
  }
}

/** The pieces of a stream once more, as the caller takes them. `costUsd`: what the call costs that they answer now. */
export function replayed(pieces: readonly Uint8Array[], costUsd: string, whole: CompletionEnd) {
  let at = 0;
  let onEnd: (end: CompletionEnd) => void = UNSET;
  const ended = new Promise<CompletionEnd>((finish) => {
    onEnd = finish;
  });
  const stream: AnswerPieces = {
    next: () => {
      const piece = pieces[at];
      at += 1;
      if (piece === undefined) onEnd(whole);
      return Promise.resolve(piece === undefined ? undefined : costing(piece, costUsd));
    },
    cancel: () => {
      at = pieces.length;
      onEnd({ ...whole, end: 'cancelled' });
    },
  };
  return { stream, ended };
}

/** As `AnswerStream` writes it. Inside a text of the answer its quotes would be escaped. */
const COST = /"sluice":\{"cost_usd":"([\d.]+)"\}/;

/** The event with the usage says what the call costs, which is not what it cost when the answer was made. [U78] */
const costing = (piece: Uint8Array, costUsd: string): Uint8Array => withCost(piece, () => costUsd);

/** The same, where the call has come to cost more since the event was written. */
export function costingMore(piece: Uint8Array, moreNano: number): Uint8Array {
  return moreNano === 0 ? piece : withCost(piece, (saidUsd) => usd(BigInt(saidUsd.replace('.', '')) + BigInt(moreNano)));
}

function withCost(piece: Uint8Array, costUsd: (saidUsd: string) => string): Uint8Array {
  const text = decoder.decode(piece);
  return COST.test(text) ? utf8(text.replace(COST, (_, said: string) => `"sluice":{"cost_usd":"${costUsd(said)}"}`)) : piece;
}

const decoder = new TextDecoder();

const UNSET = (): void => undefined;
