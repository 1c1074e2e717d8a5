import { expect, it } from 'vitest';

import { SqliteRowVersions } from '../../../../src/index/resharding/sqlite-row-versions.ts';
import { PAGE_BYTES } from '../../../../src/ann/page-memory.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import { ShardWorld, smallFloor, value } from '../../../support/worlds/shard-world.ts';

it('[RT23] a batch of moved rows fits one message, also of the largest vectors', () => {
  const world = new ShardWorld(smallFloor(64 * PAGE_BYTES), { metric: 'dot', dimensions: 2 });
  const { indexId } = world.identity;
  const COUNT = 100;
  const ids = Array.from({ length: COUNT }, (_, i) => `v${i}`);
  const metadata = ids.map(() => JSON.stringify({ t: 'x'.repeat(VECTOR_LIMITS.vectorMetadataBytesMax - 8) }));
  const texts = ids.map(() => 'x'.repeat(VECTOR_LIMITS.vectorTextBytesMax));
  const batch = { indexId, ids, namespaces: ids.map(() => ''), values: new Float32Array(2 * COUNT), metadata, texts, repetition: null };
  value(world.shard.upsert(batch, world.nowMs));

  const versions = new SqliteRowVersions(world.sql);
  const moved: string[] = [];
  for (let after = 0; moved.length < COUNT;) {
    const slice = versions.wholeRows(after, COUNT, 2);
    const chars = [...slice.metadata, ...slice.texts].reduce((sum, text) => sum + (text?.length ?? 0), 0);
    expect(slice.ids.length).toBeGreaterThan(0);
    expect(2 * chars).toBeLessThanOrEqual(INDEX_LIMITS.changePageBytesMax);
    moved.push(...slice.ids);
    after = slice.rows.at(-1) ?? COUNT;
  }
  expect(moved).toEqual(ids);
});
