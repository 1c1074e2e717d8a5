import { Buffer } from 'node:buffer';

import { describe, expect, it } from 'vitest';

import { ENDPOINTS } from '../../../../src/contract/endpoints.ts';
import { paramOf } from '../../../../src/contract/api/errors.ts';
import { framedBody } from '../../../../src/contract/api/framed-body.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import { writeFrame } from '../../../../src/kernel/vector-frame.ts';

const { queryVectorsBatch, queryVectors, upsertVectors, updateValues } = ENDPOINTS;
const VALUES = Float32Array.of(0.1, 2, 3, 4);

const BODIES = {
  queryVectors: queryVectors.body,
  queryVectorsBatch: queryVectorsBatch.body,
  upsertVectors: upsertVectors.body,
  updateValues: updateValues.body,
};

/** What an endpoint reads from a frame. */
function read(name: keyof typeof BODIES, head: unknown, values = VALUES, dimensions = 2): Outcome<unknown> {
  const { rows, schema } = BODIES[name];
  const body = framedBody(writeFrame(head, values, dimensions), rows);
  return body.ok ? parse(schema, body.value) : body;
}

const fault = (outcome: Outcome<unknown>) => (outcome.ok ? 'ok' : [outcome.error.code, paramOf(outcome.error), outcome.error.message]);

describe('[G75] a frame', () => {
  it('is what JSON with the same numbers is', () => {
    const json = (name: keyof typeof BODIES, body: unknown) => parse(BODIES[name].schema, body);
    const [first, second] = [Array.from(VALUES.subarray(0, 2)), [3, 4]];
    const searches = (a: unknown, b: unknown) => ({ searches: [{ vector: b, top_k: 3 }, { text: 'x' }, { vector: a, filter: { n: 1 } }] });
    expect(read('queryVectorsBatch', searches(0, 1))).toEqual(json('queryVectorsBatch', searches(first, second)));
    const vectors = (a: unknown, b: unknown) => ({
      vectors: [
        { id: 'a', values: a, metadata: { n: 1 } },
        { id: 'b', text: 'b' },
        { id: 'c', values: b },
      ],
    });
    expect(read('upsertVectors', vectors(0, 1))).toEqual(json('upsertVectors', vectors(first, second)));
    expect(
      read('updateValues', {
        vectors: [
          { id: 'a', values: 1 },
          { id: 'b', values: 0 },
        ],
      }),
    ).toMatchObject({ ok: true });
    expect(read('queryVectors', { vector: 0 }, VALUES, 4)).toEqual(json('queryVectors', { vector: Array.from(VALUES) }));
    expect(read('queryVectors', { id: 'a' }, new Float32Array(0), 0)).toEqual(json('queryVectors', { id: 'a' }));
  });

  it('may name a row more than once', () => {
    const shared = read('queryVectorsBatch', { searches: [{ vector: 0 }, { vector: 0, filter: { n: 1 } }] }, VALUES, 4);
    expect(shared).toMatchObject({ ok: true, value: { searches: [{ vector: VALUES }, { vector: VALUES }] } });
  });

  it.each<[string, Parameters<typeof read>, string, string | null, string]>([
    [
      'a row that is not there',
      ['queryVectorsBatch', { searches: [{ vector: 0 }, { vector: 2 }] }],
      'invalid_value',
      'searches[1].vector',
      'is the row 2; the frame has 2 rows',
    ],
    ['a row that is no number of one', ['queryVectors', { vector: 0.5 }], 'invalid_value', 'vector', 'is the row 0.5'],
    ['a row for nothing', ['queryVectorsBatch', { searches: [{ vector: 0 }] }], 'invalid_value', null, 'the row 1 of the frame'],
    [
      'a number that is none',
      ['queryVectors', { vector: 0 }, Float32Array.of(1, Number.NaN)],
      'invalid_value',
      'vector[1]',
      'finite number',
    ],
    [
      'an infinite number',
      ['upsertVectors', { vectors: [{ id: 'a', values: 0 }] }, Float32Array.of(Infinity, 1)],
      'invalid_value',
      'vectors[0].values[0]',
      'finite',
    ],
    ['too few numbers', ['queryVectors', { vector: 0 }, Float32Array.of(1), 1], 'invalid_value', 'vector', 'at least 2'],
    ['too many numbers', ['queryVectors', { vector: 0 }, new Float32Array(8_193), 8_193], 'limit_exceeded', 'vector', '8192'],
    ['another fault of its head', ['queryVectors', { vector: 0, top_k: 0 }, VALUES, 4], 'invalid_value', 'top_k', 'least'],
    ['a head that is no object', ['queryVectors', 'x', new Float32Array(0), 0], 'invalid_value', null, 'object'],
  ])('with %s is refused', (_, args, code, param, message) => {
    expect(fault(read(...args))).toEqual([code, param, expect.stringContaining(message)]);
  });

  it('whose bytes are no frame, or whose head is no JSON, is refused', () => {
    const frame = writeFrame({ vector: 0 }, VALUES, 4);
    const of = (bytes: Uint8Array<ArrayBuffer>) => fault(framedBody(bytes, queryVectors.body.rows));
    expect(of(frame.slice(0, -1))).toEqual(['invalid_value', null, expect.stringContaining(`the body has ${frame.length - 1} bytes; `)]);
    expect(of(frame.slice(1))).toEqual(['invalid_value', null, expect.stringContaining('SLF1')]);
    const broken = frame.slice();
    broken[16] = 0x5b;
    expect(of(broken)).toEqual(['malformed_json', null, expect.any(String)]);
    broken[16] = 0xff;
    expect(of(broken)).toEqual(['malformed_json', null, expect.any(String)]);
  });
});

describe('[G75] base64 of floats', () => {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const query = (vector: unknown) => parse(queryVectors.body.schema, { vector });

  it('is the vector whose little-endian numbers it holds', () => {
    expect(query(base64(new Uint8Array(VALUES.buffer)))).toEqual(query(Array.from(VALUES)));
    const longest = Float32Array.from({ length: INDEX_LIMITS.dimensionsMaxCount }, (_, i) => i / 7);
    expect(query(base64(new Uint8Array(longest.buffer)))).toEqual(query(Array.from(longest)));
  });

  it.each([
    ['no base64', 'ä', 'vector', 'base64'],
    ['bytes that are no floats', base64(new Uint8Array(9)), 'vector', 'has 9 bytes'],
    ['a number that is none', base64(new Uint8Array(Float32Array.of(1, Number.NaN).buffer)), 'vector[1]', 'finite'],
    ['too few numbers', base64(new Uint8Array(4)), 'vector', 'at least 2'],
    ['too many numbers', base64(new Uint8Array(4 * 100_000)), 'vector', 'dimensionsMaxCount (8192)'],
  ])('with %s is refused', (_, vector, param, message) => {
    expect(fault(query(vector))).toEqual([expect.any(String), param, expect.stringContaining(message)]);
  });
});
