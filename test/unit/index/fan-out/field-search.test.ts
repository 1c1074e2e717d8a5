import { describe, expect, it } from 'vitest';

import type { ShardFieldSearch } from '../../../../src/ann/shard-protocol.ts';
import { STRONG } from '../../../../src/ann/replication/read-consistency.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import { FanOut } from '../../../../src/index/fan-out/fan-out.ts';
import { FieldSearch } from '../../../../src/index/fan-out/field-search.ts';
import type { GroupFieldReads } from '../../../../src/index/fan-out/group-fields.ts';
import { countGroup, searchGroupFields, summedStatistics, TreeFieldReads } from '../../../../src/index/fan-out/group-fields.ts';
import type { KnownRoutes } from '../../../../src/index/routing/known-routes.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { MANIFEST, MemberWorld } from '../../../support/worlds/member-world.ts';
import { value } from '../../../support/worlds/shard-world.ts';

const LEG: Omit<ShardFieldSearch, 'statistics'> = {
  indexId: MANIFEST.id,
  query: { kind: 'text', query: 'word', fields: [{ name: 'body', weight: 1 }], k1: 1.2, b: 0.75 },
  namespace: '',
  topK: 3,
  filter: null,
  excludeIds: [],
  include: { values: false, metadata: false, text: false },
};

/** Shards of one row each, whose score is the shard's ordinal. */
function forest(shards: number) {
  const world = new MemberWorld();
  for (let shard = 0; shard < shards; shard += 1) world.vectors.set(shard, [{ id: `row ${shard}`, values: [shard] }]);
  const groups: number[] = [];
  const aggregators: GroupFieldReads = {
    searchFields: (query) => (groups.push(query.shards.length), searchGroupFields(world.reads, query)),
    termStatistics: (query) => countGroup(world.reads, query),
  };
  const tree = new TreeFieldReads(world.reads, aggregators, new FanOut(world.time, world.time));
  const fields = new FieldSearch(tree, world.time);
  const serving = Array.from({ length: shards }, (_, ordinal) => ({ ordinal, state: { kind: 'serving' } }));
  const routes = { summary: { version: 7, shards: serving }, replicas: [] } as unknown as KnownRoutes;
  const search = (more: object = {}, budgetMs = 100, manifest: IndexManifest = MANIFEST) => {
    const reading = { consistency: STRONG, deadlineMs: world.time.nowMs() + budgetMs };
    return world.time.run(fields.search(manifest, routes, { ...LEG, ...more }, reading));
  };
  return { world, groups, search };
}

describe('[TX200] a leg over fields of several shards', () => {
  it('asks each of them once, with the counts of all, and merges the best, ties by id', async () => {
    const { world, search } = forest(4);
    world.vectors.set(1, [{ id: 'other', values: [3] }]);
    const found = value(await search());
    expect([found.ids, found.scores, found.missing]).toEqual([['other', 'row 3', 'row 2'], [3, 3, 2], undefined]);
    expect(world.searched.map(({ shard }) => shard)).toEqual([0, 1, 2, 3]);
    const statistics = {
      fields: [{ name: 'body', documents: 4, totalLength: 4 }],
      terms: [{ field: 'body', term: 'word', documents: 4 }],
    };
    for (const { search: sent } of world.searched) expect(sent).toMatchObject({ statistics, routeVersion: 7 });
  });

  it('asks many in groups through aggregators', async () => {
    const { groups, world, search } = forest(250);
    expect(value(await search()).ids).toEqual(['row 249', 'row 248', 'row 247']);
    expect(groups).toEqual([100, 100, 50]);
    expect(world.searched[0]?.search.statistics?.fields).toEqual([{ name: 'body', documents: 250, totalLength: 250 }]);
  });

  it('counts an id once that is in two shards while it moves', async () => {
    const { world, search } = forest(2);
    for (const shard of [0, 1]) world.vectors.set(shard, [{ id: 'moving', values: [5], version: 3 }]);
    expect(value(await search()).ids).toEqual(['moving']);
  });
});

it('[TX216] a leg near a vector of a field counts nothing, and the least distance is the best', async () => {
  const { world, search } = forest(3);
  const query = { kind: 'vector', field: 'image', vector: Float32Array.of(1, 2) };
  expect(value(await search({ query }))).toMatchObject({ ids: ['row 2', 'row 1', 'row 0'] });
  const fields = { image: { kind: 'vector', dimensions: 2, metric: 'l2', model: null } } as const;
  expect(value(await search({ query }, 100, { ...MANIFEST, fields }))).toMatchObject({ ids: ['row 0', 'row 1', 'row 2'] });
  expect(world.counted).toEqual([]);
});

describe('[TX201] statistics of a leg', () => {
  it('are kept for as long as they may be old, by what is asked of which rows', async () => {
    const { world, search } = forest(2);
    const asked = async (more: object = {}) => {
      world.counted.length = 0;
      value(await search(more));
      return world.counted.length;
    };
    const filter = { kind: 'ids', ids: ['a'] };
    expect(await asked()).toBe(2);
    expect(await asked()).toBe(0);
    expect(await asked({ filter, topK: 1 })).toBe(0);
    expect(await asked({ filter, statisticsOf: 'filter' })).toBe(2);
    expect(world.counted[0]?.asked.filter).toEqual(filter);
    expect(await asked({ namespace: 'other' })).toBe(2);
    expect(await asked({ indexId: 'ix_other' })).toBe(2);
    expect(await asked({ query: { ...LEG.query, k1: 2 } })).toBe(2);
    expect(await asked({ statistics: 'exact' })).toBe(2);
    await world.time.run(world.time.sleep(INDEX_LIMITS.termStatisticsTtlMs + 1));
    expect(await asked()).toBe(2);
  });

  it('are for one search alone where some shard has not counted', async () => {
    const { world, search } = forest(3);
    world.behave(2, { fails: 'unavailable' });
    expect(value(await search()).missing).toEqual([2]);
    world.behave(2, { fails: undefined });
    world.counted.length = 0;
    expect(value(await search()).missing).toBe(undefined);
    expect(world.counted.length).toBe(3);
  });

  it('are summed by field and term, whichever shards have them', () => {
    const part = (term: string, documents: number, missing?: number[]) => ({
      fields: [{ name: 'body', documents, totalLength: 2 * documents }],
      terms: [{ field: 'body', term, documents }],
      lsn: documents,
      ...(missing === undefined ? {} : { missing }),
    });
    expect(summedStatistics([part('a', 1), part('b', 2, [9]), part('a', 4)])).toEqual({
      fields: [{ name: 'body', documents: 7, totalLength: 14 }],
      terms: [
        { field: 'body', term: 'a', documents: 5 },
        { field: 'body', term: 'b', documents: 2 },
      ],
      lsn: 4,
      missing: [9],
    });
  });
});

describe('[TX202] a leg that lacks shards', () => {
  it('answers what the others find, and names them', async () => {
    const { world, search } = forest(4);
    world.behave(3, { takesMs: 1_000 });
    const found = value(await search({}, 40));
    expect([found.ids, found.missing]).toEqual([['row 2', 'row 1', 'row 0'], [3]]);
  });

  it('is refused where a shard refuses it', async () => {
    const { world, search } = forest(2);
    world.behave(1, { fails: 'index_growing' });
    expect(await search()).toMatchObject({ error: { code: 'index_growing' } });
  });

  it('asks a stated number of them, and names the rest', async () => {
    const { world, search } = forest(INDEX_LIMITS.fieldShardsMaxCount + 2);
    const found = value(await search());
    expect(found.missing).toEqual([INDEX_LIMITS.fieldShardsMaxCount, INDEX_LIMITS.fieldShardsMaxCount + 1]);
    expect(world.searched.length).toBe(INDEX_LIMITS.fieldShardsMaxCount);
  });
});
