import { joinedBytes } from './bytes.ts';

/** A line of a stream, without its end. */
export interface RawLine {
  /** Undefined when the line is longer than allowed. What is left of it is passed over. */
  readonly content: Uint8Array | undefined;
  /** Of the line and its end; of a line that is too long, what had come of it. */
  readonly bytes: number;
}

const NEWLINE = 0x0a;

/**
 * The lines of a stream, read no further than they are asked for. At most one line and one chunk are held. Only newlines end a line: JSON
 * strings may hold U+2028, which others split at.
 */
export async function* rawLines(stream: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<RawLine, void> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let isTooLong = false;
  for await (const chunk of stream) {
    for (let start = 0; start < chunk.length;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (!isTooLong) {
        const piece = chunk.subarray(start, end < 0 ? chunk.length : end);
        held.push(piece);
        heldBytes += piece.length;
        isTooLong = heldBytes > bytesMax;
        if (isTooLong) {
          held = [];
          yield { content: undefined, bytes: heldBytes };
        }
      }
      if (end < 0) break;
      if (!isTooLong) yield { content: joinedBytes(held), bytes: heldBytes + 1 };
      [held, heldBytes, isTooLong] = [[], 0, false];
      start = end + 1;
    }
  }
  // The last line need not end.
  if (heldBytes > 0 && !isTooLong) yield { content: joinedBytes(held), bytes: heldBytes };
}
