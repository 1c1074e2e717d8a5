import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';

import { admitsOrigin, mayAdmitOrigin } from '../../src/contract/cross-origin.ts';
import { refusal } from '../../src/contract/errors.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import type { Caller } from '../../src/contract/principal.ts';
import type { AppContext, Variables } from './call.ts';
import { compose } from './compose.ts';
import type { GatewayEnv } from './env.ts';
import { HttpError } from './http-error.ts';

type Middleware = MiddlewareHandler<{ Bindings: GatewayEnv; Variables: Variables }>;

/** Headers that every page may read anyway, or that are about sharing itself. */
const UNNAMED = /^(?:access-control-|cache-control$|content-(?:language|length|type)$|expires$|last-modified$|pragma$|vary$)/;

/** The origin of the page that calls, if it is not one of the gateway's own. */
function foreignOrigin({ headers, url }: Request): string | undefined {
  const origin = headers.get('origin');
  // Where TLS ends before the gateway the schemes differ.
  return origin === null || origin.replace(/^[a-z]+:\/\//, '') === new URL(url).host ? undefined : origin;
}

/** Before anything is done for a page. */
export function checkOrigin(caller: Caller, { env, req }: AppContext): void {
  const { crossOrigin: policy } = compose(env);
  const origin = foreignOrigin(req.raw);
  if (policy === undefined || origin === undefined || admitsOrigin(policy, origin, originsOf(caller))) return;
  throw new HttpError(refusal('origin_denied', 'the API key may not be used by pages of this origin'));
}

const originsOf = (caller: Caller): readonly string[] | null => (caller.kind === 'tenant' ? (caller.origins ?? null) : null);

/** Lets pages read answers, with all of their headers. The outermost middleware, for it names what the others set. */
export const shareAnswers: Middleware = async (context, next) => {
  await next();
  const policy = compose(context.env).crossOrigin;
  if (policy === undefined || isPreflight(context.req.raw)) return;
  const { headers } = context.res;
  headers.append('vary', 'origin');
  const origin = foreignOrigin(context.req.raw);
  const caller = context.get('principal');
  // Of a call without a key, or refused before it was known, nothing is shared that others may not see.
  if (origin === undefined || !(caller === undefined ? mayAdmitOrigin(policy, origin) : admitsOrigin(policy, origin, originsOf(caller))))
    return;
  headers.set('access-control-allow-origin', origin);
  headers.set('access-control-expose-headers', [...headers.keys()].filter((name) => !UNNAMED.test(name)).join(', '));
};

/** Answers browsers that ask whether a page may make a call. Headers may be any: clients add their own, and ours are checked when they come. */
export const answerPreflights: Middleware = (context, next) => {
  const policy = compose(context.env).crossOrigin;
  if (policy === undefined || !isPreflight(context.req.raw)) return next();
  context.set('route', 'preflight');
  return answer(context, next);
};

const answer: Middleware = cors({
  origin: (origin, { env }) => {
    const { crossOrigin: policy } = compose(env as GatewayEnv);
    return policy !== undefined && mayAdmitOrigin(policy, origin) ? origin : null;
  },
  allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  maxAge: LIMITS.preflightMaxAgeS,
});

const isPreflight = ({ method, headers }: Request): boolean =>
  method === 'OPTIONS' && headers.has('origin') && headers.has('access-control-request-method');
