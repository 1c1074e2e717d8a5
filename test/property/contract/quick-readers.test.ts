import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';

import type { Endpoint } from '../../../src/contract/api/endpoint.ts';
import { ENDPOINTS } from '../../../src/contract/endpoints.ts';
import { parseJsonText } from '../../../src/contract/api/json-text.ts';
import { VECTOR_LIMITS } from '../../../src/contract/vectors/vector-limits.ts';
import { parse } from '../../../src/contract/api/parse.ts';
import { quickReaderOf } from '../../../src/contract/api/quick-reader.ts';
import { rawJson } from '../../../src/kernel/exact-json.ts';
import { effort } from '../../support/fixtures/effort.ts';

const number = fc.oneof(
  fc.double(),
  fc.float({ noNaN: true }),
  fc.integer(),
  fc.constantFrom(
    0,
    -0,
    1,
    10,
    1e39,
    VECTOR_LIMITS.topKMaxCount,
    VECTOR_LIMITS.topKMaxCount + 1,
    VECTOR_LIMITS.queryOffsetMaxCount,
    2 ** 53,
    1.5,
  ),
);
const word = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', 'a\0b', '\ud800', 'ü', 'x'.repeat(200), 'glove-sif-100'),
);
const vector = fc.oneof(
  fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 2, maxLength: 8 }),
  fc.array(fc.oneof(number, fc.constant(null), word), { maxLength: 4 }),
);
const anything = fc.oneof(number, word, vector, fc.boolean(), fc.constant(null), fc.constant({}), fc.jsonValue({ maxDepth: 2 }));
const flag = fc.oneof({ weight: 4, arbitrary: fc.boolean() }, { weight: 1, arbitrary: anything });
const count = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: -1, max: 40 }) }, { weight: 1, arbitrary: anything });
const filter = fc.oneof(fc.constantFrom({ a: 1 }, { a: { $gt: 2 } }, {}, { must: [] }, { $or: 1 }), anything);

const embeddings = {
  input: fc.oneof(word, fc.array(word), fc.array(count), fc.array(fc.array(count, { maxLength: 3 }), { maxLength: 3 }), anything),
  model: word,
  encoding_format: fc.constantFrom('float', 'base64', 'hex', null),
  dimensions: count,
  user: word,
  others: anything,
};

/** A whole number of more digits than a double holds, as it is read where all are kept. */
const LARGE = rawJson('123456789012345678901');

const content = fc.oneof(anything, fc.constantFrom(nested(125), nested(126), LARGE));
const message = fc.record({ role: word, content, name: word, tool_calls: anything }, { requiredKeys: ['role'] });

const chat = {
  model: word,
  messages: fc.oneof({ weight: 4, arbitrary: fc.array(message, { maxLength: 3 }) }, { weight: 1, arbitrary: anything }),
  prompt: fc.constantFrom(null, { id: 'p' }, 1),
  stream: flag,
  stream_options: fc.oneof(fc.record({ include_usage: flag, others: anything }, { requiredKeys: [] }), anything, fc.constant(LARGE)),
  max_tokens: fc.oneof(count, fc.constant(LARGE)),
  max_completion_tokens: count,
  tools: fc.oneof(anything, fc.constantFrom(nested(126), nested(127), nested(128))),
  ['__proto__']: fc.constantFrom({ model: 'm' }),
};

/** A value of so many levels. */
function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}

/** Members of each body, those that its quick reader knows and others. */
const MEMBERS: Readonly<Record<string, Readonly<Record<string, fc.Arbitrary<unknown>>>>> = {
  queryVectors: {
    vector: fc.oneof({ weight: 5, arbitrary: vector }, { weight: 1, arbitrary: anything }),
    top_k: count,
    offset: count,
    namespace: word,
    filter,
    exact: flag,
    explain: flag,
    include_values: flag,
    include_metadata: flag,
    include_text: flag,
    text: word,
    consistency: fc.constantFrom('strong', 'eventual', { min_lsn: 3 }, 'weak'),
    mmr: anything,
    model: word,
    others: anything,
  },
  createChatCompletion: chat,
  createEmbeddings: embeddings,
  embedOnJob: embeddings,
  qdrantQuery: { query: fc.oneof(vector, anything), ...pointOptions() },
  qdrantSearch: { vector: fc.oneof(vector, anything), ...pointOptions() },
};

function pointOptions() {
  const params = fc.constantFrom({ exact: true }, { hnsw_ef: 8 }, null);
  return { limit: count, offset: count, score_threshold: number, with_payload: flag, with_vector: flag, filter, params, others: anything };
}

const USUAL_EMBEDDINGS = [
  { input: 'text', model: 'm' },
  { input: ['a', 'ü'], model: 'm', encoding_format: 'base64' },
  { input: [[1], [2]], model: 'm' },
];

const USUAL: Readonly<Record<string, readonly unknown[]>> = {
  queryVectors: [
    { vector: [0.1, -2], top_k: 10, include_metadata: false },
    { vector: [1, 2], filter: { lang: 'en' }, namespace: 'a b', offset: 3, exact: true },
  ],
  createChatCompletion: [
    { model: 'm', messages: [{ role: 'user', content: 'a' }] },
    {
      temperature: 0.5,
      messages: [
        { content: [{ type: 'text', text: 'a' }], role: 'user' },
        { role: 'tool', tool_call_id: '1', content: nested(125) },
      ],
      model: 'upstream/m',
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 5,
      tools: [{ type: 'function', function: { name: 'f', parameters: {} } }],
    },
  ],
  createEmbeddings: USUAL_EMBEDDINGS,
  embedOnJob: USUAL_EMBEDDINGS,
  qdrantQuery: [{ query: [0.5, 1], limit: 10, with_payload: true }, { query: [1, 2] }],
  qdrantSearch: [{ vector: [0.5, 1], limit: 3, with_vector: true, score_threshold: 0.5, offset: 1 }],
};

/** What no body of the endpoint may have. */
const WRONG: Readonly<Record<string, object>> = { createChatCompletion: { max_tokens: 0 } };

const withQuickReader = (Object.entries(ENDPOINTS) as [string, Endpoint][]).flatMap(([name, { body }]) => {
  const read = body.kind === 'json' ? quickReaderOf(body.schema) : undefined;
  return body.kind === 'json' && read !== undefined ? [{ name, body, read }] : [];
});

/** Usual bodies of which up to three members are any, and bodies of any members. */
function bodiesOf(name: string): fc.Arbitrary<object> {
  const members = MEMBERS[name] ?? {};
  const few = fc
    .subarray(Object.entries(members), { maxLength: 3 })
    .chain((chosen) => fc.record(Object.fromEntries(chosen) as Record<string, fc.Arbitrary<unknown>>));
  const usual = fc.tuple(fc.constantFrom(...(USUAL[name] ?? [])), few).map(([body, changed]) => ({ ...(body as object), ...changed }));
  return fc.oneof(usual, fc.record(members, { requiredKeys: [] }));
}

describe('the quick reader of a hot body', () => {
  it('[G61] is that of the endpoints that this test makes bodies for', () => {
    expect(withQuickReader.map(({ name }) => name).toSorted()).toEqual(Object.keys(MEMBERS).toSorted());
  });

  it.each(withQuickReader)('[G61] reads what it accepts as the schema does: $name', ({ name, body, read }) => {
    let accepted = 0;
    fc.assert(
      fc.property(bodiesOf(name), (members) => {
        // As a body arrives: as text.
        const value = parseJsonText(JSON.stringify(members), body.exactIntegers);
        if (!value.ok) return;
        const quick = read(value.value);
        if (quick === undefined) return;
        accepted += 1;
        const whole = z.safeParse(body.schema, value.value);
        expect(whole.success).toBe(true);
        // Strictly: a large number is no object of the same text.
        expect(quick).toStrictEqual(whole.data);
        expect(Object.keys(quick as object)).toEqual(Object.keys(whole.data as object));
      }),
      { numRuns: effort(2_000) },
    );
    expect(accepted, 'bodies that the schema was compared by').toBeGreaterThan(effort(2_000) / 20);
  });

  it.each(withQuickReader)('[G61] takes any other type of a member only where the schema does: $name', ({ name, body, read }) => {
    const changed = (USUAL[name] ?? []).flatMap((usual) =>
      Object.keys(MEMBERS[name] ?? {}).flatMap((member) =>
        [null, true, 1, -1, 1e9, 'x', '', [], [1], {}].map((other) => ({ ...(usual as object), [member]: other })),
      ),
    );
    const accepted = changed.flatMap((members) => {
      const quick = read(members);
      return quick === undefined ? [] : [{ members, quick }];
    });
    expect(accepted.length).toBeGreaterThan(0);
    for (const { members, quick } of accepted) {
      expect(z.safeParse(body.schema, members), JSON.stringify(members)).toEqual({ success: true, data: quick });
    }
  });

  it.each(withQuickReader)('[G61] knows the usual bodies, and leaves errors to the schema: $name', ({ name, body, read }) => {
    for (const usual of USUAL[name] ?? []) {
      expect(read(usual), JSON.stringify(usual)).toEqual(z.parse(body.schema, usual));
      const wrong = { ...(usual as object), ...(WRONG[name] ?? { limit: 0, top_k: 0, encoding_format: 'none' }) };
      expect(read(wrong)).toBeUndefined();
      expect(parse(body.schema, wrong)).toMatchObject({ ok: false, error: { schema: { part: 'body' } } });
    }
  });
});
