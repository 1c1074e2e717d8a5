import { describe, expect, it } from 'vitest';

import { IndexErasure } from '../../../durable-objects/index-erasure.ts';
import type { IndexManifest } from '../../../src/ann/index-manifest.ts';
import { ok } from '../../../src/kernel/result.ts';

const MANIFEST = { id: 'ix_1', tenantId: 'tn_1', name: 'split', dimensions: 2, metric: 'dot', generation: 1 } as unknown as IndexManifest;

/** Objects of an index, by ordinal: the rows of its shards, and the ids that its locators were told of. */
function erasureOf(rows: readonly number[], ids: readonly number[], isAlone: boolean) {
  const ordinalOf = (name: string) => Number(/(\d+)$/.exec(name.replace(/^tn_1:ix_1/, ''))?.[1] ?? 0);
  const shard = (name: string) => ({ stats: async () => ok({ count: rows[ordinalOf(name)] ?? 0, storageBytes: 10 }) });
  const locator = (name: string) => ({ counts: async () => ok({ ids: ids[ordinalOf(name)] ?? 0, writes: 0, namespaces: [] }) });
  const env = { SHARD: { getByName: shard }, LOCATOR: { getByName: locator }, REPLICA: {} } as unknown as ConstructorParameters<
    typeof IndexErasure
  >[0];
  const objects = { shards: rows.map((_, n) => n), locators: ids.map((_, n) => n) };
  return new IndexErasure(env, [{ manifest: MANIFEST, objects, isAlone }], []).count(1);
}

describe('what a deletion tells that it erased', () => {
  it('[B40] is what the first shard has while locators are being told, not what they know so far', async () => {
    expect(await erasureOf([300, 0], [0, 0], true)).toMatchObject({ vectors: 300, bytes: 20 });
    expect(await erasureOf([300, 0], [70, 12], true)).toMatchObject({ vectors: 300 });
  });

  it('[B40] counts each id once while its rows are in two shards at a time, as when they move', async () => {
    expect(await erasureOf([300, 140], [180, 120], false)).toMatchObject({ vectors: 300, bytes: 20 });
  });

  it('[B40] names every object that there may be, also a shard that was opened for a split that is not done', async () => {
    const erasure = await erasureOf([300, 0], [0, 0], true);
    expect([erasure.shards.length, erasure.locators?.length]).toEqual([2, 2]);
  });
});
