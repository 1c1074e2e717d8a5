import { LIMITS } from '../../../src/contract/limits.ts';
import { assert, must } from '../../../src/kernel/assert.ts';
import type { Timer } from '../../../src/kernel/timer.ts';
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
    const secret = await this.#parts.secretOf(target);
    const exchange = new TimedExchange(this.#parts.timer, cancellation, timeouts.totalMs);
    const answer = await exchange.step(
      timeouts.connectMs,
      'connect_timeout',
      target.protocol === 'workers-ai'
        ? callWorkersAi(must(this.#parts.workersAi, 'a target is stored only where its binding is'), target, request, exchange.signal)
        : fetch(`${target.baseUrl}${request.path}`, {
            method: 'POST',
            headers: { ...request.headers, accept: request.streams ? 'text/event-stream' : 'application/json', ...proofOf(target, secret) },
            body: request.body,
            // The key would go where the upstream says, which no allow-list has seen.
            redirect: 'manual',
            signal: exchange.signal,
          }),
    );
    if (!(answer instanceof Response)) return answer === undefined ? exchange.end(fault('refused')) : answer;
    if (answer.status >= 300 && answer.status < 400) return exchange.end(fault('garbage'));
    const headers = Object.fromEntries(answer.headers);
    const retryAfterMs = retryAfterOf(answer.headers);
    return {
      kind: 'opened',
      status: answer.status,
      headers,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      body: new HttpBody(exchange, answer.body, target),
    };
  }
}

function proofOf({ protocol }: Target, secret: string | undefined): Record<string, string> {
  if (secret === undefined) return {};
  return protocol === 'anthropic' ? { 'x-api-key': secret } : { authorization: `Bearer ${secret}` };
}

/** From `retry-after-ms`, or `retry-after` in seconds. A date is as good as nothing: it depends on the upstream's clock. */
function retryAfterOf(headers: Headers): number | undefined {
  const ms = Number(headers.get('retry-after-ms') ?? Number.NaN);
  const s = Number(headers.get('retry-after') ?? Number.NaN);
  const afterMs = Number.isNaN(ms) ? s * 1_000 : ms;
  return Number.isFinite(afterMs) && afterMs >= 0 ? afterMs : undefined;
}

/** One exchange and what may end it: the time that it has, the time of the step that it is at, and its owner. */
class TimedExchange {
  readonly #timer: Timer;
  readonly #controller = new AbortController();
  readonly #stops: (() => void)[];
  #ended: TransportFault | undefined;
  #onEnd: ((why: TransportFault) => void) | undefined;

  constructor(timer: Timer, cancellation: Cancellation, totalMs: number) {
    this.#timer = timer;
    this.#stops = [timer.after(totalMs, () => this.end(fault('total_timeout'))), cancellation.onCancel(() => this.end(fault('cancelled')))];
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
      const callOff = this.#timer.after(limitMs, () => this.end(fault(late)));
      const settle = (value: T | TransportFault | undefined): void => {
        callOff();
        this.#onEnd = undefined;
        resolve(value);
      };
      this.#onEnd = settle;
      work.then(
        (value) => settle(value),
        () => settle(this.#ended),
      );
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
    for (const stop of this.#stops.splice(0)) stop();
  }
}

class HttpBody implements BodyReader {
  readonly #exchange: TimedExchange;
  readonly #reader: ReadableStreamBYOBReader | undefined;
  readonly #target: Target;
  #isBegun = false;

  constructor(exchange: TimedExchange, body: ReadableStream<Uint8Array> | null, target: Target) {
    this.#exchange = exchange;
    this.#reader = body?.getReader({ mode: 'byob' });
    this.#target = target;
  }

  async read(): Promise<Uint8Array | undefined | TransportFault> {
    if (this.#reader === undefined) {
      this.#exchange.release();
      return undefined;
    }
    const { firstTokenMs, idleMs } = this.#target.timeouts;
    const [limitMs, late] = this.#isBegun ? ([idleMs, 'idle_timeout'] as const) : ([firstTokenMs, 'first_token_timeout'] as const);
    const read = await this.#exchange.step(limitMs, late, this.#reader.read(new Uint8Array(LIMITS.bodyReadBytesMax)));
    if (read === undefined) return this.#exchange.end(fault('broken'));
    if ('kind' in read) return read;
    this.#isBegun = true;
    if (!read.done) return compact(read.value);
    this.#exchange.release();
    return undefined;
  }

  cancel(): void {
    this.#exchange.end(fault('cancelled'));
  }
}

/** A piece that fills little of what it was read into does not keep the whole of that in memory. */
const compact = (piece: Uint8Array): Uint8Array => (2 * piece.byteLength < piece.buffer.byteLength ? piece.slice() : piece);
