import { describe, expect, it } from 'vitest';

import { vectorChangeEndpoints } from '../../../../src/contract/vectors/vector-changes.ts';
import { vectorEndpoints } from '../../../../src/contract/vectors/vectors.ts';

const SCHEMAS = {
  query: vectorEndpoints.queryVectors.body.schema,
  upsert: vectorEndpoints.upsertVectors.body.schema,
  delete: vectorEndpoints.deleteVectors.body.schema,
  metadata: vectorChangeEndpoints.updateMetadata.body.schema,
  values: vectorChangeEndpoints.updateValues.body.schema,
} as const;

/** Where a body is refused, and why: nothing if it is accepted. */
function refusalsOf(call: keyof typeof SCHEMAS, body: object): string[] {
  const parsed = SCHEMAS[call].safeParse(body);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

const point = { vector: [1, 2] };
const FILTER = { color: 'red' };

describe('bodies about vectors', () => {
  it.each<[string, keyof typeof SCHEMAS, object, string[]]>([
    ['a search by a vector', 'query', point, []],
    [
      'a search by a vector and a text',
      'query',
      { ...point, text: 'red' },
      [': give exactly one of `vector`, `text`, `id` and `positive_ids`'],
    ],
    ['a search by nothing', 'query', {}, [': give exactly one of `vector`, `text`, `id` and `positive_ids`']],
    ['a search for vectors like and unlike others', 'query', { positive_ids: ['a'], negative_ids: ['b'] }, []],
    [
      'a search for vectors unlike others alone',
      'query',
      { ...point, negative_ids: ['b'] },
      ['negative_ids: goes with `positive_ids` only'],
    ],
    ['enough candidates', 'query', { ...point, top_k: 5, offset: 5, mmr: { candidates_limit: 10 } }, []],
    ['candidates without a number', 'query', { ...point, top_k: 5, mmr: {} }, []],
    [
      'few candidates',
      'query',
      { ...point, top_k: 5, mmr: { candidates_limit: 4 } },
      ['mmr.candidates_limit: is 4; the least is `top_k`, 5'],
    ],
    [
      'few candidates of a later page',
      'query',
      { ...point, top_k: 5, offset: 5, mmr: { candidates_limit: 9 } },
      ['mmr.candidates_limit: is 9; the least is `top_k` and `offset` together, 10'],
    ],
    ['a vector with values and a text', 'upsert', { vectors: [{ id: 'a', values: [1, 2], text: 'b' }] }, []],
    [
      'a vector without values and text',
      'upsert',
      { vectors: [{ id: 'a' }] },
      ['vectors.0: give `values`, `text` or `fields`; `values: null` stands for no vector'],
    ],
    [
      'an id twice in one namespace, and once in another',
      'upsert',
      { vectors: ['', 'n', 'n'].map((namespace) => ({ id: 'a', namespace, values: [1, 2] })) },
      ['vectors.2.id: is in the batch twice'],
    ],
    [
      'new values for an id twice',
      'values',
      {
        vectors: [
          { id: 'a', values: [1, 2] },
          { id: 'a', values: [2, 1] },
        ],
      },
      ['vectors.1.id: is in the batch twice'],
    ],
    ['a deletion by ids', 'delete', { ids: ['a'] }, []],
    ['a deletion of everything', 'delete', { all: true }, []],
    ['a deletion of nothing', 'delete', {}, ['ids: give exactly one of `ids`, `filter` and `all`']],
    ['a deletion by ids and a filter', 'delete', { ids: ['a'], filter: FILTER }, ['ids: give exactly one of `ids`, `filter` and `all`']],
    [
      'a deletion of everything in a namespace',
      'delete',
      { all: true, namespace: 'n' },
      ['namespace: `all` is every vector of every namespace'],
    ],
    ['a deletion by a filter without a condition', 'delete', { filter: {} }, ['filter: must have a condition']],
    ['a change by ids', 'metadata', { ids: ['a'], set: { n: 1 }, at: 'author' }, []],
    ['a change by a filter', 'metadata', { filter: FILTER, unset: ['n'] }, []],
    ['metadata taken away', 'metadata', { ids: ['a'], replace: null }, []],
    ['a change of nothing', 'metadata', { set: { n: 1 } }, ['ids: give exactly one of `ids` and `filter`']],
    ['a change by a filter without a condition', 'metadata', { filter: {}, set: { n: 1 } }, ['filter: must have a condition']],
    ['no change', 'metadata', { ids: ['a'] }, ['set: give exactly one of `set`, `unset` and `replace`']],
    ['two changes', 'metadata', { ids: ['a'], unset: ['n'], replace: {} }, ['set: give exactly one of `set`, `unset` and `replace`']],
    ['a place without members to set', 'metadata', { ids: ['a'], replace: {}, at: 'author' }, ['at: goes with `set` only']],
  ])('are refused at the field, or accepted: %s', (_, call, body, refusals) => {
    expect(refusalsOf(call, body)).toEqual(refusals);
  });
});
