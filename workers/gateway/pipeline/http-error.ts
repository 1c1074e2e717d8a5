import type { Refusal } from '../../../src/contract/api/errors.ts';
import { isRetryable, messageOf, refusal, statusOf, wireError } from '../../../src/contract/api/errors.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { Surface } from '../../../src/contract/api/surface.ts';
import { qdrantError } from '../../../src/contract/qdrant/qdrant-error.ts';
import { anthropicError, cohereError, jinaError, kserveError, surfaceOf, teiError } from '../../../src/contract/api/surface.ts';
import type { Draft } from './exchange.ts';
import { jsonDraft, sent } from './exchange.ts';
import { requestIdHeaders, requestIdOf } from './request-id.ts';

/** A refusal thrown out of middleware; `app.onError` turns it into the one error shape. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly refusal: Refusal;
  readonly headers: Readonly<Record<string, string>>;

  constructor(reason: Refusal, headers: Readonly<Record<string, string>> = {}) {
    super(messageOf(reason));
    this.refusal = reason;
    this.headers = headers;
  }
}

/** The value of an outcome; throws a refusal. */
export function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new HttpError(outcome.error);
  return outcome.value;
}

/** The error body of the API that was called, and the retry headers that its clients obey. */
export function errorDraft(error: Refusal, requestId: string, surface: Surface, headers: Readonly<Record<string, string>> = {}): Draft {
  const retry: Record<string, string> = { 'x-should-retry': String(isRetryable(error)) };
  if (error.retryAfterMs !== undefined) {
    retry['retry-after-ms'] = String(error.retryAfterMs);
    retry['retry-after'] = String(Math.ceil(error.retryAfterMs / 1000));
  }
  const { status, body } = surface === 'qdrant' ? qdrantError(error, requestId) : ofTable(error, requestId, surface);
  return jsonDraft(status, JSON.stringify(body), { ...retry, ...ofUpstream(error), ...headers });
}

/** Which model of which upstream has answered so, and what that says of its limits. [U205] */
const ofUpstream = ({ upstream }: Refusal): Record<string, string> =>
  upstream === undefined ? {} : { ...upstream.rateHeaders, 'x-sluice-model': upstream.target };

const ofTable = (error: Refusal, requestId: string, surface: Exclude<Surface, 'qdrant'>) => ({
  status: statusOf(error),
  body: (ERROR_SHAPES[surface] ?? wireError)(error, requestId),
});

const ERROR_SHAPES: { readonly [S in Surface]?: (error: Refusal, requestId: string) => object } = {
  kserve: kserveError,
  anthropic: anthropicError,
  cohere: cohereError,
  jina: jinaError,
  tei: teiError,
};

type Serve<Rest extends unknown[]> = (request: Request, ...rest: Rest) => Response | Promise<Response>;

/**
 * The same, but whatever it throws is answered in the one error shape (G34). The app answers what its routes throw; this is for what its
 * own error handling does, and for values that are no errors. Otherwise the runtime would answer with a bare text.
 */
export function alwaysAnswer<Rest extends unknown[]>(serve: Serve<Rest>): (request: Request, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    try {
      return await serve(request, ...rest);
    } catch (thrown) {
      const requestId = requestIdOf(request.headers);
      const { message, stack } = thrown instanceof Error ? thrown : { message: String(thrown), stack: undefined };
      console.error(JSON.stringify({ level: 'error', request_id: requestId, message, stack }));
      const error = refusal('internal_error', 'an internal error; quote the request id to support');
      const surface = surfaceOf(new URL(request.url).pathname, request.headers);
      return sent(errorDraft(error, requestId, surface, requestIdHeaders(surface, requestId)));
    }
  };
}
