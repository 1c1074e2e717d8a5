import { allows } from '../../src/contract/principal.ts';
import type { Caller, Principal } from '../../src/contract/principal.ts';
import type { Access, Endpoint } from '../../src/contract/endpoint.ts';
import type { Refusal } from '../../src/contract/errors.ts';
import { refusal } from '../../src/contract/errors.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import type { Quantities } from '../../src/contract/meter.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import { parse } from '../../src/contract/parse.ts';
import type { Reservation, UsageLabel } from '../../src/gateway/budget.ts';
import { assert } from '../../src/kernel/assert.ts';
import { ok } from '../../src/kernel/result.ts';
import type { Answer, AppContext, Call, Done } from './call.ts';
import type { Gateway } from './compose.ts';
import { compose } from './compose.ts';
import { HttpError } from './http-error.ts';
import { readBody } from './request-body.ts';

export type Handler<E extends Endpoint> = (call: Call<E>) => Promise<Answer<E>>;

/** An endpoint and the code that answers it. */
export interface Route {
  readonly endpoint: Endpoint;
  readonly handle: (context: AppContext) => Promise<Response>;
}

/** Binds a handler to its endpoint: authenticate, admit, meter, validate, handle, settle, answer; always in this order. */
export const route = <const E extends Endpoint>(endpoint: E, handler: Handler<E>): Route => ({
  endpoint,
  handle: (context) => serve(context, endpoint, handler),
});

async function serve<E extends Endpoint>(context: AppContext, endpoint: E, handler: Handler<E>): Promise<Response> {
  const gateway = compose(context.env);
  context.set('route', endpoint.path);
  const principal = await admit(context, endpoint, gateway);
  context.set('principal', principal);
  const reservation = await reserveRequest(gateway, principal);

  let used: Quantities = { requests: 1 };
  let label: UsageLabel = { route: endpoint.path };
  try {
    const call = await buildCall(context, endpoint, gateway, principal, reservation);
    if (call.idempotencyKey !== undefined) label = { ...label, usageId: call.idempotencyKey };
    const answer = unwrap(await handler(call));
    used = { ...used, ...answer.used };
    if (answer.model !== undefined) label = { ...label, model: answer.model };
    return respond(endpoint, answer);
  } finally {
    context.set('costNano', reservation?.settle(used, label));
    context.set('rates', reservation?.rates() ?? []);
  }
}

/** Who calls, if the endpoint lets them. */
async function admit(context: AppContext, endpoint: Endpoint, gateway: Gateway): Promise<Caller | undefined> {
  const { access } = endpoint;
  const request = context.req.raw;
  if (access.kind === 'public') return undefined;
  if (access.kind === 'agent') return unwrapValue(await gateway.heavy.agents.authenticate(apiKeyOf(request), context.req.param('pool')));
  const principal = unwrapValue(await gateway.authenticator.authenticate(apiKeyOf(request)));
  const denial = deny(principal, access);
  if (denial !== undefined) throw new HttpError(denial);
  return principal;
}

function apiKeyOf(request: Request): string {
  const bearer = /^Bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  const apiKey = bearer ?? request.headers.get('api-key');
  if (apiKey === null) {
    throw new HttpError(refusal('missing_api_key', 'send an API key as "Authorization: Bearer sk_..."'), { 'www-authenticate': 'Bearer' });
  }
  return apiKey;
}

function deny(principal: Principal, access: Exclude<Access, { kind: 'public' | 'agent' }>): Refusal | undefined {
  if (access.kind === 'admin') {
    return principal.kind === 'admin' ? undefined : refusal('scope_denied', 'only the admin key may do this');
  }
  if (access.kind === 'tenant' && principal.kind === 'admin') {
    return refusal('scope_denied', 'the admin key belongs to no tenant: use a key of the tenant');
  }
  if (principal.kind === 'tenant' && principal.withheld?.includes(access.scope)) {
    return refusal('unavailable', `whether the key still has the scope "${access.scope}" cannot be checked now; try again`);
  }
  return allows(principal, access.scope) ? undefined : refusal('scope_denied', `the key lacks the scope "${access.scope}"`);
}

async function reserveRequest(gateway: Gateway, principal: Caller | undefined): Promise<Reservation | undefined> {
  if (principal?.kind !== 'tenant') return undefined;
  return unwrapValue(await gateway.budget.reserve(principal, { requests: 1 }));
}

async function buildCall<E extends Endpoint>(
  context: AppContext,
  endpoint: E,
  gateway: Gateway,
  principal: Caller | undefined,
  reservation: Reservation | undefined,
): Promise<Call<E>> {
  const request = context.req.raw;
  const params = endpoint.params === undefined ? undefined : unwrapValue(parse(endpoint.params, context.req.param()));
  const query = endpoint.query === undefined ? undefined : unwrapValue(parse(endpoint.query, context.req.query()));
  const body = unwrapValue(await readBody(request, endpoint.body));
  const call = {
    gateway,
    principal,
    params,
    query,
    body,
    request,
    headers: request.headers,
    requestId: context.get('requestId'),
    timing: context.get('timing'),
    idempotencyKey: endpoint.idempotent ? idempotencyKeyOf(request) : undefined,
    waitUntil: (work: Promise<unknown>) => context.executionCtx.waitUntil(work),
    reserve: (quantities: Quantities) => reservation?.extend(quantities) ?? Promise.resolve(ok(undefined)),
  };
  // The endpoint's own schemas produced these values, which the conditional types of `Call` cannot see.
  return call as unknown as Call<E>;
}

function idempotencyKeyOf(request: Request): string | undefined {
  const key = request.headers.get('idempotency-key');
  if (key === null) return undefined;
  if (!/^[\x21-\x7e]+$/.test(key) || key.length > LIMITS.idempotencyKeyCharsMax) {
    throw new HttpError(
      refusal(
        'invalid_value',
        `idempotency-key must be 1 to ${LIMITS.idempotencyKeyCharsMax} visible ASCII characters, not ${key.length}`,
        'idempotency-key',
      ),
    );
  }
  return key;
}

function unwrapValue<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new HttpError(outcome.error);
  return outcome.value;
}

function unwrap<E extends Endpoint>(answer: Answer<E>): Done<E> {
  if (!answer.ok) throw new HttpError(answer.error);
  return answer;
}

function respond<E extends Endpoint>(endpoint: E, answer: Done<E>): Response {
  const init = { status: endpoint.status, headers: { ...answer.headers } };
  switch (endpoint.reply.kind) {
    case 'none':
      return new Response(null, init);
    case 'json':
      return Response.json(answer.reply, init);
    case 'bytes':
      assert(answer.reply !== undefined, 'a bytes endpoint answers bytes');
      return new Response(answer.reply as BodyInit, {
        ...init,
        headers: { 'content-type': endpoint.reply.contentType, ...init.headers },
      });
  }
}
