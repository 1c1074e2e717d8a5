import { refusal, RefusedStream } from '../../../src/contract/api/errors.ts';
import { API_LIMITS } from '../../../src/contract/api/api-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import type { Caller } from '../../../src/contract/api/principal.ts';
import type { BodyBudget, BodyHold, BodyKind } from '../../../src/gateway/api/body-budget.ts';
import { compact } from '../../../src/kernel/bytes.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import { err, ok } from '../../../src/kernel/result.ts';
import type { Timer } from '../../../src/kernel/timer.ts';
import { within } from '../adapters/api/ask.ts';
import type { ContentCoding } from './content-coding.ts';
import { decodedChunks } from './content-coding.ts';

/** What reading a body takes: the isolate's budget for all of them, and time. */
export interface BodyParts {
  readonly budget: BodyBudget;
  readonly clock: Clock;
  readonly timer: Timer;
}

/** Whose memory a body is. */
export function bodyOwner(caller: Caller | undefined): string {
  if (caller?.kind === 'tenant') return caller.keyId;
  return caller?.kind === 'agent' ? caller.poolId : 'admin';
}

/**
 * Reads the body of one request within its time and its memory. [G11] [G12]
 *
 * The code that opens it releases it, once neither the bytes nor what was made of them are needed.
 */
export class BodyIntake {
  readonly #parts: BodyParts;
  readonly #request: Request;
  readonly #hold: BodyHold;
  readonly #totalMs: number;
  #reader: BodyReader | undefined;
  // Spent on waiting for the sender; what was spent on waiting for memory is not his fault.
  #readMs = 0;

  constructor(parts: BodyParts, request: Request, owner: string, kind: BodyKind = 'whole') {
    this.#parts = parts;
    this.#request = request;
    this.#totalMs = kind === 'stream' ? Number.POSITIVE_INFINITY : API_LIMITS.bodyTotalMs;
    this.#hold = parts.budget.open(owner, parts.clock.nowMs(), kind);
  }

  release(): void {
    this.#hold.release();
  }

  /** Ends a body that was begun: discards the rest, so that the sender receives the answer, and releases. */
  async finish(): Promise<void> {
    if (this.#reader !== undefined) await drainReader(this.#reader);
    this.release();
  }

  /** The pieces of the body, decompressed, as they are asked for; throws `RefusedStream`. They count as what was claimed before. */
  chunks(coding: ContentCoding = 'identity'): AsyncGenerator<Uint8Array, void> {
    return decodedChunks(this.#arriving(), coding);
  }

  async *#arriving(): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const chunk = await this.next(0);
      if (!chunk.ok) throw new RefusedStream(chunk.error);
      if (chunk.value === undefined) return;
      yield chunk.value;
    }
  }

  /** What is held takes so much from now on; waits until there is memory for it. */
  async resizeTo(bytes: number): Promise<Outcome<null>> {
    this.#hold.shrinkTo(bytes);
    return this.claim(bytes - this.#hold.bytes);
  }

  /**
   * The whole body, decompressed; each of its bytes counts as `factor` bytes of memory. Refused as soon as it proves longer than
   * `bytesMax`: chunked and compressed bodies declare no length.
   */
  async whole(bytesMax: number, factor: number, coding: ContentCoding = 'identity'): Promise<Outcome<Uint8Array<ArrayBuffer>>> {
    if (coding !== 'identity') return this.#inflated(bytesMax, factor, coding);
    const declared = this.#request.headers.get('content-length');
    if (declared !== null && Number(declared) * factor <= API_LIMITS.bodySmallBytesMax) return this.#smallBody(factor);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for (;;) {
      const chunk = await this.next(factor);
      if (!chunk.ok) return chunk;
      if (chunk.value === undefined) return ok(new Uint8Array(await new Blob(chunks).arrayBuffer()));
      bytes += chunk.value.byteLength;
      if (bytes > bytesMax) return this.refuse(tooLarge(`more than ${bytesMax} bytes`, bytesMax));
      chunks.push(chunk.value);
    }
  }

  /** The next piece of the body, undefined at its end. Refuses with `request_timeout`, `overloaded` or `invalid_value`. */
  async next(factor = 1): Promise<Outcome<Uint8Array | undefined>> {
    const { body } = this.#request;
    if (body === null) return ok(undefined);
    this.#reader ??= body.getReader({ mode: 'byob' });
    const read = await this.#inTime(this.#reader.read(new Uint8Array(API_LIMITS.bodyReadBytesMax)), this.#totalMs - this.#readMs);
    if (!read.ok) return this.refuse(read);
    const { done } = read.value;
    if (done) return ok(undefined);
    const value = compact(read.value.value);
    const room = await this.claim(value.byteLength * factor);
    return room.ok ? ok(value) : room;
  }

  /** Waits until there is memory for so many bytes more. */
  async claim(bytes: number): Promise<Outcome<null>> {
    const { clock, timer } = this.#parts;
    const sinceMs = clock.nowMs();
    for (let tries = 0; !this.#hold.take(bytes, clock.nowMs()); tries += 1) {
      if (clock.nowMs() - sinceMs >= API_LIMITS.bodyWaitMaxMs) return this.refuse(noRoom());
      const delayMs = Math.min(API_LIMITS.bodyRetryMaxMs, API_LIMITS.bodyRetryMs * RETRY_GROWTH ** tries);
      await new Promise<void>((resolve) => void timer.after(delayMs, resolve));
    }
    return ok(null);
  }

  /** A refusal of the body that reaches its sender even while it is still sending. */
  async refuse<T extends Outcome<never>>(refused: T): Promise<T> {
    if (this.#reader === undefined) return refused;
    if (!refused.ok && refused.error.code === 'request_timeout') this.#reader.cancel().catch(() => undefined);
    else await drainReader(this.#reader);
    return refused;
  }

  async #inflated(bytesMax: number, factor: number, coding: ContentCoding): Promise<Outcome<Uint8Array<ArrayBuffer>>> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    try {
      for await (const chunk of this.chunks(coding)) {
        bytes += chunk.byteLength;
        if (bytes > bytesMax) return await this.refuse(tooLarge(`more than ${bytesMax} bytes`, bytesMax));
        const room = await this.claim(chunk.byteLength * factor);
        if (!room.ok) return room;
        chunks.push(chunk);
      }
      return ok(new Uint8Array(await new Blob(chunks).arrayBuffer()));
    } catch (error) {
      if (error instanceof RefusedStream) return this.refuse(err(error.refusal));
      throw error;
    }
  }

  /** One that its sender declares to be small: its bytes count once they are all there, as those of one piece do. */
  async #smallBody(factor: number): Promise<Outcome<Uint8Array<ArrayBuffer>>> {
    const read = await this.#inTime(this.#request.arrayBuffer(), this.#totalMs);
    if (!read.ok) return read;
    const bytes = new Uint8Array(read.value);
    // Where there is room at once, nothing is awaited.
    if (this.#hold.take(bytes.length * factor, this.#parts.clock.nowMs())) return ok(bytes);
    const room = await this.claim(bytes.length * factor);
    return room.ok ? ok(bytes) : room;
  }

  /** The result of `work`, or why it did not come in time. It costs one promise and one timer, which is cancelled: every body passes here. */
  #inTime<T>(work: Promise<T>, leftMs: number): Promise<Outcome<T>> {
    const { clock, timer } = this.#parts;
    const sinceMs = clock.nowMs();
    return new Promise((resolve) => {
      const end = (outcome: Outcome<T>): void => {
        this.#readMs += clock.nowMs() - sinceMs;
        callOff();
        resolve(outcome);
      };
      const callOff = timer.after(Math.min(leftMs, API_LIMITS.bodyIdleMs), () => end(tooSlow(leftMs <= API_LIMITS.bodyIdleMs)));
      work.then(
        (value) => end(ok(value)),
        () => end(ENDED_EARLY),
      );
    });
  }
}

/** Looks for memory grow rarer: those of many bodies that wait would take the time of others. */
const RETRY_GROWTH = 1.5;

const ENDED_EARLY = refuse('invalid_value', 'the body ended early, or its chunks are malformed');

export const tooLarge = (size: string, bytesMax: number) =>
  refuse('payload_too_large', `the body has ${size}; this route takes ${bytesMax}`);

function tooSlow(isTotal: boolean) {
  const what = isTotal
    ? `the body did not arrive within ${API_LIMITS.bodyTotalMs} ms (bodyTotalMs)`
    : `nothing of the body arrived for ${API_LIMITS.bodyIdleMs} ms (bodyIdleMs)`;
  return refuse('request_timeout', `${what}: send it again, in smaller parts if need be`);
}

function noRoom() {
  const message = `the bodies being read take all of their memory (bodiesBytesMax, ${API_LIMITS.bodiesBytesMax} bytes): send this one again`;
  return err({ ...refusal('overloaded', message), retryAfterMs: 1_000 });
}

/**
 * Reads and drops what is left of a refused request's body, within limits: a client that is still sending when the
 * connection closes sees a broken pipe instead of the refusal, and one that sends nothing more waits for the refusal.
 */
export async function drain(request: Request): Promise<void> {
  if (request.body === null || request.bodyUsed || request.body.locked) return;
  await drainReader(request.body.getReader({ mode: 'byob' }));
}

/** As `drain`, for a body that was begun. */
export async function drainReader(reader: BodyReader): Promise<void> {
  try {
    await within(readAway(reader), API_LIMITS.drainMs);
  } catch {
    // Too slow; or the client has disconnected and cannot read the refusal.
  }
  await reader.cancel().catch(() => undefined);
}

export type BodyReader = ReadableStreamBYOBReader;

async function readAway(reader: BodyReader): Promise<void> {
  for (let bytes = 0; bytes < API_LIMITS.drainBytesMax;) {
    const { done, value } = await reader.read(new Uint8Array(API_LIMITS.bodyReadBytesMax));
    if (done) return;
    bytes += value.byteLength;
  }
}
