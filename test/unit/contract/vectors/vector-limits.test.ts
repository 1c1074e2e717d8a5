import { describe, expect, it } from 'vitest';

import { ENDPOINTS } from '../../../../src/contract/endpoints.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import { upsertPoints } from '../../../../src/contract/qdrant/points.ts';
import { paramOf } from '../../../../src/contract/api/errors.ts';

const upsert = ENDPOINTS.upsertVectors.body.schema;
const create = ENDPOINTS.createIndex.body.schema;
const list = ENDPOINTS.listVectors.body.schema;

/** JSON of exactly `bytes` bytes. */
const metadataOf = (bytes: number, letter = 'x') => {
  const room = bytes - '{"t":""}'.length;
  const wide = new TextEncoder().encode(letter).length;
  return { t: letter.repeat(Math.floor(room / wide)) + 'x'.repeat(room % wide) };
};

const ones = (count: number): number[] => Array.from({ length: count }, () => 1);
const good = { id: 'good', values: [1, 2] };

/** The field, code and message of a refusal; undefined if the value is accepted. */
function fault(schema: Parameters<typeof parse>[0], value: unknown): readonly [param: string | null, code: string] | undefined {
  const parsed = parse(schema, value);
  return parsed.ok ? undefined : [paramOf(parsed.error), parsed.error.code];
}

/** A batch with another point at this position. */
const batchWith = (at: number, point: object, others: object = good) => [
  ...Array.from({ length: at }, (_, i) => ({ ...others, id: `v${i}` })),
  point,
  { ...others, id: 'last' },
];

describe('one vector', () => {
  it.each(['x', 'é', '漢', '😀'])('may have metadata of 64 KiB of %s, and not a byte more', (letter) => {
    const { vectorMetadataBytesMax: bytesMax } = VECTOR_LIMITS;
    expect(bytesMax).toBe(64 * 1024);
    const at = (bytes: number) => ({ vectors: [{ ...good, metadata: metadataOf(bytes, letter) }] });
    expect(fault(upsert, at(bytesMax))).toBeUndefined();
    expect(fault(upsert, at(bytesMax + 1))).toEqual(['vectors[0].metadata', 'limit_exceeded']);
  });

  it('may have 8,192 dimensions, and not one more', () => {
    const { dimensionsMaxCount: countMax } = INDEX_LIMITS;
    expect(countMax).toBe(8_192);
    expect(fault(upsert, { vectors: [{ id: 'a', values: ones(countMax) }] })).toBeUndefined();
    expect(fault(upsert, { vectors: [{ id: 'a', values: ones(countMax + 1) }] })).toEqual(['vectors[0].values', 'limit_exceeded']);
    const index = { name: 'a', owner: 'b' };
    expect(fault(create, { ...index, dimensions: countMax })).toBeUndefined();
    expect(fault(create, { ...index, dimensions: countMax + 1 })).toEqual(['dimensions', 'limit_exceeded']);
  });
});

describe('one bad point of a batch is named', () => {
  it.each([
    ['values that are not numbers', { id: 'bad', values: [1, 'x'] }, 'vectors[17].values[1]', 'invalid_value'],
    ['values beyond float32', { id: 'bad', values: [1, 1e300] }, 'vectors[17].values[1]', 'invalid_value'],
    ['no values', { id: 'bad' }, 'vectors[17]', 'invalid_value'],
    ['too many values', { id: 'bad', values: ones(8_193) }, 'vectors[17].values', 'limit_exceeded'],
    ['too much metadata', { ...good, id: 'bad', metadata: metadataOf(65_537) }, 'vectors[17].metadata', 'limit_exceeded'],
    ['the id of another point', { ...good, id: 'v3' }, 'vectors[17].id', 'invalid_value'],
  ])('natively: with %s', (_, point, param, code) => {
    expect(fault(upsert, { vectors: batchWith(17, point) })).toEqual([param, code]);
  });

  it.each([
    ['a vector that is not one', { id: 1, vector: [1, 'x'] }, 'points[17].vector[1]', 'invalid_value'],
    ['no vector', { id: 1 }, 'points[17].vector', 'invalid_value'],
    ['too many numbers', { id: 1, vector: ones(8_193) }, 'points[17].vector', 'limit_exceeded'],
    ['too much payload', { id: 1, vector: [1, 2], payload: metadataOf(65_537) }, 'points[17].payload', 'limit_exceeded'],
    ['an invalid id', { id: 'x', vector: [1, 2] }, 'points[17].id', 'invalid_value'],
  ])('by Qdrant: with %s', (_, point, param, code) => {
    const points = batchWith(17, point, { vector: [1, 2] }).map((item, i) => ({ ...item, ...(i === 17 ? {} : { id: 100 + i }) }));
    expect(fault(upsertPoints, { points })).toEqual([param, code]);
  });

  it('by Qdrant, in columns', () => {
    const ids = Array.from({ length: 20 }, (_, i) => i);
    const vectors = ids.map((i) => (i === 17 ? [1, null] : [1, 2]));
    expect(fault(upsertPoints, { batch: { ids, vectors } })).toEqual(['batch.vectors[17][1]', 'invalid_value']);
  });
});

it('a filter may name 10,000 ids, and not one more', () => {
  expect(VECTOR_LIMITS.filterValuesMaxCount).toBe(10_000);
  const ids = Array.from({ length: 10_001 }, (_, i) => `v${i}`);
  expect(fault(list, { filter: { $id: { $in: ids.slice(1) } } })).toBeUndefined();
  expect(fault(list, { filter: { $id: { $in: ids } } })?.[1]).toBe('limit_exceeded');
});
