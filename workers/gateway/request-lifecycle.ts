import type { MiddlewareHandler } from 'hono';

import { goDuration } from '../../src/contract/duration.ts';
import { ERRORS } from '../../src/contract/errors.ts';
import { usd } from '../../src/tenancy/usage/price-book.ts';
import type { AppContext, Variables } from './call.ts';
import { Timing } from './call.ts';
import { compose } from './compose.ts';
import type { GatewayEnv } from './env.ts';
import { requestIdOf } from './http-error.ts';

/** Opens every request with an id and a timer; closes it with headers, one log line and the metrics. */
export const conclude: MiddlewareHandler<{ Bindings: GatewayEnv; Variables: Variables }> = async (context, next) => {
  context.set('requestId', requestIdOf(context.req.raw.headers));
  context.set('timing', new Timing());
  context.set('route', 'unmatched');
  await next();
  writeHeaders(context);
  record(context);
};

function writeHeaders(context: AppContext): void {
  const headers = context.res.headers;
  addPageSecurity(headers, context.get('route'));
  headers.set('x-request-id', context.get('requestId'));
  headers.set('server-timing', context.get('timing').header());
  const costNano = context.get('costNano');
  if (costNano !== undefined) headers.set('x-sluice-cost-usd', usd(BigInt(costNano)));
  const principal = context.get('principal');
  const rates = principal?.kind === 'tenant' ? compose(context.env).budget.rates(principal) : [];
  for (const rate of rates) {
    headers.set(`x-ratelimit-limit-${rate.name}`, String(rate.limit));
    headers.set(`x-ratelimit-remaining-${rate.name}`, String(rate.remaining));
    headers.set(`x-ratelimit-reset-${rate.name}`, goDuration(rate.resetMs));
  }
}

function record(context: AppContext): void {
  const { metrics } = compose(context.env);
  const elapsedMs = context.get('timing').elapsedMs();
  const code = context.get('errorCode');
  const labels = { route: context.get('route'), method: context.req.method, status: context.res.status };
  metrics.count('sluice_requests_total', labels);
  metrics.observe('sluice_request_duration_seconds', { route: labels.route }, elapsedMs / 1000);
  if (code !== undefined) metrics.count('sluice_refusals_total', { code });

  const level = code === undefined ? 'info' : ERRORS[code].level;
  if (context.env.LOG_LEVEL === 'warn' && (level === 'info' || level === 'debug')) return;
  const principal = context.get('principal');
  // Names and sizes only: never the key, the body or a query string.
  console.log(
    JSON.stringify({
      level,
      request_id: context.get('requestId'),
      ...labels,
      code,
      ms: Number(elapsedMs.toFixed(2)),
      tenant: principal?.kind === 'tenant' ? principal.tenantId : principal?.kind,
      key: principal?.kind === 'tenant' ? principal.keyId : undefined,
      bytes: Number(context.req.header('content-length') ?? 0),
    }),
  );
}

/** What pages may do: nothing but what they are made of, and in no frame. */
const LOCKED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** An invoice: text and its own inline style. */
const DOCUMENT_POLICY = `${LOCKED}; style-src 'unsafe-inline'; sandbox allow-modals`;

/** The API's page: scripts, styles and the API itself, all of this origin; small pictures are inlined by the style sheet. */
const DOCS_POLICY = `${LOCKED}; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'`;

/** Headers of every answer: no browser guesses its type, and a page neither runs what is not ours nor is shown inside another. */
export function addPageSecurity(headers: Headers, route: string): void {
  headers.set('x-content-type-options', 'nosniff');
  if (!(headers.get('content-type') ?? '').toLowerCase().startsWith('text/html')) return;
  headers.set('content-security-policy', route === 'asset' ? DOCS_POLICY : DOCUMENT_POLICY);
  headers.set('x-frame-options', 'DENY');
  headers.set('referrer-policy', 'no-referrer');
  headers.set('cross-origin-opener-policy', 'same-origin');
}
