import { ERRORS, messageOf, wireError } from '../../src/contract/errors.ts';
import type { Refusal } from '../../src/contract/errors.ts';
import type { Surface } from '../../src/contract/surface.ts';
import { qdrantError } from '../../src/contract/surface.ts';
import type { Outcome } from '../../src/contract/outcome.ts';

/** A refusal thrown out of middleware; `app.onError` turns it into the one error shape. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly refusal: Refusal;
  readonly headers: Readonly<Record<string, string>>;

  constructor(refusal: Refusal, headers: Readonly<Record<string, string>> = {}) {
    super(messageOf(refusal));
    this.refusal = refusal;
    this.headers = headers;
  }
}

/** The value of an outcome; throws a refusal. */
export function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new HttpError(outcome.error);
  return outcome.value;
}

/** The error body of the API that was called, and the retry headers that its clients obey. */
export function errorResponse(
  error: Refusal,
  requestId: string,
  surface: Surface,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const { retryable } = ERRORS[error.code];
  const retry: Record<string, string> = { 'x-should-retry': String(retryable) };
  if (error.retryAfterMs !== undefined) {
    retry['retry-after-ms'] = String(error.retryAfterMs);
    retry['retry-after'] = String(Math.ceil(error.retryAfterMs / 1000));
  }
  const { status, body } =
    surface === 'qdrant' ? qdrantError(error, requestId) : { status: ERRORS[error.code].status, body: wireError(error, requestId) };
  return Response.json(body, { status, headers: { ...retry, ...headers } });
}
