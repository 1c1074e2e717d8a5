import { describe, expect, it } from 'vitest';

import { IndexErasure } from '../../../durable-objects/index-erasure.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import { ok } from '../../../src/kernel/result.ts';

const MANIFEST = { id: 'ix_1', tenantId: 'tn_1', name: 'split', dimensions: 2, metric: 'dot', generation: 1 } as unknown as IndexManifest;

const ABSENT = refuse('index_not_found', 'the index was deleted', 'index');

/** Objects of an index, by ordinal: the rows of its shards, and the ids of its locators; null: the object stores nothing. */
function erasureOf(rows: readonly (number | null)[], ids: readonly (number | null)[], isAlone: boolean, isOpening = false) {
  const ordinalOf = (name: string) => Number(/(\d+)$/.exec(name.replace(/^tn_1:ix_1/, ''))?.[1] ?? 0);
  const unless = <T>(count: number | null | undefined, answer: (count: number) => T) => (count === null ? ABSENT : ok(answer(count ?? 0)));
  const shard = (name: string) => ({ stats: async () => unless(rows[ordinalOf(name)], (count) => ({ count, storageBytes: 10 })) });
  const locator = (name: string) => ({
    counts: async () => unless(ids[ordinalOf(name)], (count) => ({ ids: count, writes: 0, namespaces: [] })),
  });
  const env = { SHARD: { getByName: shard }, LOCATOR: { getByName: locator }, REPLICA: {} } as unknown as ConstructorParameters<
    typeof IndexErasure
  >[0];
  const objects = { shards: rows.map((_, n) => n), opened: [0, 1], locators: ids.map((_, n) => n) };
  return new IndexErasure(env, [{ manifest: MANIFEST, objects, isAlone, isOpening }], []).count(1);
}

describe('the erasure report of a deletion', () => {
  it('[B40] counts the rows of the first shard during its export, not those of locators so far', async () => {
    expect(await erasureOf([300, 0], [0, 0], true)).toMatchObject({ vectors: 300, bytes: 20 });
    expect(await erasureOf([300, 0], [70, 12], true)).toMatchObject({ vectors: 300 });
  });

  it('[B40] counts each id once while its rows are in two shards at a time, as when they move', async () => {
    expect(await erasureOf([300, 140], [180, 120], false)).toMatchObject({ vectors: 300, bytes: 20 });
  });

  it('[B40] names every object that may exist, also a shard of an unfinished split', async () => {
    const erasure = await erasureOf([300, 0], [0, 0], true);
    expect([erasure.shards.length, erasure.locators?.length]).toEqual([2, 2]);
  });

  it('[B40] [G41] names objects that had lost their data, and none that was never opened', async () => {
    const erasure = await erasureOf([300, null, null], [180, null], false);
    expect(erasure).toMatchObject({ vectors: 180, bytes: 10, lost: ['tn_1:ix_1:1', 'tn_1:ix_1:1'] });
    expect(erasure.shards).toHaveLength(3);
    expect(await erasureOf([300, 2, null], [180, 1], false)).not.toHaveProperty('lost');
    expect(await erasureOf([null], [], true, true)).not.toHaveProperty('lost');
  });
});
