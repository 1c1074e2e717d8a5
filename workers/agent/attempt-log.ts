import { setTimeout as sleep } from 'node:timers/promises';

import { JOB_LIMITS } from '../../src/contract/jobs/job-limits.ts';
import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';

/** Sends what an attempt wrote; `offset`: how many bytes of the attempt came before. */
export type SendLog = (offset: number, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal) => Promise<void>;

/**
 * What an attempt writes, on its way to the gateway. A few hundred kilobytes are held here: what is not sent by the time more has come is
 * dropped, oldest first, so a command never waits for a gateway that is away. The offsets show what is missing.
 */
export class AttemptLog {
  readonly #send: SendLog;
  readonly #redact: (bytes: Buffer, isLast: boolean) => Buffer;
  /** Where the bytes that are held begin. */
  #offset = 0;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #isClosed = false;
  #wake: () => void = () => undefined;
  #sent: Promise<void> | undefined;

  /** `secrets` are replaced wherever they occur, also across two writes. */
  constructor(send: SendLog, secrets: readonly string[]) {
    this.#send = send;
    this.#redact = redactor(secrets.map((secret) => Buffer.from(secret)));
  }

  write(bytes: Buffer): void {
    this.#append(this.#redact(bytes, false));
  }

  /** Sends what comes, until `close`; ends early when `signal` aborts. Never rejects: a log that cannot be sent fails no attempt. */
  start(signal: AbortSignal): void {
    signal.addEventListener('abort', () => this.#wake(), { once: true });
    this.#sent ??= this.#sendAll(signal).catch(() => undefined);
  }

  /** Resolves once all that was written is sent, or was given up with the signal of `start`. */
  async close(): Promise<void> {
    this.#append(this.#redact(Buffer.alloc(0), true));
    this.#isClosed = true;
    this.#wake();
    await this.#sent;
  }

  #append(bytes: Buffer): void {
    if (bytes.length === 0 || this.#isClosed) return;
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > POOL_LIMITS.agentLogHeldBytesMax) this.#take(this.#heldBytes - POOL_LIMITS.agentLogHeldBytesMax);
    this.#wake();
  }

  /** The oldest bytes that are held, at most so many: they are held no longer. */
  #take(count: number): Uint8Array {
    const all = Buffer.concat(this.#held);
    const taken = all.subarray(0, count);
    this.#held = [all.subarray(taken.length)];
    this.#heldBytes = all.length - taken.length;
    this.#offset += taken.length;
    return taken;
  }

  async #sendAll(signal: AbortSignal): Promise<void> {
    while (!this.#isClosed || this.#heldBytes > 0) {
      if (this.#heldBytes === 0) await this.#written(signal);
      // Several writes make one message.
      if (!this.#isClosed) await sleep(POOL_LIMITS.agentLogDelayMs, undefined, { signal });
      if (this.#heldBytes === 0) continue;
      const offset = this.#offset;
      await this.#send(offset, Uint8Array.from(this.#take(JOB_LIMITS.jobLogChunkBytesMax)), signal);
    }
  }

  /** Resolves when there is something to send, or nothing more will come. */
  async #written(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve) => (this.#wake = resolve));
    signal.throwIfAborted();
  }
}

const MARK = Buffer.from('[redacted]');

/** Replaces secrets in a stream. What might be the beginning of one is kept back until it is known. */
function redactor(secrets: readonly Buffer[]): (bytes: Buffer, isLast: boolean) => Buffer {
  const longest = Math.max(0, ...secrets.map(({ length }) => length));
  let kept: Buffer = Buffer.alloc(0);
  return (bytes, isLast) => {
    let all: Buffer = Buffer.concat([kept, bytes]);
    for (const secret of secrets) all = replaced(all, secret);
    const end = isLast ? all.length : all.length - longestPrefix(all, secrets, longest);
    kept = Buffer.from(all.subarray(end));
    return all.subarray(0, end);
  };
}

function replaced(bytes: Buffer, secret: Buffer): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at; (at = bytes.indexOf(secret, from)) !== -1; from = at + secret.length) parts.push(bytes.subarray(from, at), MARK);
  return parts.length === 0 ? bytes : Buffer.concat([...parts, bytes.subarray(from)]);
}

/** How many bytes at the end begin a secret. */
function longestPrefix(bytes: Buffer, secrets: readonly Buffer[], longest: number): number {
  for (let length = Math.min(longest - 1, bytes.length); length > 0; length -= 1) {
    const end = bytes.subarray(bytes.length - length);
    if (secrets.some((secret) => secret.length > length && secret.subarray(0, length).equals(end))) return length;
  }
  return 0;
}
