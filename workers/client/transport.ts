import { PATH_PARAMS } from '../../src/contract/api/endpoint.ts';
import type { WireError } from '../../src/contract/api/errors.ts';
import type { VectorFrame } from '../../src/kernel/vector-frame.ts';
import { readFrame, VECTOR_FRAME_TYPE, writeFrame } from '../../src/kernel/vector-frame.ts';
import { SluiceError } from './sluice-error.ts';
import type { CallName, Vector } from './wire-types.ts';
import { CALLS } from './wire-types.ts';

export interface ClientOptions {
  /** Of the gateway, such as `http://127.0.0.1:8787`. */
  readonly url: string;
  readonly apiKey: string;
  /** Tries of a call, the first included: 4. */
  readonly attemptsMax?: number;
  /** How long one try may take: 30 s. */
  readonly attemptMs?: number;
  /** Absent: the platform's, which keeps connections alive. */
  readonly fetch?: typeof fetch;
  readonly sleep?: (ms: number) => Promise<void>;
}

/** What one call may add. */
export interface CallOptions {
  /** Of a call that writes: the same key and body are done once. Absent: a new one, under which tries are repeated. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Sent extends CallOptions {
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Vectors that the body names by the numbers of their rows. */
  readonly rows?: readonly Vector[];
  /** Whether the answer has vectors. */
  readonly wantsRows?: boolean;
}

export interface Reply<T> {
  readonly value: T;
  /** The vector that the answer names. */
  readonly row: (named: unknown) => Float32Array;
}

const ATTEMPTS_MAX = 4;
const ATTEMPT_MS = 30_000;
/** A wait that is longer is the caller's to make. */
const RETRY_WAIT_MAX_MS = 10_000;
const BACKOFF_MS = 100;

/** Calls a gateway: the one place that knows HTTP, how vectors are sent, and when to try again. */
export class Transport {
  readonly #options: ClientOptions;
  readonly #url: string;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#url = options.url.replace(/\/+$/, '');
  }

  /** Throws `SluiceError`. Repeats what may succeed when it is repeated, after the time that the gateway says. */
  async call<T>(name: CallName, sent: Sent): Promise<Reply<T>> {
    const { attemptsMax = ATTEMPTS_MAX, sleep = wait } = this.#options;
    const request = this.#request(name, sent);
    for (let attempt = 1; ; attempt += 1) {
      const answered = await this.#try<T>(request, sent.signal);
      if (!(answered instanceof SluiceError)) return answered;
      const waitMs = answered.retryAfterMs ?? BACKOFF_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
      const isOver = !answered.isRetryable || attempt >= attemptsMax || waitMs > RETRY_WAIT_MAX_MS || sent.signal?.aborted === true;
      if (isOver) throw answered;
      await sleep(waitMs);
    }
  }

  #request(name: CallName, { params = {}, body, rows = [], wantsRows = false, idempotencyKey, headers }: Sent) {
    const { method, path } = CALLS[name];
    const url = this.#url + path.replaceAll(PATH_PARAMS, (_, param: string) => encodeURIComponent(params[param] ?? ''));
    const content = body === undefined ? undefined : contentOf(body, rows);
    const init = {
      method,
      headers: {
        authorization: `Bearer ${this.#options.apiKey}`,
        ...(content === undefined ? {} : { 'content-type': content.type }),
        ...(wantsRows ? { accept: `${VECTOR_FRAME_TYPE}, application/json` } : {}),
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        ...headers,
      },
      ...(content === undefined ? {} : { body: content.body }),
    };
    return { url, init };
  }

  async #try<T>({ url, init }: { url: string; init: RequestInit }, signal: AbortSignal | undefined): Promise<Reply<T> | SluiceError> {
    const { fetch: send = fetch, attemptMs = ATTEMPT_MS } = this.#options;
    const timeout = AbortSignal.timeout(attemptMs);
    let response: Response;
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      response = await send(url, { ...init, signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) });
      // Read to its end in any case: the connection is used again.
      bytes = new Uint8Array(await response.arrayBuffer());
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      return new SluiceError(0, new Headers(), undefined, error);
    }
    if (!response.ok) return new SluiceError(response.status, response.headers, jsonOf(bytes) as Partial<WireError> | undefined);
    if (response.headers.get('content-type') !== VECTOR_FRAME_TYPE) return { value: jsonOf(bytes) as T, row: numbersOf };
    const frame = readFrame(bytes);
    if (typeof frame === 'string') return new SluiceError(0, response.headers, undefined, new Error(`the answer ${frame}`));
    return { value: jsonOf(frame.head) as T, row: rowOf(frame) };
  }
}

/** In an answer without a frame, vectors are themselves. */
const numbersOf = (named: unknown): Float32Array => Float32Array.from(named as number[]);

const rowOf =
  ({ values, dimensions }: VectorFrame) =>
  (named: unknown): Float32Array =>
    values.slice(Number(named) * dimensions, (Number(named) + 1) * dimensions);

/** Vectors that are no rows of a frame go as their numbers. */
const plain = (_: string, value: unknown): unknown => (value instanceof Float32Array ? [...value] : value);

/** Vectors go as the rows of a frame. */
function contentOf(body: unknown, rows: readonly Vector[]): { readonly type: string; readonly body: string | Uint8Array<ArrayBuffer> } {
  const dimensions = rows[0]?.length ?? 0;
  if (rows.length === 0) return { type: 'application/json', body: JSON.stringify(body, plain) };
  const values = new Float32Array(rows.length * dimensions);
  for (const [row, vector] of rows.entries()) {
    if (vector.length !== dimensions) throw new RangeError(`vectors of one call have one length: ${vector.length} is not ${dimensions}`);
    values.set(vector, row * dimensions);
  }
  return { type: VECTOR_FRAME_TYPE, body: writeFrame(body, values, dimensions) };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));
