import { COMPLETION_LIMITS } from '../../../../src/contract/completions/completion-limits.ts';
import { compact, joinedBytes } from '../../../../src/kernel/bytes.ts';
import type { TransportFault } from '../../../../src/upstreams/transport.ts';
import type { PassingParts } from './http-transport.ts';

/**
 * Pumps a body to the caller outside of JavaScript, which reads the copy of it. [U32] [U41]
 *
 * The tee stands behind the pipe, and its other branch is the answer itself: the platform pumps that as fast as the caller takes it, and fills the copy no
 * sooner. So a caller that reads nothing makes an isolate hold the pump's buffer and one piece of the tee; before the pipe, the copy would draw the whole
 * stream into memory. A read of a copy that waits for more than one byte keeps all of them from the caller until they are there: it is read now and then,
 * for what has come.
 */
export function passedStream(parts: PassingParts): ReadableStream<Uint8Array> {
  const { readable, writable } = new IdentityTransformStream();
  const [sent, copied] = readable.tee();
  void new CopiedStream(parts, writable, copied.getReader({ mode: 'byob' })).follow();
  return sent;
}

const UNSET = (): void => undefined;
const CANCELLED: TransportFault = { kind: 'fault', fault: 'cancelled' };
/** The pipe is over: what is in the copy is there at once. */
const DRAIN_MS = 10;

class CopiedStream {
  readonly #parts: PassingParts;
  readonly #writable: WritableStream<Uint8Array>;
  readonly #reader: ReadableStreamBYOBReader;
  // oxlint-disable-next-line sluice/no-stored-promise -- of the one request whose answer this is
  readonly #piped: Promise<void>;
  #isPiped = false;
  /** Under way, for the next who waits. */
  // oxlint-disable-next-line sluice/no-stored-promise -- of the one request whose answer this is
  #reading: Promise<Uint8Array | undefined> | undefined;
  #hasAllRead = false;
  /** Of the lead, which is in the copy, too. */
  #leadBytes: number;
  /** Ends the wait that is under way. */
  #wake: () => void = UNSET;

  constructor(parts: PassingParts, writable: WritableStream<Uint8Array>, reader: ReadableStreamBYOBReader) {
    const { body, lead, exchange } = parts;
    this.#parts = parts;
    this.#writable = writable;
    this.#reader = reader;
    this.#leadBytes = lead.length;
    this.#send(lead);
    const over = (): void => {
      this.#isPiped = true;
      this.#wake();
    };
    this.#piped = body.pipeTo(writable, { preventClose: true, preventAbort: true }).then(over, () => {
      exchange.end('broken');
      over();
    });
    exchange.whenEnded(() => this.#wake());
  }

  async follow(): Promise<void> {
    const { exchange, copy, idleMs } = this.#parts;
    exchange.restFor([idleMs, 'idle_timeout']);
    await this.#whilePumped();
    // An upstream that has said all ends its body, too: its connection can serve another call then.
    if (copy.isOver && !this.#isPiped) await this.#waited(COMPLETION_LIMITS.passedCopyPauseMs);
    if (!this.#isPiped) exchange.end('cancelled');
    const rest = await this.#rest();
    exchange.release();
    // A caller that does not take what is left has kept the upstream waiting.
    const fault = rest === 'late' ? CANCELLED : rest === 'taken' ? exchange.fault : undefined;
    const behind = copy.end(fault);
    // Of a pipe that is over nothing more comes.
    if (!this.#isPiped) this.#reader.cancel().catch(UNSET);
    await this.#piped;
    if (behind !== undefined) this.#send(behind);
    const over = fault === CANCELLED ? this.#writable.abort(CANCELLED.fault) : this.#writable.close();
    over.catch(UNSET);
  }

  /** Reads the copy now and then, until nothing more comes or is wanted. */
  async #whilePumped(): Promise<void> {
    const { copy, exchange } = this.#parts;
    const isOver = (): boolean => this.#isPiped || copy.isOver || exchange.fault !== undefined;
    while (!isOver()) {
      await this.#waited(COMPLETION_LIMITS.passedCopyPauseMs);
      for (let bytes = Infinity; bytes >= COMPLETION_LIMITS.passedCopyReadBytes && !isOver();) bytes = (await this.#read())?.length ?? 0;
    }
  }

  /** Reads what is left in the copy. `over`: nothing more is wanted. Else whether that is all: the caller, if there is one, has taken it in time. */
  async #rest(): Promise<'over' | 'taken' | 'late'> {
    const { copy, timer, idleMs } = this.#parts;
    if (this.#isPiped) await this.#drained();
    if (copy.isOver) return 'over';
    const limit = { isOver: false };
    const disarm = timer.after(idleMs, () => {
      limit.isOver = true;
      this.#wake();
    });
    try {
      // Of a caller that has gone, the copy takes what is still in the pump.
      while (!this.#isPiped && !limit.isOver) await (this.#hasAllRead ? this.#waited() : this.#read());
      if (!limit.isOver) await this.#drained();
      if (copy.isOver || limit.isOver) return copy.isOver ? 'over' : 'late';
      const { mark } = copy;
      this.#send(mark);
      let last: Uint8Array = new Uint8Array();
      while (!limit.isOver && !this.#hasAllRead && !endsWith(last, mark)) {
        const piece = await this.#read();
        if (piece !== undefined) last = joinedBytes([last.subarray(-mark.length), piece]);
      }
      return endsWith(last, mark) ? 'taken' : 'late';
    } finally {
      disarm();
    }
  }

  /** Reads what is in the copy of a pipe that is over, as long as something is wanted of it. */
  async #drained(): Promise<void> {
    while (!this.#parts.copy.isOver && (await this.#read(DRAIN_MS)) !== undefined);
  }

  /** What comes next of the copy, which has been taken; undefined: nothing until the wait was ended, by the end of the pipe or by time. */
  async #read(limitMs?: number): Promise<Uint8Array | undefined> {
    this.#reading ??= this.#nextPiece();
    const piece = await this.#waited(limitMs, this.#reading);
    if (piece === undefined) return undefined;
    this.#reading = undefined;
    const { copy, exchange, idleMs } = this.#parts;
    if (exchange.fault === undefined && !this.#isPiped) exchange.restFor([idleMs, 'idle_timeout']);
    const own = piece.subarray(this.#leadBytes);
    this.#leadBytes -= piece.length - own.length;
    if (own.length > 0) copy.take(compact(own));
    return piece;
  }

  async #nextPiece(): Promise<Uint8Array | undefined> {
    try {
      const { value, done } = await this.#reader.read(new Uint8Array(COMPLETION_LIMITS.passedCopyReadBytes));
      if (!done) return value;
    } catch {
      // The answer was given up with all that was to come of it.
    }
    this.#hasAllRead = true;
    return undefined;
  }

  /** What `work` comes to, unless the wait is ended before: by `limitMs`, or by what wakes it. */
  #waited<T>(limitMs?: number, work?: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve) => {
      const end = (value?: T): void => {
        disarm();
        resolve(value);
      };
      const disarm = limitMs === undefined ? UNSET : this.#parts.timer.after(limitMs, end);
      this.#wake = end;
      void work?.then(end);
    });
  }

  #send(bytes: Uint8Array): void {
    const writer = this.#writable.getWriter();
    writer.write(bytes).catch(UNSET);
    writer.releaseLock();
  }
}

const endsWith = (bytes: Uint8Array, end: Uint8Array): boolean =>
  bytes.length >= end.length && end.every((byte, at) => bytes[bytes.length - end.length + at] === byte);
