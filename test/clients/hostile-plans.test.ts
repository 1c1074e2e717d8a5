import { beforeAll, describe, expect, it } from 'vitest';

import type { ApiClient } from '../support/deployment/api-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { PLAN_FIELDS, PLAN_ROWS } from '../support/fixtures/plan-rows.ts';

const server = sharedDeployment();
let client: ApiClient;

beforeAll(async () => {
  ({ client } = await createTenant(server));
  await client.post('/v1/indexes', { name: 'w', model: 'bge-static-256', owner: 'search', fields: PLAN_FIELDS });
  expect((await client.post('/v1/indexes/w/upsert', { vectors: PLAN_ROWS })).body.upserted).toBe(PLAN_ROWS.length);
});

/** As it stands, or as JSON. */
async function send(path: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${client.url}/v1/indexes/w/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${client.apiKey}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

const IDS = { kind: 'ids', ids: PLAN_ROWS.map(({ id }) => id) };
const WORDS = { kind: 'text', text: 'lock' };
const SPARSE = { kind: 'sparse', field: 'terms', indices: [1], values: [1] };
const COVER = { kind: 'vector', field: 'cover', vector: [1, 0, 0] };
const legs = (...of: readonly unknown[]) => ({ legs: of });
const stage = (one: object, ...of: readonly unknown[]) => ({ legs: of.length === 0 ? [IDS] : of, stages: [one] });
const formula = (score: unknown) => stage({ kind: 'formula', score });
/** `depth` levels of something around its innermost part. */
const nested = (depth: number, around: (inner: unknown) => unknown, inner: unknown): unknown =>
  depth === 0 ? inner : around(nested(depth - 1, around, inner));
const inLegs = (inner: unknown) => ({ kind: 'plan', legs: [inner] });
const inSum = (inner: unknown) => ({ kind: 'sum', of: [inner] });
const times = (count: number, one: unknown): unknown[] => Array.from({ length: count }, () => one);
const CONSTANT =
  '{"legs": [{"kind": "ids", "ids": ["a"]}], "stages": [{"kind": "formula", "score": {"kind": "constant", "value": 1e400}}]}';

/** A body, and of its refusal the code, the field and what else the message says. */
const REFUSED: readonly (readonly [string, unknown, string, string | null, string])[] = [
  ['nothing', {}, 'invalid_value', null, 'give either `text` or `legs`'],
  ['an empty text', { text: '' }, 'invalid_value', 'text', 'has 0 characters; the least is 1'],
  ['half a surrogate pair', { text: '\ud800' }, 'invalid_value', 'text', 'half a surrogate pair'],
  ['no legs', legs(), 'invalid_value', 'legs', 'has 0 items; the least is 1'],
  ['nine legs', legs(...times(9, WORDS)), 'limit_exceeded', 'legs', 'has 9 items; the limit is 8'],
  [
    'many legs within legs',
    legs(inLegs(WORDS), { kind: 'plan', legs: times(7, WORDS) }),
    'limit_exceeded',
    'legs[1].legs',
    'makes 10 legs with those before; the limit is 8 (planLegsMaxCount)',
  ],
  [
    'legs too deep',
    legs(nested(3, inLegs, WORDS)),
    'limit_exceeded',
    'legs[0].legs[0].legs[0].legs',
    'nests 4 levels deep; the limit is 3',
  ],
  ['legs much too deep', legs(nested(2_000, inLegs, WORDS)), 'limit_exceeded', null, 'nests deeper than 48 levels (planJsonDepthMax)'],
  ['a leg of no kind', legs({}), 'invalid_value', 'legs[0].kind', 'is missing: it must be one of "vector", "text"'],
  ['a leg of another kind', legs({ kind: 'vektor' }), 'invalid_value', 'legs[0].kind', 'did you mean "vector"?'],
  ['null as a leg', legs(null), 'invalid_value', 'legs[0]', 'must be an object, not null'],
  ['an unknown field', { ...legs(WORDS), stagez: [] }, 'invalid_value', 'stagez', 'did you mean "stages"?'],
  [
    'an infinite weight',
    '{"legs": [{"kind": "text", "text": "lock", "weight": 1e400}]}',
    'invalid_value',
    'legs[0].weight',
    'not Infinity',
  ],
  ['a NaN weight', '{"legs": [{"kind": "text", "text": "lock", "weight": NaN}]}', 'malformed_json', null, 'it has NaN or Infinity'],
  ['a negative weight', legs({ ...WORDS, weight: -1 }), 'invalid_value', 'legs[0].weight', 'is -1; the least is 0'],
  ['a huge weight', legs({ ...WORDS, weight: 1e308 }), 'limit_exceeded', 'legs[0].weight', 'is 1e+308; the limit is 1000000'],
  ['a leg that finds too many', legs({ ...WORDS, limit: 1_001 }), 'limit_exceeded', 'legs[0].limit', 'is 1001; the limit is 1000'],
  ['another text field', legs({ ...WORDS, fields: { titel: 1 } }), 'invalid_value', 'legs[0].fields.titel', 'did you mean "title"?'],
  ['a field of another kind', legs({ ...WORDS, fields: { terms: 1 } }), 'invalid_value', 'legs[0].fields.terms', '"title", "body"'],
  ['the name of any object', legs({ ...WORDS, fields: { constructor: 1 } }), 'invalid_value', 'legs[0].fields.constructor', '"title"'],
  [
    'no text field',
    '{"legs": [{"kind": "text", "text": "a", "fields": {"__proto__": 1}}]}',
    'invalid_value',
    'legs[0].fields',
    'must name',
  ],
  ['a query of nothing', legs({ kind: 'text', query: {} }), 'invalid_value', 'legs[0].query', 'must have `must` or `should`'],
  ['an empty prefix', legs({ kind: 'text', query: { prefix: '' } }), 'invalid_value', 'legs[0].query.prefix', 'has 0 characters'],
  ['an encoded text without a model', legs({ kind: 'sparse', field: 'terms', text: 'a' }), 'invalid_value', 'legs[0].text', 'has no model'],
  ['fewer values than indices', legs({ ...SPARSE, indices: [1, 2] }), 'invalid_value', 'legs[0].values', 'has 1 numbers; there are 2'],
  ['an index twice', legs({ ...SPARSE, indices: [1, 1], values: [1, 1] }), 'invalid_value', 'legs[0].indices', 'has an index twice'],
  ['an index beyond 32 bits', legs({ ...SPARSE, indices: [2 ** 32] }), 'limit_exceeded', 'legs[0].indices[0]', 'the limit is 4294967295'],
  ['a value beyond float32', legs({ ...SPARSE, values: [1e39] }), 'limit_exceeded', 'legs[0].values[0]', 'is 1e+39; the limit is 3.4'],
  ['a vector of other dimensions', legs({ ...COVER, vector: [1, 0] }), 'dimension_mismatch', 'legs[0].vector', 'has 2 numbers; the field'],
  ['an infinite vector', '{"legs": [{"kind": "vector", "vector": [1e400, 0]}]}', 'invalid_value', 'legs[0].vector[0]', 'a finite number'],
  ['NaN in base64', legs({ ...COVER, vector: 'AADAfwAAAAAAAAAA' }), 'invalid_value', 'legs[0].vector[0]', 'a finite number'],
  ['a stored vector that is none', legs({ kind: 'vector', id: 'zz' }), 'vector_not_found', 'legs[0].id', 'no vector with this id'],
  ['a row without the field', legs({ kind: 'vector', field: 'cover', id: 'e' }), 'vector_not_found', 'legs[0].id', 'in "cover"'],
  ['two targets', legs({ kind: 'vector', id: 'a', text: 'b' }), 'invalid_value', 'legs[0]', 'exactly one of `vector`, `text`, `id` and'],
  ['an example that is none', legs({ kind: 'vector', positive_ids: ['a', 'zz'] }), 'vector_not_found', 'legs[0].positive_ids[1]', ''],
  ['an id twice', legs({ kind: 'ids', ids: ['a', 'a'] }), 'invalid_value', 'legs[0].ids', 'has an id twice'],
  ['a long id', legs({ kind: 'ids', ids: ['x'.repeat(600)] }), 'limit_exceeded', 'legs[0].ids[0]', 'vectorIdBytesMax (512)'],
  [
    'a refused leg of a prefetch',
    legs({ ...WORDS, prefetch: legs({ ...SPARSE, field: 'x' }) }),
    'invalid_value',
    'legs[0].prefetch.legs[0].field',
    'is "x"; the sparse fields of the index: "terms"',
  ],
  [
    'a filter too deep',
    { ...legs(WORDS), filter: nested(40, ($not) => ({ $not }), { a: 1 }) },
    'limit_exceeded',
    'filter',
    'filterDepthMax',
  ],
  ['an operator of none', legs({ ...WORDS, filter: { page: { $foo: 1 } } }), 'invalid_value', 'legs[0].filter.page.$foo', 'those are $eq'],
  ['a page beyond', { ...legs(IDS), offset: 1_001 }, 'limit_exceeded', 'offset', 'is 1001; the limit is 1000'],
  ['too many facets', { ...legs(IDS), facets: times(9, { property: 'a' }) }, 'limit_exceeded', 'facets', 'has 9 items; the limit is 8'],
  ['a path of none', { ...legs(IDS), facets: [{ property: 'a..b' }] }, 'invalid_value', 'facets[0].property', 'must be a path'],
  ['a long path', stage({ kind: 'group', by: 'x'.repeat(5_000) }), 'limit_exceeded', 'stages[0].by', 'has 5000 characters; the limit is'],
  ['highlights of no text', { ...legs(IDS), highlight: {} }, 'invalid_value', 'highlight', 'goes with a text leg only'],
  ['a marked field of none', { ...legs(WORDS), highlight: { fields: ['titel'] } }, 'invalid_value', 'highlight.fields[0]', 'did you mean'],
  ['many stages', { ...legs(IDS), stages: times(9, { kind: 'mmr' }) }, 'limit_exceeded', 'stages', 'has 9 items; the limit is 8'],
  ['a stage of none', stage({ kind: 'shuffle' }), 'invalid_value', 'stages[0].kind', 'not "shuffle"'],
  ['no text to rank by', stage({ kind: 'rerank', model: 'bge-static-256' }), 'invalid_value', 'stages[0].text', 'no leg of the plan'],
  ['a model of none', stage({ kind: 'rerank', model: '🚣' }, WORDS), 'model_not_found', 'stages[0].model', 'there is no model "🚣"'],
  [
    'token vectors of other dimensions',
    stage({ kind: 'max_sim', field: 'tokens', vectors: [[1]] }),
    'invalid_value',
    'stages[0].vectors[0]',
    '',
  ],
  [
    'too many token vectors',
    stage({ kind: 'max_sim', field: 'tokens', vectors: times(129, [1, 0]) }),
    'limit_exceeded',
    'stages[0].vectors',
    '128',
  ],
  ['an infinite constant', CONSTANT, 'invalid_value', 'stages[0].score.value', 'not Infinity'],
  ['a leg of none', formula({ kind: 'score', leg: 3 }), 'invalid_value', 'stages[0].score.leg', 'is 3; the plan has 1 legs'],
  [
    'no scale',
    formula({ kind: 'decay_exp', of: { kind: 'score' }, scale: 0 }),
    'invalid_value',
    'stages[0].score.scale',
    'must be more than 0',
  ],
  [
    'a time of none',
    formula({ kind: 'decay_exp', of: { kind: 'score' }, scale: 1, origin: 'x' }),
    'invalid_value',
    'stages[0].score.origin',
    'a time',
  ],
  ['a deep formula', formula(nested(20, inSum, { kind: 'score' })), 'limit_exceeded', 'stages[0].score', 'formulaDepthMax'],
  [
    'a part of a formula',
    formula(inSum({ kind: 'property', property: '' })),
    'invalid_value',
    'stages[0].score.of[0].property',
    'the least is 1',
  ],
  ['more diversity', stage({ kind: 'mmr', diversity: 2 }), 'limit_exceeded', 'stages[0].diversity', 'is 2; the limit is 1'],
  ['a fusion by name', { ...legs(WORDS), fusion: 'rrf' }, 'invalid_value', 'fusion', 'must be an object, not a string'],
  ['k of less than 0', { ...legs(WORDS), fusion: { kind: 'rrf', k: -1 } }, 'invalid_value', 'fusion.k', 'is -1; the least is 0'],
  ['another consistency', { ...legs(WORDS), consistency: 'stronk' }, 'invalid_value', 'consistency', 'did you mean "strong"?'],
  ['vectors of another model', { ...legs(WORDS), model: 'glove-sif-100' }, 'contract_mismatch', 'model', 'takes queries of the model'],
  ['a list', [], 'invalid_value', null, 'the body must be an object, not an array'],
];

const BIG = 3.4e38;

/** What is taken, however odd. */
const TAKEN: readonly (readonly [string, unknown])[] = [
  ['blanks', { text: ' \n\t' }],
  ['a pictograph of several parts', { text: '🚣‍♀️' }],
  ['a script without blanks', legs({ kind: 'text', text: '水門' })],
  ['characters that direct', { text: '\u202elock\u0000' }],
  ['10,000 words', legs({ kind: 'text', text: Array.from({ length: 10_000 }, (_, i) => `w${i}`).join(' ') })],
  ['a text that is cut', { text: 'lock '.repeat(9_000), truncate: 'end' }],
  ['weights of nothing', legs({ ...WORDS, weight: 0 }, { ...IDS, weight: 0 })],
  ['the same leg again and again', legs(...times(8, WORDS))],
  ['a vector of nothing', legs({ ...COVER, vector: [0, 0, 0] })],
  ['a long vector', legs({ ...COVER, vector: [BIG, BIG, BIG] })],
  ['ids that are not there', legs({ kind: 'ids', ids: ['🚣', 'zz'] })],
  ['a page behind all', { ...legs(IDS), offset: 1_000 }],
  ['a namespace of none', { text: 'lock', namespace: '🚣' }],
  ['a prefetch of nothing', legs({ ...WORDS, prefetch: legs({ kind: 'text', text: 'zzzz' }) })],
  ['facets of nothing', { ...legs(IDS), facets: [{ property: 'nope' }, { property: '__proto__' }, { property: 'constructor' }] }],
  ['words that count the same', { ...legs(WORDS), k1: 0, b: 0 }],
  [
    'great scores summed',
    {
      ...legs({ ...SPARSE, values: [BIG], weight: 1e6 }, { ...inLegs({ ...SPARSE, values: [BIG], weight: 1e6 }), weight: 1e6 }),
      fusion: { kind: 'sum', normaliser: 'none' },
    },
  ],
  ['great scores apart', { ...legs({ ...SPARSE, values: [BIG], weight: 1e6 }, { ...SPARSE, values: [-BIG] }), fusion: { kind: 'dbsf' } }],
  ['great scores of a leg', legs({ ...SPARSE, indices: [1, 2], values: [BIG, -BIG], weight: 1e6 }, WORDS)],
  ['great similarities', stage({ kind: 'max_sim', field: 'tokens', vectors: times(128, [BIG, BIG]) })],
  ['infinite products', formula({ kind: 'product', of: times(10, { kind: 'constant', value: 1e308 }) })],
  [
    'what takes them away',
    formula({ kind: 'sum', of: [1, -1].map((sign) => ({ kind: 'product', of: times(2, { kind: 'constant', value: sign * 1e308 }) })) }),
  ],
  ['the least scale', formula({ kind: 'decay_gauss', of: { kind: 'property', property: 'page' }, origin: 3, scale: 5e-324 })],
  [
    'the farthest origin',
    formula({ kind: 'decay_exp', of: { kind: 'constant', value: 1e308 }, origin: -1e308, scale: 5e-324, at_scale: 5e-324 }),
  ],
  ['one that is to differ from others', stage({ kind: 'mmr' }, { kind: 'ids', ids: ['a'] })],
];

const numbersIn = (value: unknown): unknown[] =>
  typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : typeof value === 'number' ? [value] : [];

describe('[TX287] a plan of any bytes', () => {
  it.each(REFUSED)('is refused by its field: %s', async (_, body, code, param, says) => {
    const refused = await send('search', body);
    expect(refused.body.error).toMatchObject({ code, message: expect.stringContaining(says) });
    expect([refused.body.error.param, refused.status >= 400 && refused.status < 500]).toEqual([
      param === 'filter' ? expect.stringMatching(/^filter(\.\$not)+$/) : param,
      true,
    ]);
    const batch = await send(
      'search/batch',
      typeof body === 'string' ? `{"searches": [{"text": "a"}, ${body}]}` : { searches: [{ text: 'a' }, body] },
    );
    expect(batch.body.error.code).toBe(code);
    if (code !== 'malformed_json' && param !== 'filter')
      expect(batch.body.error.param).toBe(param === null ? 'searches[1]' : `searches[1].${param}`);
  });

  it.each(TAKEN)('is answered with finite numbers, the same each time: %s', async (_, body) => {
    const found = await send('search', body);
    expect([found.status, found.body.error]).toEqual([200, undefined]);
    const { matches } = found.body as { matches: { id: string; score: unknown }[] };
    for (const { score } of matches) expect(score).toSatisfy(Number.isFinite);
    expect(numbersIn(found.body).every(Number.isFinite)).toBe(true);
    expect(new Set(matches.map(({ id }) => id)).size).toBe(matches.length);
    expect((await send('search', body)).body).toEqual(found.body);
  });

  it('[TX274] [TX275] [TX276] is arranged by whatever rows hold', async () => {
    const of = async (body: object) => (await send('search', { legs: [IDS], ...body })).body;
    const idsIn = ({ matches }: { matches: { id: string }[] }) => matches.map(({ id }) => id).join('');
    const groups = (body: { matches: { id: string; group?: unknown }[] }) => body.matches.map(({ id, group }) => [id, group]);
    expect(groups(await of({ stages: [{ kind: 'group', by: 'of' }] }))).toEqual([
      ['a', 'lock'],
      ['b', 'weir'],
      ['d', undefined],
      ['e', undefined],
    ]);
    const order = (direction: string) => of({ stages: [{ kind: 'order_by', property: 'mixed', direction }] });
    expect([idsIn(await order('ascending')), idsIn(await order('descending'))]).toEqual(['abcde', 'cbade']);
    const { facets } = await of({ facets: [{ property: 'of' }, { property: 'mixed' }, { property: 'nested.deep', limit: 1 }] });
    expect(
      facets.map(({ values, others }: { values: { value: unknown; count: number }[]; others: number }) => [
        ...values.map(({ value, count }) => [value, count]),
        others,
      ]),
    ).toEqual([
      [['lock', 2], ['gate', 1], ['weir', 1], 0],
      [[1, 1], ['x', 1], [true, 1], 0],
      [[1, 1], 1],
    ]);
  });

  it.each(['0', '-1', 'x'])('is refused a deadline of %j', async (ms) => {
    const refused = await send('search', { text: 'lock' }, { 'x-sluice-deadline-ms': ms });
    expect([refused.status, refused.body.error?.param]).toEqual([400, 'x-sluice-deadline-ms']);
  });

  it('[TX280] is answered, or refused as late, within a millisecond', async () => {
    for (let tries = 0; tries < 10; tries += 1) {
      const { status, body } = await send('search', { text: 'lock', facets: [{ property: 'of' }] }, { 'x-sluice-deadline-ms': '1' });
      expect([200, 503, 504]).toContain(status);
      if (status === 504) expect(body.error.code).toBe('deadline_exceeded');
    }
  });
});
