import { joinedBytes, utf8 } from '../../kernel/bytes.ts';
import type { CountableText } from '../money/countable-text.ts';
import type { MediaCounts } from '../money/model-price.ts';
import { DONE } from './answer-stream.ts';
import type { StreamProblem } from './answer-stream.ts';
import type { JsonObject } from './json.ts';
import { parsedObject } from './json.ts';
import { SseEvents } from './sse-events.ts';
import type { Dialect, Seen } from './stream-tap.ts';
import { tapOf } from './stream-tap.ts';
import type { Usage } from './usage.ts';

/** Of a copy that is not read yet. A stream that is shorter is read once, at its end. */
const UNREAD_BYTES_MAX = 64 * 1024;

/** Of the last events of a stream: its usage, its finish, and what says that it ends. */
const LAST_CHARS = 1_024;

/** How a stream ends that is whole, as the last bytes of it say without being parsed. */
const ENDS: Readonly<Partial<Record<Dialect, RegExp>>> = {
  chat: /[\r\n]data: ?\[DONE\]\s*$/,
  completions: /[\r\n]data: ?\[DONE\]\s*$/,
  messages: /"message_stop"\s*\}\s*$/,
};
const END_BYTES = 64;

const GARBAGE: StreamProblem = { kind: 'garbage' };
const EVENT_END = utf8('\n\n');
const BETWEEN_EVENTS = /\r\n\r\n|\n\n|\r\r/;

const decoder = new TextDecoder();

/**
 * What a stream costs, and whether it is whole, by a copy of it. Of a stream that ends as its protocol says, with its usage, only the last events are
 * parsed: to parse each costs more than to pass it through. All are where that does not suffice: usage that is not reported is counted by the text, and a
 * stream that broke off is charged what came. [U75]
 */
export class CopyMeter {
  readonly #dialect: Exclude<Dialect, 'plain'>;
  readonly #eventBytesMax: number;
  readonly #tap;
  readonly #events = new SseEvents();
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  #hasEnded = false;
  #problem: StreamProblem | undefined;

  constructor(dialect: Exclude<Dialect, 'plain'>, eventBytesMax: number) {
    this.#dialect = dialect;
    this.#eventBytesMax = eventBytesMax;
    this.#tap = tapOf(dialect);
  }

  /** The whole answer has come: nothing that follows matters. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Why the stream is no answer, as far as was read. */
  get problem(): StreamProblem | undefined {
    return this.#problem;
  }

  /** As the upstream has reported it; to be asked once the stream is over. */
  get usage(): Usage | undefined {
    return this.#tap.usage;
  }

  /** What has come, as far as it was read, to count its tokens; undefined: the usage is that of the whole answer. [U193] */
  get uncounted(): CountableText | undefined {
    return this.#tap.isAccounted ? undefined : this.#tap.text;
  }

  /** Reads at once, for what has to be judged before more comes. */
  pushRead(piece: Uint8Array): void {
    this.#unread.push(piece);
    this.#readAll();
  }

  /** What came that has a price of its own, as far as it was read. */
  get units(): MediaCounts | undefined {
    return this.#tap.units;
  }

  push(piece: Uint8Array): void {
    if (this.#hasEnded || this.#problem !== undefined) return;
    this.#unread.push(piece);
    this.#unreadBytes += piece.length;
    if (this.#seesEnd()) this.#readLast();
    else if (this.#unreadBytes > UNREAD_BYTES_MAX || !(this.#dialect in ENDS)) this.#readAll();
  }

  /** The stream is over. Answers whether nothing of the answer is missing, even if the upstream did not say that it ends. */
  end(): boolean {
    this.#readAll();
    // Some servers do not end their last event.
    if (this.#events.heldBytes > 0) this.pushRead(EVENT_END);
    return this.#hasEnded || (this.#problem === undefined && this.#tap.isWhole);
  }

  #seesEnd(): boolean {
    const end = ENDS[this.#dialect];
    let bytes = this.#unread.at(-1) ?? new Uint8Array();
    // A piece may have little more than the last line.
    if (bytes.length < END_BYTES && this.#unread.length > 1) bytes = joinedBytes(this.#unread.slice(-3));
    return end?.test(decoder.decode(bytes.subarray(-END_BYTES))) ?? false;
  }

  /** The end of the answer, from the end: what went before is read only if that does not say all. */
  #readLast(): void {
    const text = decoder.decode(joinedBytes(this.#unread));
    if (this.#events.heldBytes === 0 && !text.includes('"error"')) {
      // The first of them may be cut, and is no JSON then.
      const parsed = text
        .slice(-LAST_CHARS)
        .split(BETWEEN_EVENTS)
        .map((event) => parsedObject(dataIn(event)));
      const last = parsed.filter((event) => event !== undefined);
      // Messages say at their beginning what their input was.
      const isBegun = this.#dialect !== 'messages' || this.#tap.usage !== undefined;
      if (isBegun && isAccountedBy(this.#dialect, last)) {
        for (const event of last) this.#tap.see(event);
        this.#tap.finish();
        this.#hasEnded = true;
        return this.#drop();
      }
    }
    this.#readAll();
  }

  #readAll(): void {
    for (const piece of this.#unread) {
      for (const { data } of this.#events.push(piece)) {
        if (this.#hasEnded || this.#problem !== undefined) break;
        if (data !== undefined) this.#see(data);
      }
    }
    if (this.#events.heldBytes > this.#eventBytesMax) this.#problem ??= GARBAGE;
    this.#drop();
  }

  #see(data: string): void {
    if (data === DONE) {
      this.#tap.finish();
      this.#hasEnded = true;
      return;
    }
    const parsed = parsedObject(data);
    const { kind }: Seen = parsed === undefined ? GARBAGE : this.#tap.see(parsed);
    if (kind === 'end') this.#hasEnded = true;
    if (kind === 'error' || kind === 'garbage') this.#problem = { kind };
  }

  #drop(): void {
    this.#unread = [];
    this.#unreadBytes = 0;
  }
}

/** Whether these events say all that a stream has used that ends with them. */
function isAccountedBy(dialect: Exclude<Dialect, 'plain'>, last: readonly JsonObject[]): boolean {
  const tap = tapOf(dialect);
  for (const event of last) tap.see(event);
  tap.finish();
  return tap.isAccounted;
}

/** The data of an event that is one line of it, perhaps behind its name. */
function dataIn(event: string): string {
  const at = event.startsWith('data:') ? 0 : event.indexOf('\ndata:') + 1;
  return event.startsWith('data:', at) ? event.slice(at + 5) : '';
}
