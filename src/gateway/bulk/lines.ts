import { LIMITS } from '../../contract/limits.ts';

/** A line of a stream, without its end. */
export interface RawLine {
  /** Undefined when the line is longer than `importLineBytesMax`: then it is the last one. */
  readonly content: Uint8Array | undefined;
  /** Of the line and its end. */
  readonly bytes: number;
}

const NEWLINE = 0x0a;

/** The lines of a stream, read no further than they are asked for. At most one line and one chunk are held. */
export async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<RawLine, void> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const chunk of stream) {
    for (let start = 0; start < chunk.length;) {
      const end = chunk.indexOf(NEWLINE, start);
      const piece = chunk.subarray(start, end < 0 ? chunk.length : end);
      held.push(piece);
      heldBytes += piece.length;
      if (heldBytes > LIMITS.importLineBytesMax) {
        yield { content: undefined, bytes: heldBytes };
        return;
      }
      if (end < 0) break;
      yield { content: joined(held, heldBytes), bytes: heldBytes + 1 };
      [held, heldBytes] = [[], 0];
      start = end + 1;
    }
  }
  // The last line need not end.
  if (heldBytes > 0) yield { content: joined(held, heldBytes), bytes: heldBytes };
}

function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
