import { expect, it } from 'vitest';

import { NO_ANNOTATIONS } from '../../../../src/index/index-annotations.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { infoOf } from '../../../../workers/gateway/compat/qdrant/tuning.ts';

const manifest = { dimensions: 4, metric: 'cosine' } as IndexManifest;
const stats = { lsn: 9, count: 100, shards: 2, namespaces: 1, storageBytes: 1, memoryBytes: 1, manifest };
const indexed = (vectors: number, waiting: number) => infoOf(stats, { vectors, waiting }, NO_ANNOTATIONS).indexed_vectors_count;

it('[Q58] the indexed points of a collection are those in posting lists, whatever copies there are', () => {
  expect(indexed(100, 0)).toBe(100);
  expect(indexed(100, 40)).toBe(60);
  expect(indexed(150, 75)).toBe(50);
  expect(indexed(0, 0)).toBe(100);
});
