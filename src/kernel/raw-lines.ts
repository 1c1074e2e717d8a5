import { joinedBytes } from './bytes.ts';

/** A line of a stream, without its end. */
export interface RawLine {
  /** Undefined when the line is longer than allowed. What is left of it is passed over. */
  readonly content: Uint8Array | undefined;
  /** Of the line and its end; of a line that is too long, what had come of it. */
  readonly bytes: number;
}

const NEWLINE = 0x0a;

/** Cuts the pieces of a stream into lines. Only newlines end a line: JSON strings may hold U+2028, which others split at. */
export class LineSplitter {
  readonly #bytesMax: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #isTooLong = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The lines that end in the next piece. */
  *push(piece: Uint8Array): Generator<RawLine, void> {
    for (let start = 0; start < piece.length;) {
      const end = piece.indexOf(NEWLINE, start);
      if (!this.#isTooLong) {
        this.#hold(piece.subarray(start, end < 0 ? piece.length : end));
        if (this.#isTooLong) yield { content: undefined, bytes: this.#heldBytes };
      }
      if (end < 0) return;
      if (!this.#isTooLong) yield { content: joinedBytes(this.#held), bytes: this.#heldBytes + 1 };
      [this.#held, this.#heldBytes, this.#isTooLong] = [[], 0, false];
      start = end + 1;
    }
  }

  /** The last line, which need not end. */
  end(): RawLine | undefined {
    return this.#heldBytes > 0 && !this.#isTooLong ? { content: joinedBytes(this.#held), bytes: this.#heldBytes } : undefined;
  }

  #hold(part: Uint8Array): void {
    this.#held.push(part);
    this.#heldBytes += part.length;
    this.#isTooLong = this.#heldBytes > this.#bytesMax;
    if (this.#isTooLong) this.#held = [];
  }
}

/** The lines of a stream, read no further than they are asked for. At most one line and one piece are held. */
export async function* rawLines(stream: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<RawLine, void> {
  const splitter = new LineSplitter(bytesMax);
  for await (const piece of stream) yield* splitter.push(piece);
  const last = splitter.end();
  if (last !== undefined) yield last;
}
