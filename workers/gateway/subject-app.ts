import type { Endpoint } from '../../src/contract/api/endpoint.ts';
import type { App, AppParts } from './app.ts';
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

/** Binds the endpoints of a subject to their handlers, which may use what `compose` makes. */
export function subjectApp<Table extends Readonly<Record<string, Endpoint>>>(
  compose: AppParts<GatewayEnv>['compose'],
  endpoints: Table,
  handlers: HandlersOf<Table>,
  unserved: readonly Unserved[] = [],
): SubjectApp {
  const routes = routesOf(endpoints, handlers);
  return { routes, app: buildApp({ compose, routes, unserved }) };
}
