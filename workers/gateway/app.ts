import { HonoBase } from 'hono/hono-base';
import { TrieRouter } from 'hono/router/trie-router';

import type { Endpoint } from '../../src/contract/api/endpoint.ts';
import { refusal } from '../../src/contract/api/errors.ts';
import { mountsOf } from '../../src/contract/api/surface.ts';
import type { ServingEnv } from './env.ts';
import type { AppContext } from './pipeline/exchange.ts';
import { HttpError } from './pipeline/http-error.ts';
import { RememberedRoutes } from './pipeline/remembered-routes.ts';
import type { Answer, Work } from './pipeline/request-lifecycle.ts';
import { concluded, outlivingItsClient } from './pipeline/request-lifecycle.ts';
import type { Route } from './pipeline/serve.ts';
import type { Serving } from './pipeline/serving.ts';

export type App<Env extends ServingEnv> = HonoBase<{ Bindings: Env }>;

/** A known path that no route answers: its pattern, and why, by method. */
export type Unserved = readonly [pattern: string, refuse: (method: string) => HttpError];

export interface AppParts<Env extends ServingEnv> {
  /** The parts of this isolate. */
  readonly compose: (env: Env) => Serving;
  /** In the order in which they are matched. */
  readonly routes: readonly Route[];
  /** What answers otherwise than by a handler; matched first. */
  readonly special?: readonly (readonly [method: string, path: string, answer: Answer<Env>])[];
  readonly unserved?: readonly Unserved[];
}

/** One handler answers each request, without middleware around it: a step of that costs as much as a header. */
export function buildApp<Env extends ServingEnv>({ compose, routes, special = [], unserved = [] }: AppParts<Env>): App<Env> {
  // Not `Hono`, which brings its own routers.
  const app: App<Env> = new HonoBase<{ Bindings: Env }>({ router: new RememberedRoutes() });
  for (const [method, path, answer] of special) app.on(method, path, answer);
  for (const { endpoint, work } of routes) {
    const answer = endpoint.body.kind === 'none' ? concluded(compose, work) : outlivingItsClient(concluded(compose, work));
    for (const path of mountsOf(endpoint.path)) app.on(endpoint.method, path, answer);
  }
  const endpoints = routes.map(({ endpoint }) => endpoint);
  app.notFound(concluded(compose, refuseUnmatched([...unserved, ...otherMethods(endpoints)])));
  // Hono would answer with a bare text.
  app.onError((error) => {
    throw error;
  });
  return app;
}

export const noRoute = ({ req }: AppContext) =>
  new HttpError(refusal('route_not_found', `no route ${req.method} ${req.path.slice(0, 128)}${prefixHint(req.path)}`));

/** Clients of OpenAI take an address that ends with `/v1`, those of Anthropic one that does not. [G81] */
function prefixHint(path: string): string {
  if (path.startsWith('/v1/v1/')) return ': give this client the address without /v1';
  return path.startsWith('/v1/') ? '' : ': paths of the API begin with /v1';
}

/** Refuses what no route answers: 404, or, of a path that is known, why not. The first that knows it decides: `points/discover` looks like the path of a point. */
function refuseUnmatched(unserved: readonly Unserved[]): Work {
  const paths = new TrieRouter<Unserved>();
  for (const one of unserved) paths.add('ALL', one[0], one);
  return (context, exchange) => {
    const [matched] = paths.match('ALL', context.req.path)[0];
    if (matched === undefined) return Promise.reject(noRoute(context));
    const [[pattern, refuse]] = matched;
    exchange.route = pattern;
    return Promise.reject(refuse(context.req.method));
  };
}

const otherMethods = (endpoints: readonly Endpoint[]): Unserved[] =>
  [...methodsByPath(endpoints)].map(([path, methods]) => [path, (method) => notAllowed(method, methods)]);

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
