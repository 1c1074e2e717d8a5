import { expect, it } from 'vitest';

import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { measureSlice } from '../../../../src/ann/shard/recall-slice.ts';
import type { MeasuredSearch } from '../../../../src/ann/shard/recall-slice.ts';
import { NO_COST } from '../../../../src/ann/search-cost.ts';
import type { ShardRecall, ShardSample } from '../../../../src/ann/shard-protocol.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { IndexDirectory } from '../../../../src/gateway/indexes/index-directory.ts';
import { ManifestCache } from '../../../../src/gateway/indexes/manifest-cache.ts';
import { RecallMeasurement } from '../../../../src/gateway/vectors/recall-measurement.ts';
import type { IndexId, TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { VectorWorld } from '../../../support/worlds/vector-world.ts';
import { indexShards } from '../../../support/fakes/index-shards.ts';

const TENANT = 'tn_1' as TenantId;
const manifest: IndexManifest = {
  id: 'ix_1' as IndexId,
  tenantId: TENANT,
  name: 'articles',
  dimensions: 8,
  metric: 'cosine',
  embedding: null,
  owner: 'o',
  createdS: 0,
  generation: 1,
};

/** An index over a shard with a given engine; each search uses `sliceShare` of a slice's budget. */
function indexWith(search: MeasuredSearch, world: VectorWorld, sliceShare: number) {
  const calls: (ShardSample | ShardRecall)[] = [];
  const deleted = new Set<string>();
  const costing: MeasuredSearch = (query) => ({
    ...search(query),
    explanation: { ...NO_COST, codesScanned: query.exact ? 400 : 20, bytesTouched: sliceShare * INDEX_LIMITS.recallSliceBytesMax },
  });
  const shards = indexShards({
    sample: async (_: IndexManifest, asked: ShardSample) => {
      calls.push(asked);
      return ok({ ids: world.vectors.slice(0, asked.count).map(({ id }) => id), lsn: 7 });
    },
    measureRecall: async (_: IndexManifest, asked: ShardRecall) => {
      calls.push(asked);
      if (asked.namespace === 'busy') return refuse('overloaded', 'the shard has more to do than it can');
      const vectors = asked.ids.map((id) => (deleted.has(id) ? undefined : world.vectors.find((vector) => vector.id === id)));
      return ok(measureSlice('cosine', vectors, asked.topK, costing));
    },
  });
  const directory = { describe: async () => ok(manifest) } as unknown as IndexDirectory;
  const manifests = new ManifestCache(directory, { nowMs: () => 0 });
  const rng = { bytes: (count: number) => Uint8Array.from({ length: count }, (_, i) => i + 1) };
  return { recall: new RecallMeasurement({ manifests, shards, rng }), calls, deleted };
}

const world = new VectorWorld('cosine', 400, 8, 9, 1_000_000);
const asked = { samples: 120, top_k: 10, namespace: '' };

it('[V155][V157] reports an engine that drops every tenth match, slice by slice', async () => {
  const { recall, calls } = indexWith(world.searchDropping(10), world, 1 / 80);
  const measured = await recall.measure({ tenantId: TENANT }, 'articles', asked);
  if (!measured.ok) throw new Error(measured.error.message);
  const { estimate, sampleCount, worst, cost, exactCost, lsn } = measured.value;
  expect(estimate?.mean).toBeCloseTo(0.9, 12);
  expect(estimate?.high).toBeLessThan(0.95);
  expect([sampleCount, lsn]).toEqual([120, 7]);
  expect(worst).toHaveLength(VECTOR_LIMITS.recallWorstMaxCount);
  expect(worst[0]).toMatchObject({ found: 9, of: 10 });
  expect([cost.codesScanned, exactCost.codesScanned]).toEqual([120 * 20, 120 * 400]);
  const slices = calls.slice(1) as ShardRecall[];
  expect(slices.map(({ ids }) => ids.length)).toEqual([50, 50, 40]);
  expect(calls[0]).toEqual({ indexId: 'ix_1', namespace: '', count: 120, seed: 0x04_03_02_01 });
});

it('[V155] names the queries with the most misses, worst first', async () => {
  const right = world.searchDropping(Infinity);
  const bad = new Map([
    ['v3', 4],
    ['v5', 8],
  ]);
  const search: MeasuredSearch = (query) => {
    const answer = right(query);
    const id = world.vectors.find(({ values }) => values === query.values)?.id ?? '';
    const kept = query.exact ? undefined : bad.get(id);
    return kept === undefined ? answer : { ...answer, matches: answer.matches.slice(0, kept + 1) };
  };
  const measured = await indexWith(search, world, 0).recall.measure({ tenantId: TENANT }, 'articles', asked);
  expect(measured).toMatchObject({
    ok: true,
    value: {
      worst: [
        { id: 'v3', found: 4 },
        { id: 'v5', found: 8 },
      ],
      sampleCount: 120,
    },
  });
});

it('[V157] skips vectors that were deleted meanwhile, and returns refusals of the shard', async () => {
  const { recall, deleted } = indexWith(world.searchDropping(Infinity), world, 0);
  for (const id of ['v0', 'v1', 'v60']) deleted.add(id);
  expect(await recall.measure({ tenantId: TENANT }, 'articles', asked)).toMatchObject({
    ok: true,
    value: { sampleCount: 117, estimate: { mean: 1 } },
  });
  expect(await recall.measure({ tenantId: TENANT }, 'articles', { ...asked, namespace: 'busy' })).toMatchObject({
    ok: false,
    error: { code: 'overloaded' },
  });
  const empty = indexWith(world.searchDropping(Infinity), new VectorWorld('cosine', 0, 8, 1, 10), 0);
  const nothing = await empty.recall.measure({ tenantId: TENANT }, 'articles', asked);
  expect(nothing).toMatchObject({ ok: true, value: { sampleCount: 0, worst: [] } });
  expect(nothing.ok && nothing.value.estimate).toBeUndefined();
});
