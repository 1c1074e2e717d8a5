import { HonoBase } from 'hono/hono-base';
import { TrieRouter } from 'hono/router/trie-router';

import type { Endpoint } from '../../src/contract/endpoint.ts';
import type { EndpointName } from '../../src/contract/endpoints.ts';
import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import { refusal } from '../../src/contract/errors.ts';
import { QDRANT_NOT_OFFERED } from '../../src/contract/qdrant/not-offered.ts';
import { mountsOf, surfaceOf } from '../../src/contract/surface.ts';
import { varyingBy } from './cross-origin.ts';
import type { GatewayEnv } from './env.ts';
import type { AppContext, Draft, Exchange } from './exchange.ts';
import { draftOf } from './exchange.ts';
import { HANDLERS } from './handlers.ts';
import { HttpError } from './http-error.ts';
import { RememberedRoutes } from './remembered-routes.ts';
import type { Work } from './request-lifecycle.ts';
import { concluded, outlivingItsClient } from './request-lifecycle.ts';
import type { Handlers, Route } from './serve.ts';
import { route } from './serve.ts';

const routeOf = <Name extends EndpointName>(name: Name, handler: Handlers[Name]): Route =>
  route<(typeof ENDPOINTS)[Name]>(ENDPOINTS[name], handler);

/** Every route of the API, in the order in which it is matched. */
const ROUTES = (Object.keys(HANDLERS) as EndpointName[]).map((name) => routeOf(name, HANDLERS[name]));

/** What is served as files: the API's page and document, and the models that agents and browsers run themselves. */
const STATIC_PATHS = ['/docs/*', '/openapi.json', '/models/*'];

/** One handler answers each request, without middleware around it: a step of that costs as much as a header. */
export function buildApp(): HonoBase<{ Bindings: GatewayEnv }> {
  // Not `Hono`, which brings its own routers.
  const app = new HonoBase<{ Bindings: GatewayEnv }>({ router: new RememberedRoutes() });
  for (const { endpoint, work } of ROUTES) {
    const answer = endpoint.body.kind === 'none' ? concluded(work) : outlivingItsClient(concluded(work));
    for (const path of mountsOf(endpoint.path)) app.on(endpoint.method, path, path === '/' ? concluded(welcoming(work)) : answer);
  }
  app.get('/qdrant', concluded(redirection('/qdrant/')));
  app.get('/docs', concluded(redirection('/docs/')));
  for (const path of STATIC_PATHS) app.get(path, concluded(serveAsset));
  app.notFound(concluded(refuseUnmatched(unmatchedPaths())));
  // Hono would answer with a bare text.
  app.onError((error) => {
    throw error;
  });
  return app;
}

/** People find the documentation; Qdrant's clients, which ask for the version of the server before anything else, go on to that. */
const welcoming =
  (work: Work): Work =>
  async (context, exchange) => {
    const isPerson = context.req.header('accept')?.includes('text/html') === true;
    const draft = isPerson ? redirect('/docs/') : await work(context, exchange);
    draft.headers['vary'] = varyingBy(draft.headers, 'accept');
    return draft;
  };

const redirect = (location: string): Draft => ({ status: 302, headers: { location }, body: null });

const redirection =
  (location: string): Work =>
  () =>
    Promise.resolve(redirect(location));

async function serveAsset(context: AppContext, exchange: Exchange): Promise<Draft> {
  exchange.route = 'asset';
  const file = await context.env.ASSETS.fetch(exchange.request);
  if (file.status === 404) throw noRoute(context);
  return draftOf(file);
}

const noRoute = ({ req }: AppContext) => new HttpError(refusal('route_not_found', `no route ${req.method} ${req.path.slice(0, 128)}`));

type Refuse = (method: string) => HttpError;

/** What no route answers, though its path is known: why, by the pattern of the path. */
function unmatchedPaths(): TrieRouter<readonly [string, Refuse]> {
  const paths = new TrieRouter<readonly [string, Refuse]>();
  // Before other methods are refused: `points/discover` looks like the path of a point. `/metrics` at the root is Sluice's own.
  for (const [known, instead] of QDRANT_NOT_OFFERED) {
    for (const path of mountsOf(known)) {
      if (surfaceOf(path) === 'qdrant') paths.add('ALL', path, [path, (method) => notOffered(method, path, instead)]);
    }
  }
  for (const [path, methods] of methodsByPath(ROUTES.map(({ endpoint }) => endpoint))) {
    paths.add('ALL', path, [path, (method) => notAllowed(method, methods)]);
  }
  return paths;
}

const refuseUnmatched =
  (paths: TrieRouter<readonly [string, Refuse]>): Work =>
  (context, exchange) => {
    const [matched] = paths.match('ALL', context.req.path)[0];
    if (matched === undefined) return Promise.reject(noRoute(context));
    const [[pattern, refuse]] = matched;
    exchange.route = pattern;
    return Promise.reject(refuse(context.req.method));
  };

function methodsByPath(endpoints: readonly Endpoint[]): Map<string, string[]> {
  const methods = new Map<string, string[]>();
  for (const { path: served, method } of endpoints) {
    for (const path of mountsOf(served)) methods.set(path, [...new Set([...(methods.get(path) ?? []), method])]);
  }
  return methods;
}

function notAllowed(method: string, methods: readonly string[]): HttpError {
  const error = refusal('method_not_allowed', `${method} is not allowed here: use ${methods.join(' or ')}`);
  return new HttpError(error, { allow: methods.join(', ') });
}

/** [Q53] The refusal shows a client of Qdrant that the path is not wrong, but not offered here. */
const notOffered = (method: string, path: string, instead: string): HttpError =>
  new HttpError(refusal('not_offered', `${method} ${path} of Qdrant is not offered: ${instead}`));
