import { describe, expect, it } from 'vitest';
import { searchGroup, TreeSearch } from '../../../../src/index/fan-out/group-search.ts';
import type { GroupQuery } from '../../../../src/index/fan-out/group-search.ts';
import { FanOut } from '../../../../src/index/fan-out/fan-out.ts';
import type { ReadConsistency } from '../../../../src/ann/replication/read-consistency.ts';
import { STRONG } from '../../../../src/ann/replication/read-consistency.ts';
import { encodeCentroids } from '../../../../src/index/routing/centroids.ts';
import type { RouteTable } from '../../../../src/index/routing/route-table.ts';
import { RoutedSearch, probeCount } from '../../../../src/index/fan-out/routed-search.ts';
import { MANIFEST, MemberWorld } from '../../../support/worlds/member-world.ts';
import { routesOfTable } from '../../../support/oracles/routes-of-table.ts';
import { value } from '../../../support/worlds/shard-world.ts';

const INDEX = { ...MANIFEST, metric: 'l2' } as const;

/** Shards on a line, one at every integer, each with two vectors there; the query is at 0. */
function line(count: number, replicated: readonly number[] = []) {
  const world = new MemberWorld();
  const shards = Array.from({ length: count }, (_, ordinal) => {
    world.vectors.set(ordinal, [
      { id: `${ordinal}a`, values: [ordinal, 0] },
      { id: `${ordinal}b`, values: [ordinal, 0.1] },
    ]);
    const centroids = encodeCentroids(Float32Array.of(ordinal, 0), 2);
    const replicas = replicated.includes(ordinal) ? [{ replica: 7, location: null }] : [];
    return { ordinal, since: 1, centroids, state: { kind: 'serving' as const }, replicas };
  });
  const table: RouteTable = { version: 3, metric: 'l2', dimensions: 2, shards, highest: count - 1, locators: 8, margin: 1.1 };
  const groups: GroupQuery[] = [];
  const aggregators = {
    search: (query: GroupQuery) => {
      groups.push(query);
      return searchGroup(world.reads, query);
    },
  };
  const tree = new TreeSearch(world.reads, aggregators, new FanOut(world.time, world.time));
  const search = new RoutedSearch(tree, world.fanOut, world.time);
  const routes = routesOfTable(table);
  const ask = async (topK: number, exact: boolean, budgetMs: number, consistency: ReadConsistency = STRONG) => {
    const target = { kind: 'values', values: Float32Array.of(0, 0) } as const;
    const include = { values: false, metadata: false, text: false };
    const query = { indexId: INDEX.id, target, namespace: '', topK, filter: null, excludeIds: [], include, exact };
    const [askedBefore, startedMs] = [world.asked.length, world.time.nowMs()];
    const reading = { consistency, deadlineMs: startedMs + budgetMs };
    const outcome = await world.time.run(search.search(INDEX, routes, query, reading));
    return { outcome, asked: world.asked.slice(askedBefore), tookMs: world.time.nowMs() - startedMs };
  };
  return { world, groups, ask };
}

describe('[RT13] a search of an index of several shards', () => {
  it('answers at its deadline without a slow shard and a dead one, and names both', async () => {
    const { world, ask } = line(6);
    world.behave(2, { takesMs: 500 });
    world.behave(4, { fails: 'unavailable' });
    const { outcome, tookMs } = await ask(8, true, 50);
    const found = value(outcome);
    expect(found.ids).toEqual(['0a', '0b', '1a', '1b', '3a', '3b', '5a', '5b']);
    expect([found.missing?.toSorted(), tookMs]).toEqual([[2, 4], 50]);
  });

  it('returns what it has if there is no time left for farther shards', async () => {
    const { world, ask } = line(40);
    world.behave(1, { takesMs: 500 });
    const { outcome, asked, tookMs } = await ask(20, false, 50);
    const found = value(outcome);
    expect(found.ids.slice(0, 2)).toEqual(['0a', '0b']);
    expect(asked.length).toBeLessThan(40);
    expect(found.missing?.length, 'all that might have had more').toBe(40 - asked.length + 1);
    expect(found.missing).toContain(1);
    expect(tookMs).toBe(50);
  });

  it('asks a replica instead of a dead shard, and of a slow one if that is likely faster', async () => {
    const { world, ask } = line(4, [0, 1]);
    for (let i = 0; i < 30; i += 1) await ask(2, true, 100);
    world.behave(0, { fails: 'unavailable' });
    world.behave(1, { takesMs: 500 });
    const eventual = { kind: 'eventual' } as const;
    for (let i = 0; i < 4; i += 1) {
      const { outcome, tookMs } = await ask(8, true, 100, eventual);
      expect(value(outcome)).toMatchObject({ ids: ['0a', '0b', '1a', '1b', '2a', '2b', '3a', '3b'] });
      expect(value(outcome).missing).toBe(undefined);
      expect(tookMs).toBeLessThan(20);
    }
    expect(world.fanOut.counts.hedges).toBeGreaterThan(0);
    expect(world.fanOut.counts.failovers).toBeGreaterThan(0);
    // A strong read must not use replicas.
    expect(value((await ask(8, true, 100)).outcome).missing?.toSorted()).toEqual([0, 1]);
  });

  it('asks fewer shards if there is less time for slow ones', async () => {
    const { world, ask } = line(12);
    const near = (await ask(2, false, 100)).asked.length;
    for (let shard = 0; shard < 12; shard += 1) world.behave(shard, { takesMs: 30 });
    for (let i = 0; i < 40; i += 1) await ask(2, true, 200);
    expect((await ask(2, false, 200)).asked.length).toBe(near);
    const hurried = await ask(1, false, 30.5);
    expect(hurried.asked.length).toBeLessThan(near);
    expect(hurried.asked[0]?.shard).toBe(0);
    expect(value(hurried.outcome).ids).toEqual(['0a']);
  });

  it('goes through aggregators when it needs more shards than it may call itself', async () => {
    const { world, groups, ask } = line(250, [3]);
    world.behave(120, { fails: 'unavailable' });
    const { outcome } = await ask(3, true, 200, { kind: 'eventual' });
    const found = value(outcome);
    expect(found.ids).toEqual(['0a', '0b', '1a']);
    expect(found.missing).toEqual([120]);
    expect(groups.map(({ shards }) => shards.length)).toEqual([100, 100, 50]);
    expect(groups[0]?.manifest.replicas).toEqual([{ shard: 3, replica: 7, location: null }]);
  });
});

it('[F17] fewer shards are asked if there is less time for slow ones, but at least one', () => {
  expect(probeCount(16, 50, 8)).toBe(16);
  expect(probeCount(16, 9, 8)).toBe(11);
  expect(probeCount(16, 8, 8)).toBe(1);
  expect(probeCount(16, -5, 8)).toBe(1);
  const counts = Array.from({ length: 60 }, (_, remainingMs) => probeCount(300, remainingMs, 5));
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  expect(counts.at(-1)).toBe(300);
});

it('[F17] all shards are asked while their latency is unknown', () => {
  expect(probeCount(16, 1, undefined)).toBe(16);
});
