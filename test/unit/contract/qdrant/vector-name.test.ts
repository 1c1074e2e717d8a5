import { describe, expect, it } from 'vitest';

import { qdrantCollectionEndpoints } from '../../../../src/contract/qdrant/collections.ts';
import { pointVector } from '../../../../src/contract/qdrant/points.ts';
import { queryBody } from '../../../../src/contract/qdrant/search.ts';

const creation = qdrantCollectionEndpoints.qdrantCreateCollection.body.schema;
const update = qdrantCollectionEndpoints.qdrantUpdateCollection.body.schema;
const params = { size: 3, distance: 'Cosine', on_disk: true };

describe('[Q85] the name of the one vector is empty, and may be said', () => {
  it('by creations and updates', () => {
    expect(creation.parse({ vectors: { '': params } })).toEqual(creation.parse({ vectors: params }));
    expect(update.safeParse({ vectors: { '': { on_disk: true } } }).success).toBe(true);
  });

  it('by points and queries', () => {
    expect(pointVector.parse({ '': [1, 2] })).toEqual(pointVector.parse([1, 2]));
    expect(queryBody.parse({ query: [1, 2], using: '', with_vector: [''] })).toMatchObject({ with_vector: true });
  });

  it('and no other name', () => {
    for (const vectors of [{ image: params }, { '': params, image: params }, {}, { '': { '': params } }])
      expect([vectors, creation.safeParse({ vectors }).success]).toEqual([vectors, false]);
  });
});
