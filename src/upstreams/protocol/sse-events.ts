import { joinedBytes } from '../../kernel/bytes.ts';

/** One event of a stream of server-sent events (WHATWG HTML, 9.2). */
export interface SseEvent {
  /** As it came, with the line that ends it. */
  readonly bytes: Uint8Array;
  readonly name: string | undefined;
  /** Absent for comments. */
  readonly data: string | undefined;
}

const LF = 10;
const CR = 13;

const decoder = new TextDecoder();

/**
 * Finds events in the bytes of a stream. An event is answered once its last byte has come: what is passed on then ends where an event ends,
 * so that an error can follow it. Bytes are not copied, unless an event comes in several pieces. Where pieces end changes nothing. [U30]
 */
export class SseEvents {
  /** Of an event that has not ended. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #isLineEmpty = true;
  #isAfterCr = false;

  /** Bytes that no event has yet. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  push(piece: Uint8Array): SseEvent[] {
    const events: SseEvent[] = [];
    let from = 0;
    for (let at = 0; at < piece.length; at += 1) {
      const byte = piece[at];
      // The second half of CRLF, which may come after the event that its first half has ended: it belongs to the next event then.
      if (byte === LF && this.#isAfterCr) {
        this.#isAfterCr = false;
        continue;
      }
      this.#isAfterCr = byte === CR;
      if (byte !== LF && byte !== CR) {
        this.#isLineEmpty = false;
        continue;
      }
      if (this.#isLineEmpty) {
        events.push(eventOf(this.#whole(piece.subarray(from, at + 1))));
        from = at + 1;
      }
      this.#isLineEmpty = true;
    }
    if (from < piece.length) {
      this.#held.push(piece.subarray(from));
      this.#heldBytes += piece.length - from;
    }
    return events;
  }

  #whole(last: Uint8Array): Uint8Array {
    const bytes = joinedBytes([...this.#held, last]);
    this.#held = [];
    this.#heldBytes = 0;
    return bytes;
  }
}

const LINE_END = /\r\n|\r|\n/;

function eventOf(bytes: Uint8Array): SseEvent {
  const text = decoder.decode(bytes);
  // Nearly all are one line of data.
  if (text.startsWith('data: ') && text.indexOf('\n') === text.length - 2 && !text.includes('\r'))
    return { bytes, name: undefined, data: text.slice(6, -2) };
  let name: string | undefined;
  const data: string[] = [];
  for (const line of text.split(LINE_END)) {
    if (line.startsWith('data:')) data.push(valueOf(line, 5));
    else if (line.startsWith('event:')) name = valueOf(line, 6);
  }
  return { bytes, name, data: data.length === 0 ? undefined : data.join('\n') };
}

const valueOf = (line: string, from: number): string => line.slice(line[from] === ' ' ? from + 1 : from);

/** An event as it is sent; JSON has no line breaks that are not escaped. */
export const sseText = (data: string, name?: string): string => `${name === undefined ? '' : `event: ${name}\n`}data: ${data}\n\n`;
