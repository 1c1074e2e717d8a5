import type { Endpoint } from '../../src/contract/endpoint.ts';
import type { EndpointName, ENDPOINTS } from '../../src/contract/endpoints.ts';
import { ok } from '../../src/kernel/result.ts';
import type { Quantities } from '../../src/contract/meter.ts';
import { parse } from '../../src/contract/parse.ts';
import type { Caller } from '../../src/contract/principal.ts';
import { touchedBy } from '../../src/contract/touched-resources.ts';
import type { Reservation, UsageLabel } from '../../src/gateway/budget.ts';
import { mayTouch } from '../../src/gateway/authority.ts';
import type { Admission } from './admission.ts';
import { admit } from './admission.ts';
import { BodyIntake, bodyOwner } from './body-intake.ts';
import type { Answer, AppContext, Call } from './call.ts';
import type { Gateway } from './compose.ts';
import { compose } from './compose.ts';
import { checkUrlText, eachOnce, idempotencyKeyOf } from './request-fields.ts';
import { HttpError, valueOf } from './http-error.ts';
import { readBody } from './request-body.ts';
import { respond } from './respond.ts';

export type Handler<E extends Endpoint> = (call: Call<E>) => Promise<Answer<E>>;

/** What answers each endpoint, by its name in the endpoint table. The routes of a resource give a part of it. */
export type Handlers = { readonly [Name in EndpointName]: Handler<(typeof ENDPOINTS)[Name]> };

/** An endpoint and the code that answers it. */
export interface Route {
  readonly endpoint: Endpoint;
  readonly handle: (context: AppContext) => Promise<Response>;
}

/** Binds a handler to its endpoint: authenticate, admit, meter, validate, handle, settle, answer; always in this order. */
export const route = <const E extends Endpoint>(endpoint: E, handler: Handler<E>): Route => ({
  endpoint,
  handle: (context) => {
    const served = serve(context, endpoint, handler);
    // When its client goes away, the platform ends a request that nothing is waited for: what it holds would never be given back.
    if (endpoint.body.kind !== 'none') context.executionCtx.waitUntil(served.catch(() => undefined));
    return served;
  },
});

async function serve<E extends Endpoint>(context: AppContext, endpoint: E, handler: Handler<E>): Promise<Response> {
  const gateway = compose(context.env);
  // `cf` is the platform's word only where the platform receives the request.
  if (context.env.PEER_ADDRESS === undefined) gateway.region.see(context.req.raw);
  context.set('route', endpoint.path);
  const admission = await admit(context, endpoint, gateway);
  const principal = admission?.caller;
  context.set('principal', principal);
  const reservation = await reserveRequest(gateway, principal);
  const intake = new BodyIntake(gateway.bodies, context.req.raw, bodyOwner(principal));

  let used: Quantities = { requests: 1 };
  let label: UsageLabel = { route: endpoint.path };
  try {
    const call = await buildCall(context, endpoint, gateway, admission, reservation, intake);
    const answer = await handler(call);
    used = { ...used, ...answer.used };
    if (!answer.ok) throw new HttpError(answer.error);
    const { model, usageId } = answer;
    label = { ...label, ...(model === undefined ? {} : { model }), ...(usageId === undefined ? {} : { usageId }) };
    return respond(context.req.raw, endpoint, answer);
  } finally {
    intake.release();
    context.set('costNano', reservation?.settle(used, label));
  }
}

/** A key that is restricted to some resources touches no other. */
function checkResources(endpoint: Endpoint, principal: Caller | undefined, params: unknown, body: unknown): void {
  if (principal?.kind === 'tenant' && principal.resources !== undefined) valueOf(mayTouch(principal, touchedBy(endpoint, params, body)));
}

const queryOf = (request: Request): unknown => valueOf(eachOnce(new URL(request.url).searchParams));

const headersOf = (request: Request, shape: object): Record<string, string | undefined> =>
  Object.fromEntries(Object.keys(shape).map((name) => [name, request.headers.get(name) ?? undefined]));

async function reserveRequest(gateway: Gateway, principal: Caller | undefined): Promise<Reservation | undefined> {
  if (principal?.kind !== 'tenant') return undefined;
  return valueOf(await gateway.budget.reserve(principal, { requests: 1 }));
}

async function buildCall<E extends Endpoint>(
  context: AppContext,
  endpoint: E,
  gateway: Gateway,
  admission: Admission | undefined,
  reservation: Reservation | undefined,
  intake: BodyIntake,
): Promise<Call<E>> {
  const principal = admission?.caller;
  const request = context.req.raw;
  valueOf(checkUrlText(request.url, endpoint.path));
  const params = endpoint.params === undefined ? undefined : valueOf(parse(endpoint.params, context.req.param(), 'path'));
  const query = endpoint.query === undefined ? undefined : valueOf(parse(endpoint.query, queryOf(request), 'query'));
  const options =
    endpoint.headers === undefined ? undefined : valueOf(parse(endpoint.headers, headersOf(request, endpoint.headers.shape), 'headers'));
  const body = valueOf(await readBody(request, endpoint.body, intake));
  // The body may have taken its time, in which the key was revoked.
  if (admission?.authority !== undefined) valueOf(await admission.authority.lease());
  checkResources(endpoint, principal, params, body);
  const call = {
    gateway,
    principal,
    authority: admission?.authority,
    params,
    query,
    options,
    body,
    request,
    headers: request.headers,
    requestId: context.get('requestId'),
    timing: context.get('timing'),
    idempotencyKey: endpoint.idempotent ? valueOf(idempotencyKeyOf(request)) : undefined,
    waitUntil: (work: Promise<unknown>) => context.executionCtx.waitUntil(work),
    reserve: (quantities: Quantities) => reservation?.extend(quantities) ?? Promise.resolve(ok(undefined)),
  };
  // The endpoint's own schemas produced these values, which the conditional types of `Call` cannot see.
  return call as unknown as Call<E>;
}
