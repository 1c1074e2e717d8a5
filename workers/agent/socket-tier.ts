import type { Socket } from 'node:net';
import { connect } from 'node:net';

import type { TierAnswer, TierEntry, VectorTier } from '../../src/cache/vector-tier.ts';
import type { Frame, CacheCall, CacheReply } from './cache-protocol.ts';
import { encodeFrame, FrameReader, cacheReply, joinVectors, vectorCutter } from './cache-protocol.ts';

type Waiter = (answered: Answered | undefined) => void;

interface Answered {
  readonly reply: CacheReply;
  readonly numbers: Float32Array<ArrayBuffer>;
}

/** Computing takes no longer than this, so there is no use in waiting. */
const ANSWER_MS_MAX = 1_000;
/** After a connection has failed no call waits for the next one for this long. */
const RETRY_MS = 200;

/** A cache that another process serves, through the socket at `path`. When that one is away, everything is missing. */
export class SocketTier implements VectorTier {
  readonly #path: string;
  #socket: Socket | undefined;
  #retryAtMs = 0;
  /** The calls that wait for an answer on the present connection, in order. */
  #waiting: Waiter[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  async get(keys: readonly string[]): Promise<readonly TierAnswer[]> {
    const answered = await this.#call({ kind: 'get', keys: [...keys] });
    const cut = vectorCutter(answered?.numbers ?? new Float32Array(0));
    return keys.map((_, i) => {
      const { fence = null, dimensions = null } = answered?.reply.answers[i] ?? {};
      return { fence: fence ?? undefined, vector: dimensions === null ? undefined : cut(dimensions) };
    });
  }

  async set(entries: readonly TierEntry[]): Promise<void> {
    const described = entries.map(({ key, ttlMs, fence, vector }) => ({ key, ttlMs: ttlMs ?? null, fence, dimensions: vector.length }));
    await this.#call({ kind: 'set', entries: described }, joinVectors(entries.map(({ vector }) => vector)));
  }

  async forget(keys: readonly string[]): Promise<boolean> {
    return (await this.#call({ kind: 'forget', keys: [...keys] }))?.reply.done ?? false;
  }

  async forgetAll(): Promise<boolean> {
    return (await this.#call({ kind: 'forgetAll' }))?.reply.done ?? false;
  }

  close(): void {
    this.#retryAtMs = Infinity;
    this.#socket?.destroy();
  }

  /** Undefined: no answer, and none to come. */
  #call(header: CacheCall, numbers = new Float32Array(0)): Promise<Answered | undefined> {
    const socket = this.#connected();
    if (socket === undefined) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      // An answer that comes later would be taken for the next one's: the connection goes with it.
      const late = setTimeout(() => socket.destroy(), ANSWER_MS_MAX);
      this.#waiting.push((answered) => {
        clearTimeout(late);
        resolve(answered);
      });
      socket.write(encodeFrame({ header, numbers }));
    });
  }

  #connected(): Socket | undefined {
    if (this.#socket !== undefined) return this.#socket;
    if (performance.now() < this.#retryAtMs) return undefined;
    const socket = connect(this.#path);
    const reader = new FrameReader();
    const waiting: Waiter[] = [];
    this.#waiting = waiting;
    socket.on('data', (chunk) => {
      try {
        for (const frame of reader.push(chunk)) {
          // Before a call is taken from the waiting ones: it may throw.
          const answered = answeredBy(frame);
          waiting.shift()?.(answered);
        }
      } catch {
        socket.destroy();
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
      this.#retryAtMs = Math.max(this.#retryAtMs, performance.now() + RETRY_MS);
      for (const answered of waiting.splice(0)) answered(undefined);
    });
    // The connection alone keeps no process alive; a call under way has its own timer.
    socket.unref();
    this.#socket = socket;
    return socket;
  }
}

function answeredBy({ header, numbers }: Frame): Answered {
  const reply = cacheReply.parse(header);
  const expected = reply.answers.reduce((sum, { dimensions }) => sum + (dimensions ?? 0), 0);
  if (expected !== numbers.length) throw new Error('an answer whose numbers do not match its header');
  return { reply, numbers };
}
