import { HonoBase } from 'hono/hono-base';
import { TrieRouter } from 'hono/router/trie-router';

import { refusal, withSuggestion } from '../../src/contract/api/errors.ts';
import { mountsOf } from '../../src/contract/api/surface.ts';
import type { ServingEnv } from './env.ts';
import type { AppContext } from './pipeline/exchange.ts';
import { HttpError } from './pipeline/http-error.ts';
import { meantPath } from './pipeline/meant-path.ts';
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
  app.notFound(concluded(compose, refuseUnmatched([...unserved, ...served.otherMethods()], served.patterns())));
  // Hono would answer with a bare text.
  app.onError((error) => {
    throw error;
  });
  return app;
}

/** Of a path that no route answers: the path that was meant, if one comes close, and what is wrong with the address of the client. [G81] [G148] */
export function noRoute({ req }: AppContext, patterns: readonly string[] = []): HttpError {
  const meant = meantPath(req.path, patterns);
  const advice = meant?.advice ?? (req.path.startsWith('/v1/') || meant !== undefined ? undefined : 'paths of the API begin with /v1');
  const message = `no route ${req.method} ${req.path.slice(0, PATH_CHARS_SHOWN)}${advice === undefined ? '' : `: ${advice}`}`;
  return new HttpError(withSuggestion(refusal('route_not_found', message), meant?.path));
}

const PATH_CHARS_SHOWN = 128;

/** Refuses what no route answers: 404, or, of a path that is known, why not. The first that knows it decides: `points/discover` looks like the path of a point. */
function refuseUnmatched(unserved: readonly Unserved[], patterns: readonly string[]): Work {
  const paths = new TrieRouter<Unserved>();
  for (const one of unserved) paths.add('ALL', one[0], one);
  return (context, exchange) => {
    const [matched] = paths.match('ALL', context.req.path)[0];
    if (matched === undefined) return Promise.reject(noRoute(context, patterns));
    const [[pattern, refuse]] = matched;
    exchange.route = pattern;
    return Promise.reject(refuse(context.req.method));
  };
}
