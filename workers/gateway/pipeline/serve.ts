import { API_LIMITS } from '../../../src/contract/api/api-limits.ts';
import type { Endpoint } from '../../../src/contract/api/endpoint.ts';
import { isAnsweredUnpaid } from '../../../src/contract/api/endpoint.ts';
import type { ErrorCode } from '../../../src/contract/api/errors.ts';
import type { EndpointName, ENDPOINTS } from '../../../src/contract/endpoints.ts';
import { must } from '../../../src/kernel/assert.ts';
import { err, ok } from '../../../src/kernel/result.ts';
import type { Quantities } from '../../../src/contract/api/meter.ts';
import type { Caller, TenantPrincipal } from '../../../src/contract/api/principal.ts';
import { DEADLINE_HEADER } from '../../../src/contract/api/reading.ts';
import { touchedBy } from '../../../src/contract/tenancy/touched-resources.ts';
import type { Budget, Reservation, UsageLabel } from '../../../src/gateway/tenancy/budget.ts';
import type { Leave } from '../../../src/gateway/api/work-gate.ts';
import { mayTouch } from '../../../src/gateway/tenancy/authority.ts';
import { AddressReader } from './address-reader.ts';
import type { Admission } from './admission.ts';
import { admit } from './admission.ts';
import { BodyIntake, bodyOwner } from './body-intake.ts';
import type { Answer, Call, Done, HandOver, Refused, Taken, TakingRoute } from './call.ts';
import type { AppContext, Draft, Exchange, Timing } from './exchange.ts';
import { HttpError, valueOf } from './http-error.ts';
import { idempotencyKeyOf } from './request-fields.ts';
import { bodyOf, readBody } from './request-body.ts';
import type { Work } from './request-lifecycle.ts';
import type { Serving } from './serving.ts';
import { respond } from './respond.ts';
import type { AuthorityEnd } from '../../../src/contract/tenancy/authority-end.ts';
import { unlessEnded } from '../../../src/contract/tenancy/authority-end.ts';
import { vectorWriterFor } from './vector-writer.ts';

export type Handler<E extends Endpoint> = (call: Call<E>) => Promise<Answer<E>>;

/** What answers each endpoint, by its name in the endpoint table. The routes of a resource give a part of it. */
export type Handlers = { readonly [Name in EndpointName]: Handler<(typeof ENDPOINTS)[Name]> };

/** What answers a table of endpoints: one without a handler does not compile. */
export type HandlersOf<Table extends Readonly<Record<string, Endpoint>>> = { readonly [Name in keyof Table]: Handler<Table[Name]> };

/** The routes of a table of endpoints, in its order. */
export const routesOf = <Table extends Readonly<Record<string, Endpoint>>>(endpoints: Table, handlers: HandlersOf<Table>): Route[] =>
  (Object.keys(handlers) as (keyof Table & string)[]).map((name) => {
    const endpoint = must<Endpoint>(endpoints[name], 'a handler is named after its endpoint');
    return route(endpoint, handlers[name] as unknown as Handler<Endpoint>);
  });

/** An endpoint and the code that answers it. */
export interface Route extends TakingRoute {
  readonly endpoint: Endpoint;
  readonly work: Work;
}

/** Binds a handler to its endpoint: authenticate, admit, meter, validate, handle, settle, answer; always in this order. */
export function route<const E extends Endpoint>(endpoint: E, handler: Handler<E>): Route {
  const bound = { endpoint, handler, address: new AddressReader(endpoint) };
  return {
    endpoint,
    work: (context, exchange) => serve(context, exchange, bound),
    take: (context, exchange, taken) => serve(context, exchange, bound, taken),
  };
}

interface Bound<E extends Endpoint> {
  readonly endpoint: E;
  readonly handler: Handler<E>;
  readonly address: AddressReader;
}

async function serve<E extends Endpoint>(context: AppContext, exchange: Exchange, bound: Bound<E>, taken?: Taken): Promise<Draft> {
  const { endpoint } = bound;
  const serving = taken?.serving ?? exchange.serving;
  // `cf` is the platform's word only where the platform receives the request.
  if (context.env.PEER_ADDRESS === undefined) serving.region.see(exchange.request);
  exchange.route = endpoint.path;
  const admission = await admit(context, endpoint, serving);
  const principal = admission?.caller;
  exchange.principal = principal;
  if (taken !== undefined || principal?.kind !== 'tenant') return serveAdmitted(context, exchange, bound, admission, taken);
  const leave = await enter(exchange, principal);
  let isServed = false;
  try {
    const draft = await serveAdmitted(context, exchange, bound, admission, taken);
    isServed = true;
    return draft;
  } finally {
    leave(isServed);
  }
}

/** Waits at the gate of the isolate. */
async function enter({ serving, request, timing }: Exchange, { tenantId }: TenantPrincipal): Promise<Leave> {
  const budgetMs = Number(request.headers.get(DEADLINE_HEADER) ?? Number.NaN);
  const leftMs = Number.isFinite(budgetMs) ? budgetMs : API_LIMITS.queryDeadlineMaxMs;
  return valueOf(await serving.gate.pass(tenantId, leftMs - timing.elapsedMs()));
}

/** The options of a call, with what is left of its caller's time now. */
function stillLeft(options: unknown, timing: Timing): unknown {
  if (typeof options !== 'object' || options === null || !(DEADLINE_HEADER in options)) return options;
  const budgetMs = options[DEADLINE_HEADER];
  return typeof budgetMs === 'number' ? { ...options, [DEADLINE_HEADER]: Math.max(1, budgetMs - Math.floor(timing.elapsedMs())) } : options;
}

async function serveAdmitted<E extends Endpoint>(
  context: AppContext,
  exchange: Exchange,
  bound: Bound<E>,
  admission: Admission | undefined,
  taken: Taken | undefined,
): Promise<Draft> {
  const { endpoint } = bound;
  const serving = taken?.serving ?? exchange.serving;
  const principal = admission?.caller;
  const reservation = await reserveRequest(endpoint, serving.budget, principal);
  const intake = taken === undefined ? intakeOf(endpoint, exchange.request, serving, principal) : undefined;
  const bill: Bill<E> = { used: ONE_REQUEST, label: { route: endpoint.path } };
  // The other route reserves and counts the request: a caller with one left gets it.
  const handOver: HandOver = (to, what) => {
    bill.isHandedOver = true;
    reservation?.settle(NOTHING, bill.label);
    return to.take(context, exchange, what);
  };
  try {
    const call = await buildCall(context, exchange, bound, { admission, reservation, intake, serving, taken, handOver });
    const answer = await watched(endpoint, admission?.authority?.end, bound.handler(call), (handled) => {
      bill.isSettledLater = true;
      context.executionCtx.waitUntil(settleUnsent(bill, reservation, exchange, handled));
    });
    if ('handedOver' in answer) return answer.handedOver;
    note(bill, answer);
    if (!answer.ok) throw new HttpError(answer.error);
    const draft = respond(exchange.request, endpoint, answer, call.vectors);
    bill.settlesLater = answer.settlesLater;
    return draft;
  } finally {
    intake?.release();
    if (bill.isHandedOver !== true && bill.isSettledLater !== true) settle(bill, reservation, exchange);
  }
}

/** The answer of a handler, or the refusal as soon as the caller's right ends: then `unsent` takes what the handler comes to. [T121] */
async function watched<E extends Endpoint>(
  { body }: E,
  end: AuthorityEnd | undefined,
  handled: Promise<Answer<E>>,
  unsent: (handled: Promise<Answer<E>>) => void,
): Promise<Answer<E>> {
  // A form is read by its handler, which asks once it is there.
  if (end === undefined || body.kind === 'multipart') return handled;
  const letGo = end.hold();
  try {
    return await unlessEnded<Answer<E>>(end, handled, (why) => {
      unsent(handled);
      return err(why);
    });
  } finally {
    letGo();
  }
}

/** What a call is charged, as far as its answer has said. */
interface Bill<E extends Endpoint> {
  used: Quantities;
  label: UsageLabel;
  besides?: Done<E>['besides'];
  settlesLater?: Done<E>['settlesLater'];
  onSettled?: Done<E>['onSettled'];
  isHandedOver?: true;
  /** The caller's right has ended, and the handler has yet to say what it has consumed. */
  isSettledLater?: true;
}

function note<E extends Endpoint>(bill: Bill<E>, answer: Done<E> | Refused<E>): void {
  const { model, besides, onSettled } = answer;
  bill.used = { ...bill.used, ...answer.used };
  bill.besides = besides;
  bill.onSettled = onSettled;
  if (model !== undefined) bill.label = { ...bill.label, model };
  if (answer.ok && answer.usageId !== undefined) bill.label = { ...bill.label, usageId: answer.usageId };
}

/** Settles a call whose answer is not sent, once its handler is done. */
async function settleUnsent<E extends Endpoint>(
  bill: Bill<E>,
  reservation: Reservation | undefined,
  exchange: Exchange,
  handled: Promise<Answer<E>>,
): Promise<void> {
  try {
    const answer = await handled;
    if ('handedOver' in answer) return await discard(answer.handedOver.body);
    note(bill, answer);
    if (answer.ok) {
      bill.settlesLater = answer.settlesLater;
      await discard(answer.reply);
    }
  } catch {
    // It has failed as it would have without the end, and has consumed nothing that it could say.
  }
  if (bill.isHandedOver === true) return;
  settle(bill, reservation, exchange);
  await exchange.settleStream?.();
}

/** Nothing is read of the reply: what makes it is called off. */
async function discard(reply: unknown): Promise<void> {
  const body = typeof reply === 'object' && reply !== null && 'body' in reply ? reply.body : reply;
  if (body instanceof ReadableStream) await body.cancel().catch(() => undefined);
}

function settle<E extends Endpoint>(
  { used, label, besides, settlesLater, onSettled }: Bill<E>,
  reservation: Reservation | undefined,
  exchange: Exchange,
): void {
  if (settlesLater !== undefined) {
    exchange.settleStream = () => settlesLater((more, beside) => reservation?.settle({ ...used, ...more }, label, beside) ?? 0);
    return;
  }
  exchange.costNano = reservation?.settle(used, label, besides);
  onSettled?.(exchange.costNano ?? 0);
}

/** A key that is restricted to some resources touches no other. */
function checkResources(endpoint: Endpoint, principal: Caller | undefined, params: unknown, body: unknown): void {
  if (principal?.kind === 'tenant' && principal.resources !== undefined) valueOf(mayTouch(principal, touchedBy(endpoint, params, body)));
}

/** Where no money is left, what needs none is answered all the same, unbilled: of its rules, only those that count requests hold. [T111] */
async function reserveRequest(endpoint: Endpoint, budget: Budget, principal: Caller | undefined): Promise<Reservation | undefined> {
  if (principal?.kind !== 'tenant') return undefined;
  const reserved = await budget.reserve(principal, ONE_REQUEST);
  const mayLackMoney = !reserved.ok && SPENT.has(reserved.error.code) && isAnsweredUnpaid(endpoint);
  return valueOf(mayLackMoney ? await budget.reserve(principal, ONE_REQUEST, 'unbilled') : reserved);
}

const SPENT: ReadonlySet<ErrorCode> = new Set(['insufficient_quota', 'rate_limit_exceeded', 'limit_exceeded']);

const ONE_REQUEST: Quantities = { requests: 1 };
const NOTHING: Quantities = {};

const intakeOf = ({ body }: Endpoint, request: Request, serving: Serving, principal: Caller | undefined): BodyIntake | undefined =>
  body.kind === 'none' ? undefined : new BodyIntake(serving.bodies, request, bodyOwner(principal));

interface Admitted {
  readonly admission: Admission | undefined;
  readonly reservation: Reservation | undefined;
  readonly intake: BodyIntake | undefined;
  readonly serving: Serving;
  readonly taken: Taken | undefined;
  readonly handOver: HandOver;
}

async function buildCall<E extends Endpoint>(
  context: AppContext,
  exchange: Exchange,
  { endpoint, address }: Bound<E>,
  { admission, reservation, intake, serving, taken, handOver }: Admitted,
): Promise<Call<E>> {
  const { request, requestId, timing } = exchange;
  const principal = admission?.caller;
  const { params, query, options } = valueOf(address.read(context));
  const read = intake === undefined ? undefined : valueOf(await readBody(request, endpoint.body, intake));
  const body = taken === undefined ? read : valueOf(bodyOf(taken.body, endpoint.body));
  // The body may have taken its time, in which the key was revoked. A form is read by its handler, which asks then.
  if (admission?.authority !== undefined && endpoint.body.kind !== 'multipart') valueOf(await admission.authority.lease());
  checkResources(endpoint, principal, params, body);
  const call = {
    gateway: serving,
    principal,
    authority: admission?.authority,
    params,
    query,
    options: stillLeft(options, timing),
    body,
    request,
    headers: request.headers,
    requestId,
    timing,
    vectors: vectorWriterFor(request, endpoint),
    idempotencyKey: endpoint.idempotent ? valueOf(idempotencyKeyOf(request)) : undefined,
    waitUntil: (work: Promise<unknown>) => context.executionCtx.waitUntil(work),
    reserve: (quantities: Quantities) => reservation?.extend(quantities) ?? Promise.resolve(ok(undefined)),
    handOver,
  };
  // The endpoint's own schemas produced these values, which the conditional types of `Call` cannot see.
  return call as unknown as Call<E>;
}
