import { describe, expect, it } from 'vitest';

import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { isOwnKey, ownKey } from '../../../../src/ann/receipts.ts';
import type { Repetition, UpsertBatch } from '../../../../src/ann/shard-protocol.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { NewVector } from '../../../../src/contract/vectors/vectors.ts';
import { ManifestCache } from '../../../../src/gateway/indexes/manifest-cache.ts';
import type { TextEmbedder } from '../../../../src/gateway/embeddings/text-embedder.ts';
import { FieldSpace } from '../../../../src/gateway/vectors/field-space.ts';
import { slicesOf, Upserts } from '../../../../src/gateway/vectors/upserts.ts';
import { VectorSpace, withoutTexts } from '../../../../src/gateway/vectors/vector-space.ts';
import { Vectors } from '../../../../src/gateway/vectors/vectors.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';
import { indexShards } from '../../../support/fakes/index-shards.ts';
import { servedRows } from '../../../support/fakes/served-rows.ts';

const caller = withoutTexts({ principal: principal('tn_one'), authority: IN_FORCE });

function world(options: { readonly dimensions?: number; readonly failAt?: number } = {}) {
  let manifest: IndexManifest = {
    id: 'ix_1' as IndexId,
    tenantId: caller.principal.tenantId,
    name: 'many',
    dimensions: options.dimensions ?? 2,
    metric: 'cosine',
    embedding: null,
    owner: 'search',
    createdS: 1,
    generation: 1,
  };
  const batches: UpsertBatch[] = [];
  const shards = {
    upsert: async (_: IndexManifest, batch: UpsertBatch) => {
      if (batches.length === options.failAt) return refuse('unavailable', 'the shard is away');
      batches.push(batch);
      return ok({ count: batch.ids.length, lsn: batches.length });
    },
  };
  let nowMs = 0;
  const directory = { describe: async () => ok(manifest) } as unknown as ConstructorParameters<typeof ManifestCache>[0];
  const manifests = new ManifestCache(directory, { nowMs: () => (nowMs += VECTOR_LIMITS.indexManifestTtlMs) });
  const space = new VectorSpace({} as TextEmbedder);
  const fields = new FieldSpace({} as TextEmbedder);
  const vectors = new Vectors({ manifests, shards: indexShards(shards), space, fields, served: servedRows() });
  let calls = 0;
  const newId = () => `call${(calls += 1)}`;
  const parts = { manifests, space, fields, vectors, newId };
  return { parts, upserts: new Upserts(parts), batches, recreate: () => (manifest = { ...manifest, createdS: 2 }) };
}

const vectorsOf = (count: number, metadata?: string): NewVector[] =>
  Array.from({ length: count }, (_, i) => ({ id: `v${i}`, namespace: '', values: Float32Array.of(i, 1), metadata }));

describe('many vectors of one call', () => {
  it('[V165] are written in order, in slices that fit one transaction', async () => {
    const { upserts, batches } = world();
    const vectors = vectorsOf(2_500);
    expect(await upserts.upsert(caller, 'many', { vectors })).toMatchObject({ ok: true, value: { count: 2_500, lsn: 3 } });
    expect(batches.map(({ ids }) => ids.length)).toEqual([1_000, 1_000, 500]);
    expect(batches.flatMap(({ ids }) => ids)).toEqual(vectors.map(({ id }) => id));
    expect(batches.flatMap(({ values }) => [...values])).toEqual(vectors.flatMap(({ values }) => [...(values ?? [])]));
  });

  it.each([
    ['a slice of vectors', 2, undefined, 1_000],
    ['a slice of numbers', 8_192, undefined, 255],
    ['a slice of metadata', 2, 'x'.repeat(64 * 1024), 63],
  ])('[V165] are cut by count and by bytes: %s', (_, dimensions, metadata, most) => {
    const vectors = vectorsOf(1_200, metadata);
    const slices = [...slicesOf(vectors, dimensions)];
    expect(slices[0]).toEqual([0, most]);
    expect(slices.map(([from]) => from)).toEqual([0, ...slices.slice(0, -1).map(([, end]) => end)]);
    expect(slices.at(-1)?.[1]).toBe(1_200);
    const bytes = ([from, end]: readonly [number, number]) => (end - from) * (4 * dimensions + 2 * (metadata?.length ?? 0));
    expect(Math.max(...slices.map(bytes))).toBeLessThanOrEqual(VECTOR_LIMITS.upsertSliceBytesMax);
  });

  it('[V165] are all checked before the first is written', async () => {
    const { upserts, batches } = world();
    const vectors = vectorsOf(2_500).map((vector, i) => (i === 2_017 ? { ...vector, values: Float32Array.of(1, 2, 3) } : vector));
    expect(await upserts.upsert(caller, 'many', { vectors })).toMatchObject({
      ok: false,
      error: { code: 'dimension_mismatch', path: ['vectors', 2017, 'values'] },
    });
    const text = [...vectorsOf(1_200), { id: 'text', namespace: '', text: 'no model' }];
    expect(await upserts.upsert(caller, 'many', { vectors: text })).toMatchObject({ error: { path: ['vectors', 1200, 'text'] } });
    expect(batches).toEqual([]);
  });

  it('[M156] say which of their texts were cut, whatever slice these are in', async () => {
    const { parts } = world();
    const { vectors } = parts;
    const write: typeof vectors.write = async (...call) => {
      const written = await vectors.write(...call);
      return written.ok ? ok({ ...written.value, cut: [{ index: 3, tokens: 7 }] }) : written;
    };
    const written = await new Upserts({ ...parts, vectors: { write } }).upsert(caller, 'many', {
      vectors: vectorsOf(2_500),
      truncate: 'end',
    });
    const cut = [3, 1_003, 2_003].map((index) => ({ index, tokens: 7 }));
    expect(written).toMatchObject({ ok: true, value: { count: 2_500, cut } });
  });

  it('[V165] that fail midway report how many were written', async () => {
    const { upserts } = world({ failAt: 2 });
    expect(await upserts.upsert(caller, 'many', { vectors: vectorsOf(2_500) })).toEqual({
      ok: false,
      error: { code: 'unavailable', message: 'the shard is away; the first 2000 vectors were written', applied: 2_000 },
    });
    const { upserts: first } = world({ failAt: 0 });
    const refused = await first.upsert(caller, 'many', { vectors: vectorsOf(2_500) });
    expect(!refused.ok && refused.error).toEqual({ code: 'unavailable', message: 'the shard is away' });
  });

  it('[V165] are never written to two indexes of one name', async () => {
    const { upserts, batches, recreate } = world();
    const writing = upserts.upsert(caller, 'many', { vectors: vectorsOf(1_500) });
    while (batches.length === 0) await Promise.resolve();
    recreate();
    expect(await writing).toMatchObject({ ok: false, error: { code: 'state_conflict', applied: 1_000 } });
    expect(batches).toHaveLength(1);
  });

  it('[RT41] without a key get one from the gateway for each slice and call, which no caller sees', async () => {
    const { upserts, batches } = world();
    for (let calls = 0; calls < 2; calls++) {
      const written = await upserts.upsert(caller, 'many', { vectors: vectorsOf(1_500) });
      expect(written).toMatchObject({ ok: true, value: { count: 1_500 } });
      expect(written).not.toHaveProperty('value.usageId');
    }
    const keys = batches.map(({ repetition }) => repetition?.idempotencyKey ?? '');
    expect(keys).toEqual(['call1 0', 'call1 1000', 'call2 0', 'call2 1000'].map(ownKey));
    expect(keys.every(isOwnKey)).toBe(true);
    // Callers' keys are visible ASCII, so they are never taken for the gateway's own.
    expect(isOwnKey('!')).toBe(false);
  });

  it('[V166] are identified by their slices when the call is repeated', async () => {
    const keysOf = async (vectors: readonly NewVector[]): Promise<readonly (Repetition | null)[]> => {
      const { upserts, batches } = world();
      await upserts.upsert(caller, 'many', { vectors, idempotencyKey: 'key' });
      return batches.map(({ repetition }) => repetition);
    };
    const [all, again, fewer, small] = [
      await keysOf(vectorsOf(2_500)),
      await keysOf(vectorsOf(2_500)),
      await keysOf(vectorsOf(1_500)),
      await keysOf(vectorsOf(1_000)),
    ];
    expect(again).toEqual(all);
    expect(all.map((repetition) => repetition?.idempotencyKey)).toEqual(['key', 'key 1000', 'key 2000']);
    expect(small.map((repetition) => repetition?.idempotencyKey)).toEqual(['key']);
    // The three calls have the same first slice, but different digests.
    expect(new Set([all, fewer, small].map(([first]) => first?.digest)).size).toBe(3);
  });
});
