import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { compact } from '../../../../src/kernel/bytes.ts';
import type { Clock } from '../../../../src/kernel/clock.ts';
import type { Timer } from '../../../../src/kernel/timer.ts';
import { HIDDEN } from '../../../../src/upstreams/log/redaction.ts';
import { proofOf } from '../../../../src/upstreams/protocol/exchange.ts';
import type { Target } from '../../../../src/upstreams/target.ts';
import type {
  BodyCopy,
  BodyReader,
  Cancellation,
  Opened,
  PassedBody,
  TransportFault,
  UpstreamRequest,
  UpstreamTransport,
} from '../../../../src/upstreams/transport.ts';

import type { StepTime } from './timed-exchange.ts';
import { TimedExchange } from './timed-exchange.ts';
import type { WorkersAi } from './workers-ai.ts';
import { callWorkersAi } from './workers-ai.ts';

/** A body that is passed to the caller. */
export interface PassingParts {
  readonly exchange: TimedExchange;
  readonly timer: Timer;
  /** What follows the lead. */
  readonly body: ReadableStream<Uint8Array>;
  readonly lead: Uint8Array;
  readonly copy: BodyCopy;
  /** For so long the upstream may be silent; and the caller, at the end, may leave what is left. */
  readonly idleMs: number;
}

interface HttpTransportParts {
  readonly timer: Timer;
  readonly clock: Clock;
  /** What proves to the upstream who calls; undefined: nothing does. */
  readonly secretOf: (target: Target) => Promise<string | undefined>;
  /** Absent: the deployment has no binding of Workers AI, and no target of it. */
  readonly workersAi?: WorkersAi | undefined;
  /** Answers what the caller is sent. Absent: bodies are read. */
  readonly pass?: (parts: PassingParts) => PassedBody;
}

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
    const { secretOf, timer, clock, pass } = this.#parts;
    const secret = await secretOf(target);
    const exchange = new TimedExchange(timer, clock, cancellation, timeouts.totalMs);
    const answer = await exchange.step(
      headTimeOf(timeouts, request),
      target.protocol === 'workers-ai'
        ? callWorkersAi(must(this.#parts.workersAi, 'a target is stored only where its binding is'), target, request, exchange.signal)
        : fetch(`${target.baseUrl}${request.path}`, {
            method: 'POST',
            headers: {
              ...request.headers,
              accept: request.accept ?? (request.streams ? 'text/event-stream' : 'application/json'),
              ...proofOf(target.protocol, secret),
            },
            body: request.form ?? request.body,
            // The key would go where the upstream says, which no allow-list has seen.
            redirect: 'manual',
            signal: exchange.signal,
          }),
      'refused',
    );
    if (!(answer instanceof Response)) return answer;
    if (answer.status >= 300 && answer.status < 400) return exchange.end('garbage');
    const retryAfterMs = retryAfterOf(answer.headers);
    return {
      kind: 'opened',
      status: answer.status,
      contentType: answer.headers.get('content-type') ?? '',
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(answer.status < 400 ? {} : errorHeadersOf(answer.headers)),
      ...(secret === undefined ? {} : { withoutSecret: (text: string) => text.replaceAll(secret, HIDDEN) }),
      body: new HttpBody(exchange, answer, target, pass && ((parts) => pass({ ...parts, timer }))),
    };
  }
}

/** Servers send the headers of a whole answer when they have made it. */
const headTimeOf = ({ connectMs, firstTokenMs }: Target['timeouts'], { streams }: UpstreamRequest): StepTime =>
  streams ? [connectMs, 'connect_timeout'] : [Math.max(connectMs, firstTokenMs), 'first_token_timeout'];

/** From `retry-after-ms`, or `retry-after` in seconds. A date is as good as nothing: it depends on the upstream's clock. */
function retryAfterOf(headers: Headers): number | undefined {
  const ms = Number(headers.get('retry-after-ms') ?? Number.NaN);
  const s = Number(headers.get('retry-after') ?? Number.NaN);
  const afterMs = Number.isNaN(ms) ? s * 1_000 : ms;
  return Number.isFinite(afterMs) && afterMs >= 0 ? afterMs : undefined;
}

/** Limits of the account that was called, as OpenAI and Anthropic say them. */
const RATE_HEADER = /^(?:x|anthropic)-ratelimit-[a-z0-9-]{1,64}$/;
const RATE_HEADERS_MAX = 24;
const RATE_VALUE = /^[\x20-\x7e]{1,64}$/;

function errorHeadersOf(headers: Headers): Pick<Opened, 'shouldRetry' | 'rateHeaders'> {
  const retry = headers.get('x-should-retry');
  const rates = [...headers].filter(([name, value]) => RATE_HEADER.test(name) && RATE_VALUE.test(value)).slice(0, RATE_HEADERS_MAX);
  return {
    ...(retry === 'true' || retry === 'false' ? { shouldRetry: retry === 'true' } : {}),
    ...(rates.length === 0 ? {} : { rateHeaders: Object.fromEntries(rates) }),
  };
}

class HttpBody implements BodyReader {
  readonly pass?: (lead: Uint8Array, copy: BodyCopy) => PassedBody;
  readonly #exchange: TimedExchange;
  readonly #reader: ReadableStreamBYOBReader | undefined;
  readonly #target: Target;
  #isBegun = false;
  /** As the upstream has declared; Infinity: until it ends. */
  #leftBytes: number;
  /** Of the piece before, or what a first one may be. */
  #pieceBytes = FIRST_PIECE_BYTES;

  constructor(
    exchange: TimedExchange,
    { body, headers }: Response,
    target: Target,
    pass: ((parts: Omit<PassingParts, 'timer'>) => PassedBody) | undefined,
  ) {
    this.#exchange = exchange;
    const reader = body?.getReader({ mode: 'byob' });
    this.#reader = reader;
    this.#target = target;
    this.#leftBytes = declaredBytes(headers);
    if (body === null || reader === undefined || pass === undefined || target.protocol === 'workers-ai') return;
    this.pass = (lead, copy) => {
      reader.releaseLock();
      return pass({ exchange, body, lead, copy, idleMs: target.timeouts.idleMs });
    };
  }

  async read(): Promise<Uint8Array | undefined | TransportFault> {
    // That nothing follows is known without reading: one turn of the event loop less, of the few that a whole answer takes.
    if (this.#reader === undefined || this.#leftBytes <= 0) {
      this.#exchange.release();
      return undefined;
    }
    const read = await this.#exchange.step(this.#stepTime(), this.#reader.read(new Uint8Array(this.#roomBytes())), 'broken');
    if ('kind' in read) return read;
    this.#isBegun = true;
    if (read.done) {
      this.#exchange.release();
      return undefined;
    }
    const piece = read.value;
    this.#pieceBytes = piece.byteLength;
    this.#leftBytes -= this.#pieceBytes;
    // A piece keeps what it was read into: sent byte by byte, an answer would take memory that no limit counts.
    return compact(piece);
  }

  cancel(): void {
    this.#exchange.end('cancelled');
  }

  #stepTime(): StepTime {
    const { firstTokenMs, idleMs } = this.#target.timeouts;
    return this.#isBegun ? [idleMs, 'idle_timeout'] : [firstTokenMs, 'first_token_timeout'];
  }

  /** For the next piece: all that is left, or twice what the one before took, so that most need no copy and large ones soon fit. */
  #roomBytes(): number {
    const bytes = Number.isFinite(this.#leftBytes) ? this.#leftBytes : Math.max(2 * this.#pieceBytes, ROOM_BYTES_MIN);
    return Math.min(bytes, API_LIMITS.bodyReadBytesMax);
  }
}

/** Of a body as it is read. What a compressed one declares is another number. */
function declaredBytes(headers: Headers): number {
  const text = headers.get('content-encoding') === null ? headers.get('content-length') : null;
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : Infinity;
}

/** An event of a stream is smaller. */
const FIRST_PIECE_BYTES = 2_048;
/** Less saves nothing. */
const ROOM_BYTES_MIN = 512;
