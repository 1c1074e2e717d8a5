import { env } from 'cloudflare:workers';
import { runInDurableObject } from 'cloudflare:test';
import { expect, it } from 'vitest';

import type { IndexObject } from '../../../durable-objects/index-object.ts';
import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import { indexObjectName, shardName } from '../../../src/index/index-manifest.ts';
import type { IndexId, TenantId } from '../../../src/kernel/ids.ts';

interface IndexesEnv {
  readonly INDEX: DurableObjectNamespace<IndexObject>;
  readonly SHARD: DurableObjectNamespace<ShardObject>;
}

const { INDEX, SHARD } = env as unknown as IndexesEnv;

it.each([
  [{ recall: 0.99 } as const, 0.99],
  [{ recall: 0.95 } as const, 0.95],
  // As in manifests from before recall could be chosen.
  [{}, 0.95],
])('[V154] an index with %j opens its shard with that target', async (target, expected) => {
  const name = `target-${JSON.stringify(target)}`;
  const manifest: IndexManifest = {
    id: `ix_${name}` as IndexId,
    tenantId: 'tn_target' as TenantId,
    name,
    dimensions: 2,
    metric: 'dot',
    ...target,
    embedding: null,
    owner: 'search',
    createdS: 1,
    generation: 1,
  };
  const index = INDEX.getByName(indexObjectName(manifest.tenantId, name));
  expect(await index.create(manifest, { idempotencyKey: null, bodyDigest: 'd' })).toEqual({ ok: true, value: manifest });
  await runInDurableObject(SHARD.getByName(shardName(manifest)), (_, { storage }) => {
    expect(storage.sql.exec('SELECT recall FROM shard').one()).toEqual({ recall: expected });
  });
});
