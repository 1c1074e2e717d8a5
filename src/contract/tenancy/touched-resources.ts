import type { Endpoint } from '../api/endpoint.ts';
import { nameWithoutVersion } from '../api/model-name.ts';

/** What a call names of that keys can be restricted to, and of which kinds it touches something without naming it. */
export interface Touched {
  /** Such as `index/articles` and `model/glove-sif-100`. */
  readonly named: readonly string[];
  readonly unnamed: readonly ('index' | 'model')[];
}

/** Path parameters that name an index, by its own name or by another. */
const INDEX_PARAMS = ['index', 'alias', 'collection'] as const;

/**
 * What a call names, read off the endpoint's row: a route whose scope is about indexes and whose path names none touches all of them, unless it
 * creates one. So a new route is closed to restricted keys until its path says what it is about. What the names stand for, such as the index of an
 * alias and the model of an index, is known later and checked by the use case: see `mayTouch`.
 */
export function touchedBy({ access, method, path }: Endpoint, params: unknown, body: unknown): Touched {
  const indexes = INDEX_PARAMS.flatMap((param) => textAt(params, param)).map((name) => `index/${name}`);
  if (method === 'POST' && path === '/v1/indexes') indexes.push(...textAt(body, 'name').map((name) => `index/${name}`));
  // A job may be about an index, too.
  if (path === '/v1/jobs' || path === '/v1/jobs:plan') indexes.push(...textAt(body, 'index').map((name) => `index/${name}`));
  const models = [
    ...textAt(params, 'model'),
    ...textAt(params, 'model_alias'),
    // Requests name a route as their model.
    ...textAt(params, 'route'),
    ...textAt(body, 'model'),
    ...textAt(body, 'query_model'),
    ...searchesIn(body).flatMap((search) => textAt(search, 'model')),
  ].map((name) => `model/${nameWithoutVersion(name)}`);
  // A model is named by what registers it, and so is a route.
  if (method === 'POST' && (path === '/v1/models' || path === '/v1/routes'))
    models.push(...textAt(body, 'name').map((name) => `model/${name}`));
  // What is cached is of all models, and of the answers of all indexes, unless a purge names a model.
  const isSweeping = method === 'POST' && path === '/v1/cache/purge' && models.length === 0;
  const isAboutIndexes = 'scope' in access && access.scope.startsWith('index:');
  const isOfAllIndexes = indexes.length === 0 && isAboutIndexes;
  return { named: [...indexes, ...models], unnamed: isSweeping ? ['index', 'model'] : isOfAllIndexes ? ['index'] : [] };
}

const searchesIn = (body: unknown): readonly unknown[] =>
  typeof body === 'object' && body !== null && 'searches' in body && Array.isArray(body.searches) ? body.searches : [];

function textAt(value: unknown, field: string): string[] {
  if (typeof value !== 'object' || value === null || !(field in value)) return [];
  const text = (value as Readonly<Record<string, unknown>>)[field];
  return typeof text === 'string' ? [text] : [];
}
