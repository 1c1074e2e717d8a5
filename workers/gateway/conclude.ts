import type { MiddlewareHandler } from 'hono';

import { goDuration } from '../../src/contract/duration.ts';
import { ERRORS } from '../../src/contract/errors.ts';
import { usd } from '../../src/tenancy/usage/price-book.ts';
import type { AppContext, Variables } from './call.ts';
import { compose } from './compose.ts';
import type { GatewayEnv } from './env.ts';
import { addPageSecurity } from './page-security.ts';
import { requestIdOf } from './request-id.ts';
import { Timing } from './timing.ts';

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
