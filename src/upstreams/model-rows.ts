import type { ModelReply } from '../contract/models/models.ts';
import type { UpstreamRecord } from './upstream-record.ts';

/** A route that serves, which calls name as their model. */
export interface NamedRoute {
  readonly name: string;
  readonly createdAtMs: number;
}

/** What callers can name as a model, besides models of the deployment and registered ones, of one owner. */
export interface NamedModels {
  readonly upstreams: readonly UpstreamRecord[];
  readonly routes: readonly NamedRoute[];
}

/**
 * The models of upstreams and the routes as `GET /v1/models` lists them: by the names that callers say, each once; a call that names a route and a
 * model goes to the route. [U9]
 */
export function modelRows({ upstreams, routes }: NamedModels, after: string, count: number): readonly ModelReply[] {
  const rows = new Map<string, ModelReply>();
  for (const route of routes) if (route.name > after) rows.set(route.name, routeRow(route));
  for (const upstream of upstreams) {
    for (const model of upstream.models)
      if (model.name > after && !rows.has(model.name)) rows.set(model.name, upstreamRow(upstream, model));
  }
  return [...rows.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)).slice(0, count);
}

/** The row of a name, which may also be `upstream/model`. */
export function modelRow({ upstreams, routes }: NamedModels, name: string): ModelReply | undefined {
  const route = routes.find((one) => one.name === name);
  if (route !== undefined) return routeRow(route);
  for (const upstream of upstreams) {
    const model = upstream.models.find((one) => one.name === name || `${upstream.name}/${one.name}` === name);
    if (model !== undefined) return { ...upstreamRow(upstream, model), id: name };
  }
  return undefined;
}

const routeRow = ({ name, createdAtMs }: NamedRoute): ModelReply => rowOf(name, createdAtMs, 'route', 'route', 0);

const upstreamRow = ({ name, createdAtMs }: UpstreamRecord, model: UpstreamRecord['models'][number]): ModelReply =>
  rowOf(model.name, createdAtMs, name, model.serves[0] ?? 'chat', model.contextTokens);

const rowOf = (id: string, createdAtMs: number, ownedBy: string, task: string, tokensMax: number): ModelReply => ({
  id,
  object: 'model',
  created: Math.floor(createdAtMs / 1_000),
  owned_by: ownedBy,
  task,
  version: null,
  stage: 'serving',
  canary: null,
  aliases: [],
  dimensions: null,
  max_input_tokens: tokensMax,
  vocabulary_size: null,
  contract_hash: null,
  retrieval_quality: null,
});
