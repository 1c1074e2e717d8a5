import type { ErrorCode, WireError } from '../../src/contract/api/errors.ts';

/** What was refused, as data; `unreachable`: no gateway answered. Its message says what is wrong and what to do. */
export class SluiceError extends Error {
  override readonly name = 'SluiceError';
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** Of a model's upstream it may be what that calls its error. */
  readonly code: ErrorCode | 'unreachable' | UpstreamCode;
  /** The field at fault, such as `searches[3].vector`; null: none is. */
  readonly path: string | null;
  /** The limit that was exceeded, and what exceeded it. */
  readonly limit: { readonly name?: string; readonly bound: number } | undefined;
  readonly value: number | undefined;
  /** How many items of a call in slices were done before it was refused. */
  readonly applied: number;
  readonly requestId: string | undefined;
  readonly isRetryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, headers: Headers, body: Partial<WireError> | undefined, cause?: unknown) {
    const { message, code, param = null, limit, value, applied = 0 } = body?.error ?? unexplained(status);
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.code = code;
    this.path = param;
    this.limit = limit;
    this.value = value;
    this.applied = applied;
    this.requestId = body?.request_id ?? headers.get('x-request-id') ?? undefined;
    this.isRetryable = headers.get('x-should-retry') === 'true' || (body?.error === undefined && isPassing(status));
    this.retryAfterMs = retryAfterMs(headers);
  }
}

/** Any other word. */
type UpstreamCode = string & Record<never, never>;

type Told = Omit<Partial<WireError['error']>, 'code' | 'message'> & { readonly code: SluiceError['code']; readonly message: string };

/** What is known of an answer that is not the gateway's, such as that of a proxy, or of none. */
const unexplained = (status: number): Told =>
  status === 0
    ? { code: 'unreachable', message: 'no gateway answers' }
    : { code: 'internal_error', message: `the gateway answered ${status}` };

const isPassing = (status: number): boolean => status === 0 || status >= 500;

function retryAfterMs(headers: Headers): number | undefined {
  const [ms, seconds] = [headers.get('retry-after-ms'), headers.get('retry-after')].map((text) => (text === null ? NaN : Number(text)));
  if (ms !== undefined && Number.isFinite(ms)) return ms;
  return seconds !== undefined && Number.isFinite(seconds) ? seconds * 1000 : undefined;
}
