import { cors } from 'hono/cors';

import type { CrossOriginPolicy } from '../../../src/contract/api/cross-origin.ts';
import { admitsOrigin, mayAdmitOrigin } from '../../../src/contract/api/cross-origin.ts';
import { refusal } from '../../../src/contract/api/errors.ts';
import { API_LIMITS } from '../../../src/contract/api/api-limits.ts';
import type { Caller } from '../../../src/contract/api/principal.ts';
import type { AppContext, Draft, Exchange } from './exchange.ts';
import { draftOf } from './exchange.ts';
import { HttpError } from './http-error.ts';

/** Headers that every page may read anyway, or that are about sharing itself. */
const UNNAMED = /^(?:access-control-|cache-control$|content-(?:language|length|type)$|expires$|last-modified$|pragma$|vary$)/;

/** The origin of the page that calls, if it is not one of the gateway's own. */
function foreignOrigin({ headers, url }: Request): string | undefined {
  const origin = headers.get('origin');
  // Where TLS ends before the gateway the schemes differ.
  return origin === null || origin.replace(/^[a-z]+:\/\//, '') === new URL(url).host ? undefined : origin;
}

/** Before anything is done for a page. */
export function checkOrigin(caller: Caller, policy: CrossOriginPolicy | undefined, request: Request): void {
  if (policy === undefined) return;
  const origin = foreignOrigin(request);
  if (origin === undefined || admitsOrigin(policy, origin, originsOf(caller))) return;
  throw new HttpError(refusal('origin_denied', 'the API key may not be used by pages of this origin'));
}

const originsOf = (caller: Caller): readonly string[] | null => (caller.kind === 'tenant' ? (caller.origins ?? null) : null);

/** Lets pages read an answer, with all of its headers: it is called when they are complete. */
export function shareWithPages({ request, principal, serving }: Exchange, { headers }: Draft): void {
  const policy = serving.crossOrigin;
  if (policy === undefined || isPreflight(request)) return;
  headers['vary'] = varyingBy(headers, 'origin');
  const origin = foreignOrigin(request);
  // Of a call without a key, or refused before it was known, nothing is shared that others may not see.
  const admits = (page: string): boolean =>
    principal === undefined ? mayAdmitOrigin(policy, page) : admitsOrigin(policy, page, originsOf(principal));
  if (origin === undefined || !admits(origin)) return;
  headers['access-control-allow-origin'] = origin;
  const named = Object.keys(headers).filter((name) => !UNNAMED.test(name));
  headers['access-control-expose-headers'] = named.toSorted().join(', ');
}

export const varyingBy = ({ vary }: Readonly<Record<string, string>>, name: string): string =>
  vary === undefined ? name : `${vary}, ${name}`;

/**
 * The answer to a browser that asks whether a page may make a call, if that is what the request is. Headers may be any: clients add their own,
 * and ours are checked when they come.
 */
export async function preflightAnswer(context: AppContext, exchange: Exchange): Promise<Draft | undefined> {
  const policy = exchange.serving.crossOrigin;
  if (!isPreflight(exchange.request) || policy === undefined) return undefined;
  exchange.route = 'preflight';
  const answer = cors({
    origin: (origin) => (mayAdmitOrigin(policy, origin) ? origin : null),
    allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    maxAge: API_LIMITS.preflightMaxAgeS,
  });
  const answered = await answer(context, () => Promise.resolve());
  return draftOf(answered instanceof Response ? answered : context.res);
}

const isPreflight = ({ method, headers }: Request): boolean =>
  method === 'OPTIONS' && headers.has('origin') && headers.has('access-control-request-method');
