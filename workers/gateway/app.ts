import { HonoBase } from 'hono/hono-base';
import { TrieRouter } from 'hono/router/trie-router';

import { refusal } from '../../src/contract/api/errors.ts';
import { mountsOf } from '../../src/contract/api/surface.ts';
import type { ServingEnv } from './env.ts';
import type { AppContext } from './pipeline/exchange.ts';
import { HttpError } from './pipeline/http-error.ts';
import { RememberedRoutes } from './pipeline/remembered-routes.ts';
import type { Unserved } from './pipeline/served-paths.ts';
import { ServedPaths } from './pipeline/served-paths.ts';
import type { Answer, Work } from './pipeline/request-lifecycle.ts';
import { concluded, outlivingItsClient } from './pipeline/request-lifecycle.ts';
import type { Route } from './pipeline/serve.ts';
import type { Serving } from './pipeline/serving.ts';

export type App<Env extends ServingEnv> = HonoBase<{ Bindings: Env }>;

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
  const served = new ServedPaths(routes.map(({ endpoint }) => endpoint));
  for (const { endpoint, work } of routes) {
    const answer = endpoint.body.kind === 'none' ? concluded(compose, work) : outlivingItsClient(concluded(compose, work));
    for (const path of mountsOf(endpoint.path)) app.on(endpoint.method, path, answer);
  }
  app.notFound(concluded(compose, refuseUnmatched([...unserved, ...served.otherMethods()])));
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
