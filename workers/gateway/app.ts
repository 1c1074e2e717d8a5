import type { Next } from 'hono';
import { Hono } from 'hono';

import { platformFault } from '../../durable-objects/platform-fault.ts';
import type { Endpoint } from '../../src/contract/endpoint.ts';
import type { EndpointName } from '../../src/contract/endpoints.ts';
import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import { refusal } from '../../src/contract/errors.ts';
import { QDRANT_NOT_OFFERED } from '../../src/contract/qdrant/not-offered.ts';
import { mountsOf, surfaceOf } from '../../src/contract/surface.ts';
import type { AppContext, Variables } from './call.ts';
import { compose } from './compose.ts';
import { conclude } from './request-lifecycle.ts';
import { answerPreflights, shareAnswers } from './cross-origin.ts';
import type { GatewayEnv } from './env.ts';
import { drain } from './body-intake.ts';
import { errorResponse, HttpError } from './http-error.ts';
import { HANDLERS } from './handlers.ts';
import type { Handlers, Route } from './serve.ts';
import { route } from './serve.ts';

const routeOf = <Name extends EndpointName>(name: Name, handler: Handlers[Name]): Route =>
  route<(typeof ENDPOINTS)[Name]>(ENDPOINTS[name], handler);

/** Every route of the API, in the order in which it is matched. */
const ROUTES = (Object.keys(HANDLERS) as EndpointName[]).map((name) => routeOf(name, HANDLERS[name]));

/** What is served as files: the API's page and document, and the models that agents and browsers run themselves. */
const STATIC_PATHS = ['/docs/*', '/openapi.json', '/models/*'];

type App = Hono<{ Bindings: GatewayEnv; Variables: Variables }>;

export function buildApp(): App {
  const app: App = new Hono();
  app.use(shareAnswers);
  app.use(conclude);
  app.use(answerPreflights);
  app.get('/', welcome);
  for (const { endpoint, handle } of ROUTES) for (const path of mountsOf(endpoint.path)) app.on(endpoint.method, path, handle);
  // Before other methods are refused: `points/discover` looks like the path of a point. `/metrics` at the root is Sluice's own.
  for (const [known, instead] of QDRANT_NOT_OFFERED) {
    const paths = mountsOf(known).filter((path) => surfaceOf(path) === 'qdrant');
    for (const path of paths) app.all(path, (context) => refuseKnown(context, path, instead));
  }
  for (const [path, methods] of methodsByPath(ROUTES.map(({ endpoint }) => endpoint))) {
    app.all(path, (context) => refuseMethod(context, path, methods));
  }
  app.get('/qdrant', (context) => context.redirect('/qdrant/'));
  app.get('/docs', (context) => context.redirect('/docs/'));
  for (const path of STATIC_PATHS) app.get(path, serveAsset);
  app.notFound((context) => fail(context, noRoute(context)));
  app.onError((error, context) => fail(context, error));
  return app;
}

/** People find the documentation; Qdrant's clients, which ask for the version of the server before anything else, go on to that. */
async function welcome(context: AppContext, next: Next): Promise<void> {
  if (context.req.header('accept')?.includes('text/html') === true) context.res = context.redirect('/docs/');
  else await next();
  context.res.headers.append('vary', 'accept');
}

async function serveAsset(context: AppContext): Promise<Response> {
  context.set('route', 'asset');
  const { body, status, headers } = await context.env.ASSETS.fetch(context.req.raw);
  if (status === 404) throw noRoute(context);
  // A fetched response's headers are immutable; the closing middleware adds to them.
  return new Response(body, { status, headers });
}

const noRoute = ({ req }: AppContext) => new HttpError(refusal('route_not_found', `no route ${req.method} ${req.path.slice(0, 128)}`));

function methodsByPath(endpoints: readonly Endpoint[]): Map<string, string[]> {
  const methods = new Map<string, string[]>();
  for (const { path: served, method } of endpoints) {
    for (const path of mountsOf(served)) methods.set(path, [...new Set([...(methods.get(path) ?? []), method])]);
  }
  return methods;
}

function refuseMethod(context: AppContext, path: string, methods: readonly string[]): Promise<Response> {
  context.set('route', path);
  const error = refusal('method_not_allowed', `${context.req.method} is not allowed here: use ${methods.join(' or ')}`);
  return fail(context, new HttpError(error, { allow: methods.join(', ') }));
}

/** [Q53] The refusal shows a client of Qdrant that the path is not wrong, but not offered here. */
function refuseKnown(context: AppContext, path: string, instead: string): Promise<Response> {
  context.set('route', path);
  return fail(context, new HttpError(refusal('not_offered', `${context.req.method} ${path} of Qdrant is not offered: ${instead}`)));
}

async function fail(context: AppContext, error: Error): Promise<Response> {
  await drain(context.req.raw);
  const requestId = context.get('requestId');
  const surface = surfaceOf(context.req.path);
  const refused = error instanceof HttpError ? error.refusal : platformFault(error);
  if (refused !== undefined) {
    context.set('errorCode', refused.code);
    compose(context.env).readiness.sawRefusal(refused);
    const isOurs = error instanceof HttpError;
    if (!isOurs) console.error(JSON.stringify({ level: 'error', request_id: requestId, code: refused.code, message: error.message }));
    return errorResponse(refused, requestId, surface, isOurs ? error.headers : {});
  }
  context.set('errorCode', 'internal_error');
  console.error(JSON.stringify({ level: 'error', request_id: requestId, message: error.message, stack: error.stack }));
  return errorResponse(refusal('internal_error', 'an internal error; quote the request id to support'), requestId, surface);
}
