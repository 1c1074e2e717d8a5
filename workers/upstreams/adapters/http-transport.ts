import { LIMITS } from '../../../src/contract/limits.ts';
import { assert, must } from '../../../src/kernel/assert.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import type { Timer } from '../../../src/kernel/timer.ts';
import { WaitLimit } from '../../../src/kernel/wait-limit.ts';
import { proofOf } from '../../../src/upstreams/protocol/exchange.ts';
import type { Target } from '../../../src/upstreams/target.ts';
import type {
  BodyReader,
  Cancellation,
  FaultKind,
  Opened,
  TransportFault,
  UpstreamRequest,
  UpstreamTransport,
} from '../../../src/upstreams/transport.ts';

import type { WorkersAi } from './workers-ai.ts';
import { callWorkersAi } from './workers-ai.ts';

interface HttpTransportParts {
  readonly timer: Timer;
  readonly clock: Clock;
  /** What proves to the upstream who calls; undefined: nothing does. */
  readonly secretOf: (target: Target) => Promise<string | undefined>;
  /** Absent: the deployment has no binding of Workers AI, and no target of it. */
  readonly workersAi?: WorkersAi | undefined;
}

const fault = (kind: FaultKind): TransportFault => ({ kind: 'fault', fault: kind });

/**
 * Speaks HTTP with upstreams by `fetch`: one request, without redirects, each step within its time. Whatever ends an exchange (a fault, its
 * time, its owner) closes the connection. [U40] [U41]
 */
export class HttpTransport implements UpstreamTransport {
  readonly #parts: HttpTransportParts;

  constructor(parts: HttpTransportParts) {
    this.#parts = parts;
  }

  async open(target: Target, request: UpstreamRequest, cancellation: Cancellation): Promise<Opened | TransportFault> {
    const { timeouts } = target;
    const { secretOf, timer, clock } = this.#parts;
    const secret = await secretOf(target);
    const exchange = new TimedExchange(timer, clock, cancellation, timeouts.totalMs);
    const answer = await exchange.step(
      ...headTimeOf(timeouts, request),
      target.protocol === 'workers-ai'
        ? callWorkersAi(must(this.#parts.workersAi, 'a target is stored only where its binding is'), target, request, exchange.signal)
        : fetch(`${target.baseUrl}${request.path}`, {
            method: 'POST',
            headers: {
              ...request.headers,
              accept: request.streams ? 'text/event-stream' : 'application/json',
              ...proofOf(target.protocol, secret),
            },
            body: request.body,
            // The key would go where the upstream says, which no allow-list has seen.
            redirect: 'manual',
            signal: exchange.signal,
          }),
    );
    if (!(answer instanceof Response)) return answer === undefined ? exchange.end(fault('refused')) : answer;
    if (answer.status >= 300 && answer.status < 400) return exchange.end(fault('garbage'));
    const retryAfterMs = retryAfterOf(answer.headers);
    return {
      kind: 'opened',
      status: answer.status,
      contentType: answer.headers.get('content-type') ?? '',
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      body: new HttpBody(exchange, answer, target),
    };
  }
}

/** Servers send the headers of a whole answer when they have made it. */
const headTimeOf = ({ connectMs, firstTokenMs }: Target['timeouts'], { streams }: UpstreamRequest): readonly [number, FaultKind] =>
  streams ? [connectMs, 'connect_timeout'] : [Math.max(connectMs, firstTokenMs), 'first_token_timeout'];

/** From `retry-after-ms`, or `retry-after` in seconds. A date is as good as nothing: it depends on the upstream's clock. */
function retryAfterOf(headers: Headers): number | undefined {
  const ms = Number(headers.get('retry-after-ms') ?? Number.NaN);
  const s = Number(headers.get('retry-after') ?? Number.NaN);
  const afterMs = Number.isNaN(ms) ? s * 1_000 : ms;
  return Number.isFinite(afterMs) && afterMs >= 0 ? afterMs : undefined;
}

const UNSET = (): void => undefined;

/** One exchange and what may end it: the time that it has, the time of the step that it is at, and its owner. */
class TimedExchange {
  readonly #waits: WaitLimit;
  readonly #controller = new AbortController();
  #leave: () => void = UNSET;
  #ended: TransportFault | undefined;
  #onEnd: ((why: TransportFault) => void) | undefined;

  constructor(timer: Timer, clock: Clock, cancellation: Cancellation, totalMs: number) {
    this.#waits = new WaitLimit(timer, clock);
    this.#waits.limitAll(totalMs, () => this.end(fault('total_timeout')));
    this.#leave = cancellation.onCancel(() => this.end(fault('cancelled')));
    if (cancellation.isCancelled) this.end(fault('cancelled'));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What `work` answers, why it ended before, or undefined where it failed by itself. */
  async step<T>(limitMs: number, late: FaultKind, work: Promise<T>): Promise<T | TransportFault | undefined> {
    if (this.#ended !== undefined) {
      work.catch(() => undefined);
      return this.#ended;
    }
    assert(this.#onEnd === undefined, 'an exchange is at one step at a time');
    return new Promise((resolve) => {
      this.#waits.begin(limitMs, () => this.end(fault(late)));
      const settle = (value: T | TransportFault | undefined): void => {
        this.#waits.over();
        this.#onEnd = undefined;
        resolve(value);
      };
      this.#onEnd = settle;
      work.then(settle, () => settle(this.#ended));
    });
  }

  /** Ends it; what ended it first is why. */
  end(why: TransportFault): TransportFault {
    if (this.#ended !== undefined) return this.#ended;
    this.#ended = why;
    this.release();
    this.#controller.abort();
    this.#onEnd?.(why);
    return why;
  }

  /** It is over, and its connection may serve another. */
  release(): void {
    this.#waits.release();
    this.#leave();
  }
}

class HttpBody implements BodyReader {
  readonly #exchange: TimedExchange;
  readonly #reader: ReadableStreamBYOBReader | undefined;
  readonly #target: Target;
  #isBegun = false;
  /** As the upstream has declared; Infinity: until it ends. */
  #leftBytes: number;
  /** What the next piece is read into, once it is there. */
  #room: Uint8Array<ArrayBuffer> | undefined;
  #roomBytes: number;

  constructor(exchange: TimedExchange, { body, headers }: Response, target: Target) {
    this.#exchange = exchange;
    this.#reader = body?.getReader({ mode: 'byob' });
    this.#target = target;
    this.#leftBytes = declaredBytes(headers);
    this.#roomBytes = Number.isFinite(this.#leftBytes) ? Math.min(this.#leftBytes, LIMITS.bodyReadBytesMax) : PIECE_BYTES;
  }

  async read(): Promise<Uint8Array | undefined | TransportFault> {
    // That nothing follows is known without reading: one turn of the event loop less, of the few that a whole answer takes.
    if (this.#reader === undefined || this.#leftBytes <= 0) {
      this.#exchange.release();
      return undefined;
    }
    const { firstTokenMs, idleMs } = this.#target.timeouts;
    const [limitMs, late] = this.#isBegun ? ([idleMs, 'idle_timeout'] as const) : ([firstTokenMs, 'first_token_timeout'] as const);
    const read = await this.#exchange.step(limitMs, late, this.#reader.read(this.#room ?? new Uint8Array(this.#roomBytes)));
    if (read === undefined) return this.#exchange.end(fault('broken'));
    if ('kind' in read) return read;
    this.#isBegun = true;
    if (!read.done) {
      this.#leftBytes -= read.value.byteLength;
      return this.#taken(read.value);
    }
    this.#exchange.release();
    return undefined;
  }

  cancel(): void {
    this.#exchange.end(fault('cancelled'));
  }

  /** A piece that leaves room is copied, and the room is used again; one that fills it goes as it is, and the next gets more room. */
  #taken(piece: Uint8Array<ArrayBuffer>): Uint8Array {
    const { buffer, byteLength } = piece;
    const isFull = byteLength === buffer.byteLength;
    this.#room = isFull ? undefined : new Uint8Array(buffer);
    if (isFull) this.#roomBytes = Math.min(2 * byteLength, LIMITS.bodyReadBytesMax);
    return isFull ? piece : piece.slice();
  }
}

/** Of a body as it is read. What a compressed one declares is another number. */
function declaredBytes(headers: Headers): number {
  const text = headers.get('content-encoding') === null ? headers.get('content-length') : null;
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : Infinity;
}

/** An event of a stream is smaller, and larger answers get more room soon. */
const PIECE_BYTES = 4_096;
