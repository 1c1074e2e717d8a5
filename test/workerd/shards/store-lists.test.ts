import { env } from 'cloudflare:workers';
import { runInDurableObject } from 'cloudflare:test';
import { expect, it } from 'vitest';

import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import type { ListChange, ListStore } from '../../../src/ann/store/list-store.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';

const { SHARD } = env as unknown as { readonly SHARD: DurableObjectNamespace<ShardObject> };

/** Runs `body` in a new shard's object. */
async function inShard(name: string, body: (store: VectorStore, sql: SqlStorage) => void): Promise<void> {
  const indexId = `ix_${name}` as IndexId;
  const stub = SHARD.getByName(`tn_lists:${indexId}`);
  await stub.open({ indexId, dimensions: 1, metric: 'dot' });
  await runInDurableObject(stub, (_, { storage }) => body(new VectorStore(storage), storage.sql));
}

/** A list of `blocks` blocks, each filled with the list's number. */
const listOf = (list: number, blocks: number): ListChange => ({
  lists: [{ list, centroid: { codes: Int8Array.of(-1, list), scale: 0.5 }, entryCount: 32 * blocks }],
  removed: [],
  blocks: Array.from({ length: blocks }, (_, ordinal) => ({ list, ordinal, bytes: Uint8Array.of(list) })),
  listed: [],
});

const listSet = (lists: ListStore): number => lists.createListSet(new Uint8Array(3), '{}');

it('[V115] a dropped list set is hidden at once, and its storage is freed in slices', () =>
  inShard('dropped', ({ lists }, sql) => {
    const [before, dropped, after] = [listSet(lists), listSet(lists), listSet(lists)];
    for (const id of [before, dropped, after]) for (const list of [0, 1, 2 ** 20 - 1]) lists.change(id, listOf(list, 2));
    lists.change(dropped, listOf(7, 1_200));
    expect(lists.sweep()).toBe(false);
    lists.dropListSet(dropped);
    expect(lists.listSets().map(({ id }) => id)).toEqual([before, after]);
    const left = () => sql.exec('SELECT COUNT(*) AS blocks FROM blocks').one()['blocks'];
    const sweeps: unknown[] = [];
    for (let more = true; more;) {
      more = lists.sweep();
      sweeps.push([more, left()]);
    }
    expect(sweeps).toEqual([
      [true, 718],
      [true, 218],
      [false, 12],
    ]);
    expect(sql.exec('SELECT COUNT(*) AS lists FROM lists').one()).toEqual({ lists: 6 });
    for (const id of [before, after]) expect([0, 1, 2 ** 20 - 1].map((list) => lists.blocks(id, list).length)).toEqual([2, 2, 2]);
    lists.dropListSet(after);
    while (lists.sweep());
    expect(listSet(lists)).toBeGreaterThan(after);
  }));

it('[V113] a change that fits no row or no key is refused and has no effect', () =>
  inShard('refused', ({ lists }) => {
    const id = listSet(lists);
    lists.change(id, listOf(1, 2));
    const large = { ...listOf(1, 1), blocks: [{ list: 1, ordinal: 0, bytes: new Uint8Array(INDEX_LIMITS.rowBytesMax + 1) }] };
    expect(() => lists.change(id, large)).toThrow('fit no row');
    expect(() => lists.change(id, listOf(2 ** 20, 1))).toThrow('lists are numbered below');
    const far = { ...listOf(1, 1), blocks: [{ list: 1, ordinal: 2 ** 16, bytes: Uint8Array.of(1) }] };
    expect(() => lists.change(id, far)).toThrow('blocks');
    expect([...lists.lists(id)].map(({ list, entryCount }) => [list, entryCount])).toEqual([[1, 64]]);
    expect(lists.blocks(id, 1)).toEqual([Uint8Array.of(1), Uint8Array.of(1)]);
    lists.change(id, { ...listOf(1, 1), blocks: [{ list: 1, ordinal: 0, bytes: new Uint8Array(INDEX_LIMITS.rowBytesMax).fill(9) }] });
    expect(lists.blocks(id, 1)[0]?.every((byte) => byte === 9)).toBe(true);
  }));
