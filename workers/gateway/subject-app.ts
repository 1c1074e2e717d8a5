import type { Endpoint } from '../../src/contract/api/endpoint.ts';
import type { App, AppParts } from './app.ts';
import type { HttpError } from './pipeline/http-error.ts';
import type { Unserved } from './pipeline/served-paths.ts';
import { buildApp } from './app.ts';
import type { GatewayEnv } from './env.ts';
import type { HandlersOf, Route } from './pipeline/serve.ts';
import { routesOf } from './pipeline/serve.ts';

/** What answers the calls of one subject. */
export interface SubjectApp {
  readonly routes: readonly Route[];
  readonly app: App<GatewayEnv>;
}

/** Binds the endpoints of a subject to their handlers, which may use what `compose` makes. `refused`: what no handler is asked for, and why. */
export function subjectApp<Table extends Readonly<Record<string, Endpoint>>>(
  compose: AppParts<GatewayEnv>['compose'],
  endpoints: Table,
  handlers: HandlersOf<Table>,
  unserved: readonly Unserved[] = [],
  refused?: (request: Request) => HttpError | undefined,
): SubjectApp {
  const routes = routesOf(endpoints, handlers).map((route) => (refused === undefined ? route : unless(refused, route)));
  return { routes, app: buildApp({ compose, routes, unserved }) };
}

const unless = (refused: (request: Request) => HttpError | undefined, route: Route): Route => ({
  ...route,
  work: (context, exchange) => {
    const error = refused(exchange.request);
    if (error === undefined) return route.work(context, exchange);
    exchange.route = route.endpoint.path;
    return Promise.reject(error);
  },
});
