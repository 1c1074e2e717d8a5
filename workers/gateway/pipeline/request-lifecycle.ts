import { platformFault } from '../../../durable-objects/platform-fault.ts';
import { callCounter } from '../../../src/contract/tenancy/call-tally.ts';
import { goDuration } from '../../../src/contract/api/duration.ts';
import type { ErrorCode, Refusal } from '../../../src/contract/api/errors.ts';
import { countedStatus, ERRORS, refusal, statusOf } from '../../../src/contract/api/errors.ts';
import type { Caller } from '../../../src/contract/api/principal.ts';
import { usd } from '../../../src/tenancy/usage/price-book.ts';
import { drain } from './body-intake.ts';
import { preflightAnswer, shareWithPages } from './cross-origin.ts';
import type { ServingEnv } from '../env.ts';
import type { AppContext, Draft } from './exchange.ts';
import { Exchange, sent } from './exchange.ts';
import { errorDraft, HttpError } from './http-error.ts';
import { requestIdHeaders } from './request-id.ts';
import type { Serving } from './serving.ts';

/** Answers a request; what it throws becomes an error of the API that was called. */
export type Work = (context: AppContext, exchange: Exchange) => Promise<Draft>;

/** What Hono calls. */
export type Answer<Env extends ServingEnv> = (context: AppContext<Env>) => Promise<Response>;

/** Opens every request with an id and a timer; closes it with headers, one log line and the metrics: of a stream when that has ended. */
export const concluded =
  <Env extends ServingEnv>(compose: (env: Env) => Serving, work: Work): Answer<Env> =>
  async (context) => {
    const exchange = new Exchange(context.req.raw, compose(context.env));
    // What answers sees the settings that all Workers have.
    const settled = context as unknown as AppContext;
    const draft = await draftFrom(settled, exchange, work);
    writeHeaders(exchange, draft.headers);
    shareWithPages(exchange, draft);
    const elapsedMs = exchange.timing.elapsedMs();
    const ended = exchange.settleStream?.();
    if (ended === undefined) record(settled, exchange, draft.status, elapsedMs);
    else context.executionCtx.waitUntil(recordStream(settled, exchange, draft.status, elapsedMs, ended));
    return sent(draft);
  };

/** The same for a request that holds something, which is given back at its end: its client may go away before, and it goes on. */
export function outlivingItsClient<Env extends ServingEnv>(answer: Answer<Env>): Answer<Env> {
  return (context) => {
    const answered = answer(context);
    // The platform ends a request that nothing is waited for. It reports what is thrown, which the caller of this does, too.
    context.executionCtx.waitUntil(answered);
    return answered;
  };
}

async function draftFrom(context: AppContext, exchange: Exchange, work: Work): Promise<Draft> {
  try {
    if (exchange.request.method === 'OPTIONS') return (await preflightAnswer(context, exchange)) ?? (await work(context, exchange));
    return await work(context, exchange);
  } catch (error) {
    // What is no error is answered by the one around the app.
    if (!(error instanceof Error)) throw error;
    return failed(exchange, error);
  }
}

async function failed(exchange: Exchange, error: Error): Promise<Draft> {
  const { request, requestId, surface } = exchange;
  await drain(request);
  const refused = error instanceof HttpError ? error.refusal : platformFault(error);
  if (refused !== undefined) {
    exchange.errorCode = refused.code;
    exchange.serving.readiness.sawRefusal(refused);
    const isOurs = error instanceof HttpError;
    if (!isOurs) console.error(JSON.stringify({ level: 'error', request_id: requestId, code: refused.code, message: error.message }));
    return errorDraft(await paced(exchange, refused), requestId, surface, isOurs ? error.headers : {});
  }
  exchange.errorCode = 'internal_error';
  console.error(JSON.stringify({ level: 'error', request_id: requestId, message: error.message, stack: error.stack }));
  return errorDraft(refusal('internal_error', 'an internal error; quote the request id to support'), requestId, surface);
}

/**
 * The refusal of a queue or a limiter, when its turn has come to be answered: refusing takes a small share of an isolate's time. [G88] What an upstream has
 * answered to the call itself goes out as it is.
 */
async function paced({ principal, serving }: Exchange, refused: Refusal): Promise<Refusal> {
  if (refused.upstream !== undefined && refused.upstream.isRepeated !== true) return refused;
  const status = statusOf(refused);
  if (status !== BUSY && status !== LIMITED) return refused;
  const { refusals, clock, bodies } = serving;
  const { holdMs, retryAfterMs } = refusals.next(refusedOf(principal), refused.retryAfterMs, clock.nowMs());
  if (holdMs > 0) await new Promise<void>((resolve) => void bodies.timer.after(holdMs, resolve));
  return retryAfterMs === undefined ? refused : { ...refused, retryAfterMs };
}

/** Whose refusals are paced together. */
function refusedOf(caller: Caller | undefined): string {
  if (caller?.kind === 'tenant') return caller.tenantId;
  return caller?.kind === 'agent' ? caller.poolId : (caller?.kind ?? 'unknown');
}

const LIMITED = 429;
const BUSY = 503;

function writeHeaders({ serving, route, requestId, surface, timing, costNano, principal }: Exchange, headers: Draft['headers']): void {
  addPageSecurity(headers, route);
  Object.assign(headers, requestIdHeaders(surface, requestId));
  headers['server-timing'] = timing.header();
  if (costNano !== undefined) headers['x-sluice-cost-usd'] = usd(costNano);
  // The limits that an upstream's error is about are those of the upstream.
  if (principal?.kind !== 'tenant' || Object.keys(headers).some((name) => name.startsWith('x-ratelimit-'))) return;
  for (const { name, limit, remaining, resetMs } of serving.budget.rates(principal)) {
    headers[`x-ratelimit-limit-${name}`] = String(limit);
    headers[`x-ratelimit-remaining-${name}`] = String(remaining);
    headers[`x-ratelimit-reset-${name}`] = goDuration(resetMs);
  }
}

/** A stream that broke off has the status of what broke it: its caller was told another before that was known. [U192] */
async function recordStream(
  context: AppContext,
  exchange: Exchange,
  status: number,
  elapsedMs: number,
  ended: Promise<ErrorCode | undefined>,
): Promise<void> {
  exchange.errorCode = await ended;
  record(context, exchange, exchange.errorCode === undefined ? status : ERRORS[exchange.errorCode].status, elapsedMs);
}

/** `elapsedMs`: until the answer began. */
function record({ env, req }: AppContext, exchange: Exchange, status: number, elapsedMs: number): void {
  const { route, principal, errorCode: code, requestId, request } = exchange;
  const { metrics, countCall, refusals } = exchange.serving;
  const labels = { route, method: request.method, status };
  metrics.count('sluice_requests_total', labels);
  metrics.observe('sluice_request_duration_seconds', { route }, elapsedMs / 1000);
  if (code !== undefined) metrics.count('sluice_refusals_total', { code });
  else refusals.served();
  const counter = callCounter(countedStatus(status, code), elapsedMs);
  if (principal?.kind === 'tenant' && counter !== undefined) countCall(principal, `${request.method} ${route}`, counter);

  const level = code === undefined ? 'info' : ERRORS[code].level;
  if (env.LOG_LEVEL === 'warn' && (level === 'info' || level === 'debug')) return;
  // Names and sizes only: never the key, the body or a query string.
  console.log(
    JSON.stringify({
      level,
      request_id: requestId,
      ...labels,
      code,
      ms: Number(elapsedMs.toFixed(2)),
      tenant: principal?.kind === 'tenant' ? principal.tenantId : principal?.kind,
      key: principal?.kind === 'tenant' ? principal.keyId : undefined,
      bytes: Number(req.header('content-length') ?? 0),
    }),
  );
}

/** What pages may do: nothing but what they are made of, and in no frame. */
const LOCKED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** An invoice: text and its own inline style. */
const DOCUMENT_POLICY = `${LOCKED}; style-src 'unsafe-inline'; sandbox allow-modals`;

/** The API's page: scripts, styles and the API itself, all of this origin; small pictures are inlined by the style sheet. */
const DOCS_POLICY = `${LOCKED}; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'`;

/** The same for the page that embeds: its scripts, and no others, compile WebAssembly. */
const SDK_POLICY = DOCS_POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'");

const PAGE_POLICIES: Readonly<Record<string, string>> = { asset: DOCS_POLICY, sdk: SDK_POLICY };

/** Headers of every answer: no browser guesses its type, and a page neither runs what is not ours nor is shown inside another. */
function addPageSecurity(headers: Draft['headers'], route: string): void {
  headers['x-content-type-options'] = 'nosniff';
  if (!(headers['content-type'] ?? '').toLowerCase().startsWith('text/html')) return;
  headers['content-security-policy'] = PAGE_POLICIES[route] ?? DOCUMENT_POLICY;
  headers['x-frame-options'] = 'DENY';
  headers['referrer-policy'] = 'no-referrer';
  headers['cross-origin-opener-policy'] = 'same-origin';
}
