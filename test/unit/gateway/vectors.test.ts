import { expect, it } from 'vitest';

import type { IndexManifest } from '../../../src/ann/index-manifest.ts';
import type { Billing, UpsertBatch } from '../../../src/ann/shard-protocol.ts';
import type { IndexShards } from '../../../src/gateway/index-shards.ts';
import { ManifestCache } from '../../../src/gateway/manifest-cache.ts';
import { VectorSpace } from '../../../src/gateway/vector-space.ts';
import { Vectors } from '../../../src/gateway/vectors.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import { principal } from '../../support/memory-cache-world.ts';
import { IN_FORCE } from '../../support/in-force.ts';
import { repetitionOf } from '../../support/repetition-of.ts';

const CALLER = { principal: principal('tn_one'), authority: IN_FORCE, reserve: async () => ok(undefined) };
const BODY = { vectors: [{ id: 'a', text: 'a lock keeper', namespace: '' }], model: undefined };

/** Writes to an index whose model makes so many tokens of a text, and that answers so. */
function writing(embedded: { tokens: number; cachedTokens: number }, billing?: Billing) {
  const sent: UpsertBatch[] = [];
  const manifest = {
    id: 'ix_1' as IndexId,
    dimensions: 1,
    metric: 'dot',
    embedding: { model: 'm', contractHash: 'h' },
  } as unknown as IndexManifest;
  const upsert = async (_: IndexManifest, batch: UpsertBatch) => {
    sent.push(batch);
    return ok({ count: 1, lsn: 9, ...(billing === undefined ? {} : { billing }) });
  };
  const embedder = {
    contractOf: () => ok({ contractHash: 'h', dimensions: 1, version: '1' }),
    embed: async () => ok({ vectors: Float32Array.of(1), dimensions: 1, contractHash: 'h', ...embedded }),
  };
  const directory = { describe: async () => ok(manifest) };
  const vectors = new Vectors({
    manifests: new ManifestCache(directory as never, { nowMs: () => 0 }),
    shards: { upsert } as unknown as IndexShards,
    space: new VectorSpace(embedder),
  });
  return { sent, write: async (key?: string) => vectors.write(CALLER, 'index', BODY, await repetitionOf(BODY, key)) };
}

it('[RT39] a repetition is billed as its first try, as far as this one reserved as much', async () => {
  const first = { usageId: 'ix_0:5', tokens: 30, cachedTokens: 20 };
  const again = writing({ tokens: 30, cachedTokens: 30 }, first);
  expect(await again.write('k')).toMatchObject({ value: { count: 1, lsn: 9, tokens: 30, cachedTokens: 20, usageId: 'ix_0:5:k' } });
  expect(again.sent[0]?.repetition).toMatchObject({ idempotencyKey: 'k', embedded: { tokens: 30, cachedTokens: 30 } });
  // Another model may serve since, which makes fewer tokens of the texts.
  expect(await writing({ tokens: 12, cachedTokens: 0 }, first).write('k')).toMatchObject({ value: { tokens: 12, cachedTokens: 12 } });
});

it('[RT39] a request whose key earlier versions claimed is billed as by them, one without a key by itself', async () => {
  const embedded = { tokens: 30, cachedTokens: 10 };
  expect(await writing(embedded).write('k')).toMatchObject({ value: { ...embedded, usageId: 'ix_1:9:k' } });
  const written = await writing(embedded).write();
  expect(written).toMatchObject({ value: embedded });
  expect(written).not.toHaveProperty('value.usageId');
});
