import { expect, it } from 'vitest';

import { qdrantCollectionEndpoints } from '../../../../src/contract/qdrant/collections.ts';

const { schema } = qdrantCollectionEndpoints.qdrantCreateCollection.body;

const asked = (more: object) => schema.safeParse({ vectors: { size: 3, distance: 'Dot' }, ...more });

it.each([
  ['members of a quantizer', { quantization_config: { scalar: { type: 'int8', quantile: 0.99, always_ram: true, rest: null } } }],
  ['a name of 64 characters', { quantization_config: { product: { ['x'.repeat(64)]: 1 } } }],
  ['no sparse vectors', { sparse_vectors: {} }],
  ['null for sparse vectors', { sparse_vectors: null }],
])('[Q1] the creation of a collection takes %s', (_, more) => {
  const read = asked(more);
  expect(read.error?.issues).toBeUndefined();
  expect(read.data).toMatchObject(more);
});

it.each([
  ['a quantizer with a member of another kind', { quantization_config: { scalar: { type: { deep: 1 } } } }],
  ['a name of 65 characters', { quantization_config: { product: { ['x'.repeat(65)]: 1 } } }],
  ['a text of 65 characters', { quantization_config: { product: { x: 'x'.repeat(65) } } }],
  ['a list for a quantizer', { quantization_config: { binary: [] } }],
  ['sparse vectors', { sparse_vectors: { words: {} } }],
  ['a list for sparse vectors', { sparse_vectors: [] }],
])('[Q1] the creation of a collection refuses %s', (_, more) => {
  expect(asked(more).success).toBe(false);
});
