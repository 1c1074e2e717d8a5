import { describe, expect, it } from 'vitest';

import { FanOut } from '../../../../src/index/fan-out/fan-out.ts';
import type { GroupQuery } from '../../../../src/index/fan-out/shard-group.ts';
import { searchGroup } from '../../../../src/index/fan-out/shard-group.ts';
import { STRONG } from '../../../../src/ann/replication/read-consistency.ts';
import { LIMITS } from '../../../../src/contract/limits.ts';
import { refuse } from '../../../../src/contract/outcome.ts';
import { TreeSearch } from '../../../../src/index/fan-out/tree-search.ts';
import { MANIFEST, MemberWorld } from '../../../support/worlds/member-world.ts';
import { value } from '../../../support/worlds/shard-world.ts';

/** `shards` shards with two vectors each, and aggregators over them. */
function forest(shards: number) {
  const world = new MemberWorld();
  for (let shard = 0; shard < shards; shard += 1) {
    const [near, far] = [(shard * 37) % shards, -shard];
    world.vectors.set(shard, [
      { id: `near ${near}`, values: [near, 0] },
      { id: `far ${shard}`, values: [far, 0] },
    ]);
    world.behave(shard, { lsn: shard });
  }
  const groups: GroupQuery[] = [];
  const dead = new Set<number>();
  const aggregators = {
    search: async (query: GroupQuery) => {
      const nth = groups.push(query);
      await world.time.sleep(1);
      return dead.has(nth) ? refuse('unavailable', 'no aggregator') : searchGroup(world.reads, query);
    },
  };
  const tree = new TreeSearch(world.reads, aggregators, new FanOut(world.time, world.time));
  const search = (budgetMs: number, topK = 5) => {
    const target = { kind: 'values', values: Float32Array.of(1, 0) } as const;
    const include = { values: true, metadata: false, text: false };
    const query = { indexId: MANIFEST.id, target, namespace: '', topK, filter: null, excludeIds: [], include };
    const ordinals = Array.from({ length: shards }, (_, shard) => shard);
    return world.time.run(tree.search({ manifest: MANIFEST, shards: ordinals, query, consistency: STRONG, budgetMs }));
  };
  return { world, groups, dead, search };
}

describe('TreeSearch', () => {
  it('[F30] asks up to a hundred shards itself', async () => {
    const { world, groups, search } = forest(100);
    expect(value(await search(100)).ids).toEqual([99, 98, 97, 96, 95].map((n) => `near ${n}`));
    expect([groups.length, world.asked.length]).toEqual([0, 100]);
  });

  it('[F30] asks more through a few aggregators, and finds the same', async () => {
    for (const shards of [101, 450, 4_096]) {
      const { world, groups, search } = forest(shards);
      const found = value(await search(1_000));
      expect(found.ids).toEqual(Array.from({ length: 5 }, (_, i) => `near ${shards - 1 - i}`));
      expect([...found.values!]).toEqual(Array.from({ length: 5 }, (_, i) => [shards - 1 - i, 0]).flat());
      expect(found.shards.map((shard) => (shard * 37) % shards)).toEqual(Array.from({ length: 5 }, (_, i) => shards - 1 - i));
      expect([found.lsn, found.missing]).toEqual([shards - 1, undefined]);
      expect(groups.length).toBeLessThanOrEqual(LIMITS.fanOutGroupsMaxCount);
      for (const { shards: members } of groups) expect(members.length).toBeLessThan(200);
      expect(new Set(world.asked.map(({ shard }) => shard)).size).toBe(shards);
      expect(world.asked.length).toBe(shards);
    }
  });

  it('[F31] names the shards of an unreachable aggregator, and those an aggregator missed in time', async () => {
    const { world, groups, dead, search } = forest(300);
    dead.add(2);
    world.behave(250, { takesMs: 500 });
    world.behave(17, { fails: 'unavailable' });
    const { missing } = value(await search(50));
    expect(missing).toEqual([...Array.from({ length: 100 }, (_, i) => 100 + i), 17, 250]);
    expect(groups.every(({ budgetMs }) => budgetMs < 50)).toBe(true);
  });

  it('[F31] returns the refusal of a shard, also through an aggregator', async () => {
    const { world, search } = forest(300);
    world.behave(222, { fails: 'stale_route' });
    expect(await search(50)).toMatchObject({ ok: false, error: { code: 'stale_route' } });
  });

  it('[F31] refuses with `deadline_exceeded` when no aggregator got an answer in time', async () => {
    const { world, search } = forest(300);
    for (let shard = 0; shard < 300; shard += 1) world.behave(shard, { takesMs: 500 });
    expect(await search(50)).toMatchObject({ ok: false, error: { code: 'deadline_exceeded' } });
  });
});
