import { describe, expect, it } from 'vitest';

import { closestTo, editsBetween } from '../../../../src/contract/api/closest-word.ts';
import type { EndpointName } from '../../../../src/contract/endpoints.ts';
import { ENDPOINTS } from '../../../../src/contract/endpoints.ts';
import type { Endpoint } from '../../../../src/contract/api/endpoint.ts';
import { refusal, wireError, withSuggestion } from '../../../../src/contract/api/errors.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import { qdrantError } from '../../../../src/contract/qdrant/qdrant-error.ts';
import { anthropicError, cohereError, jinaError, kserveError, teiError } from '../../../../src/contract/api/surface.ts';

const bodyOf = (name: EndpointName) => {
  const { body } = ENDPOINTS[name] as Endpoint;
  if (body.kind !== 'json') throw new Error(`${name} has no JSON body`);
  return body.schema;
};

const vector = [0.1, 0.2, 0.3, 0.4];
const upstream = (model: object) => ({
  name: 'a',
  protocol: 'openai',
  base_url: 'https://a.example/v1',
  models: [{ name: 'm', context_tokens: 9, ...model }],
});

describe('[G147] the words of other products, and slips of newcomers, are answered with what was meant', () => {
  it.each<[EndpointName, unknown, string, string]>([
    ['createIndex', { name: 'n', dimension: 4 }, 'dimension', 'dimensions'],
    ['createIndex', { name: 'n', dimensions: 4, metric: 'euclidean' }, 'metric', 'l2'],
    ['createIndex', { name: 'n', dimensions: 4, metric: 'Cosine' }, 'metric', 'cosine'],
    ['queryVectors', { vector, topK: 3 }, 'topK', 'top_k'],
    ['queryVectors', { vector, limit: 3 }, 'limit', 'top_k'],
    ['queryVectors', { vector, n_results: 3 }, 'n_results', 'top_k'],
    ['queryVectors', { values: vector }, 'values', 'vector'],
    ['queryVectors', { vector, includeMetadata: true }, 'includeMetadata', 'include_metadata'],
    ['queryVectors', { vector, with_payload: true }, 'with_payload', 'include_metadata'],
    ['queryVectors', { vector, where: {} }, 'where', 'filter'],
    ['queryVectors', { query: 'a text' }, 'query', 'text'],
    ['queryVectors', { vector, filter: { must: [{ key: 'lang', match: { value: 'en' } }] } }, 'filter.must', '$and'],
    ['queryVectors', { vector, filter: { should: { key: 'lang' } } }, 'filter.should', '$or'],
    ['queryVectors', { vector, filter: { must_not: [] } }, 'filter.must_not', '$not'],
    ['queryVectors', { vector, filter: { lang: { in: ['en'] } } }, 'filter.lang.in', '$in'],
    ['queryVectors', { vector, filter: { $orr: [{}] } }, 'filter.$orr', '$or'],
    ['queryVectors', { vector, exclude_ids: [7] }, 'exclude_ids[0]', '7'],
    ['upsertVectors', { vectors: [{ id: 'a', vector }] }, 'vectors[0].vector', 'values'],
    ['upsertVectors', { vectors: [{ id: 7, values: vector }] }, 'vectors[0].id', '7'],
    ['upsertVectors', { vectors: [{ id: 'a', values: vector, payload: {} }] }, 'vectors[0].payload', 'metadata'],
    ['upsertVectors', { points: [] }, 'points', 'vectors'],
    ['fetchVectors', { ids: [1] }, 'ids[0]', '1'],
    ['createUpstream', upstream({ prices: { input: 0.15 } }), 'models[0].prices.input', '0.15'],
    ['createUpstream', upstream({ price: {} }), 'models[0].price', 'prices'],
    ['createUpstream', upstream({ max_input_tokens: 1 }), 'models[0].max_input_tokens', 'context_tokens'],
    ['createUpstream', { ...upstream({}), api_key: 'k' }, 'api_key', 'secret'],
    ['createKey', { name: 'k', scopes: ['index:reed'] }, 'scopes[0]', 'index:read'],
    ['createKey', { name: 'k', permissions: ['index:read'] }, 'permissions', 'scopes'],
    ['createChatCompletion', { model: 'm', mesages: [] }, 'messages', 'messages'],
    ['createJob', { knid: 'command' }, 'kind', 'kind'],
    ['createJob', { kind: 'comand' }, 'kind', 'command'],
  ])('%s %j', (name, body, param, meant) => {
    const read = parse(bodyOf(name), body);
    const { error } = wireError(read.ok ? refusal('internal_error', 'was taken') : read.error, 'r');
    expect(error).toMatchObject({ param, did_you_mean: meant });
    expect(error.message).toContain(meant);
  });

  it('a number as an id is told both ways out', () => {
    const read = parse(bodyOf('fetchVectors'), { ids: [7] });
    const { error } = wireError(read.ok ? refusal('internal_error', '') : read.error, 'r');
    expect(error.message).toBe(
      'ids[0]: must be a string; ids that are numbers are what the paths of Qdrant (/collections) take: did you mean "7"?',
    );
  });

  it('leaves alone what nothing comes close to, and a field of the metadata that is called `must`', () => {
    const read = parse(bodyOf('queryVectors'), { vector, colour: 'red' });
    expect(read.ok ? undefined : wireError(read.error, 'r').error).toMatchObject({ message: 'colour: is not a known field' });
    expect(read).not.toHaveProperty('error.didYouMean');
    expect(parse(bodyOf('queryVectors'), { vector, filter: { must: 'be', should: { $in: ['be'] } } }).ok).toBe(true);
  });
});

describe('the closest word', () => {
  it.each([
    ['topK', ['top_k', 'top_n'], 'top_k'],
    ['dimesnions', ['dimensions'], 'dimensions'],
    ['meta', ['metadata', 'metric'], 'metadata'],
    ['m', ['metadata'], undefined],
    ['met', ['metadata', 'metric'], undefined],
    ['ab', ['cd'], undefined],
    ['input', ['input', 'inputs'], undefined],
    ['x'.repeat(65), ['x'.repeat(64)], undefined],
    ['constructor', ['name'], undefined],
    ['glove-sif', ['glove-sif-100', 'other'], 'glove-sif-100'],
  ])('[G146] of %s among %j is %s', (given, known, meant) => {
    expect(closestTo(given, known)).toBe(meant);
  });

  it('counts a swap of neighbours as one edit', () => {
    expect([editsBetween('ab', 'ba'), editsBetween('kitten', 'sitting'), editsBetween('', 'abc'), editsBetween('ca', 'abc')]).toEqual([
      1, 3, 3, 3,
    ]);
  });
});

const SHAPES = { wireError, qdrantError, anthropicError, cohereError, jinaError, kserveError, teiError };

it.each(Object.entries(SHAPES))('[G146] the shape of %s has `did_you_mean`, and has none where nothing was meant', (_, shape) => {
  const error = withSuggestion(refusal('invalid_value', 'is not a known field', 'topK'), 'top_k');
  expect(JSON.stringify(shape(error, 'r'))).toContain('"did_you_mean":"top_k"');
  expect(JSON.stringify(shape(refusal('invalid_value', 'x'), 'r'))).not.toContain('did_you_mean');
});
