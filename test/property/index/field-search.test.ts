import fc from 'fast-check';
import { expect, it } from 'vitest';

import type { ShardFieldSearch } from '../../../src/ann/shard-protocol.ts';
import { analysisSettings } from '../../../src/contract/indexes/analysis.ts';
import { STRONG } from '../../../src/ann/replication/read-consistency.ts';
import { FanOut } from '../../../src/index/fan-out/fan-out.ts';
import { FieldSearch } from '../../../src/index/fan-out/field-search.ts';
import { countGroup, searchGroupFields } from '../../../src/index/fan-out/group-fields.ts';
import { MemberChoice } from '../../../src/index/fan-out/member-choice.ts';
import { ShardReads } from '../../../src/index/fan-out/shard-reads.ts';
import type { KnownRoutes } from '../../../src/index/routing/known-routes.ts';
import { MANIFEST } from '../../support/worlds/member-world.ts';
import { ShardWorld, smallFloor, value } from '../../support/worlds/shard-world.ts';
import { VirtualTime } from '../../support/worlds/virtual-time.ts';
import { whole } from '../../support/worlds/whole-read.ts';

const ANALYSIS = analysisSettings.parse({ language: 'none', stemming: false });
const FIELDS = {
  title: { kind: 'text', analysis: ANALYSIS, weight: 1, source: 'field' },
  body: { kind: 'text', analysis: ANALYSIS, weight: 1, source: 'field' },
} as const;
const SHARDS = 3;

interface Row {
  readonly title: string;
  readonly body: string;
  /** Where it is, the first shard first. */
  readonly shards: readonly number[];
}

const words = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 6 }).map((list) => list.join(' '));
const shards = fc.uniqueArray(fc.nat({ max: SHARDS - 1 }), { minLength: 1, maxLength: 2 });
const rows = fc.array(fc.record({ title: words, body: words, shards }), { maxLength: 20 });

/** A shard with rows, by their numbers among all. */
function shardOf(name: string, held: readonly { readonly number: number; readonly row: Row; readonly isCopy: boolean }[]): ShardWorld {
  const world = new ShardWorld(smallFloor(1 << 22), { dimensions: 2, metric: 'l2', fields: FIELDS }, name);
  const ids = held.map(({ number }) => `id ${number}`);
  const batch = {
    indexId: world.identity.indexId,
    ids,
    namespaces: ids.map(() => ''),
    values: new Float32Array(2 * ids.length),
    metadata: held.map(({ number }) => JSON.stringify({ even: number % 2 === 0 })),
    texts: ids.map(() => null),
    contents: held.map(({ row: { title, body } }) => JSON.stringify({ title, body })),
    copies: held.map(({ isCopy }) => isCopy),
    versions: ids.map(() => 1),
    repetition: null,
  };
  if (ids.length > 0) value(world.shard.upsert(batch, 0));
  return world;
}

/** Legs over some shards, which answer at once. */
function legsOver(worlds: readonly ShardWorld[]) {
  const time = new VirtualTime();
  const unasked = () => Promise.reject(new Error('only fields are searched'));
  const members = {
    query: unasked,
    queryAll: unasked,
    fetch: unasked,
    searchFields: async (_: unknown, { shard }: { shard: number }, search: ShardFieldSearch) =>
      whole(worlds[shard]!.shard.searchFields({ ...search, indexId: worlds[shard]!.identity.indexId })),
    termStatistics: async (_: unknown, { shard }: { shard: number }, asked: Omit<ShardFieldSearch, 'statistics'>) =>
      whole(worlds[shard]!.shard.termStatistics({ ...asked, indexId: worlds[shard]!.identity.indexId })),
  };
  const reads = new ShardReads({ members, fanOut: new FanOut(time, time), choice: new MemberChoice(), clock: time });
  const groups = { searchFields: searchGroupFields.bind(null, reads), termStatistics: countGroup.bind(null, reads) };
  const fields = new FieldSearch(groups, time);
  const serving = worlds.map((_, ordinal) => ({ ordinal, state: { kind: 'serving' } }));
  const routes = { summary: { version: 1, shards: serving }, replicas: [] } as unknown as KnownRoutes;
  return async (search: Omit<ShardFieldSearch, 'statistics'>) =>
    value(await time.run(fields.search(MANIFEST, routes, search, { consistency: STRONG })));
}

it('[TX203] an index of several shards answers a leg as one shard with all rows, however they are spread', async () => {
  await fc.assert(
    fc.asyncProperty(
      rows,
      words,
      fc.integer({ min: 1, max: 25 }),
      fc.boolean(),
      fc.boolean(),
      async (all, text, topK, isFiltered, ofFilter) => {
        const one = shardOf(
          'one',
          all.map((row, number) => ({ number, row, isCopy: false })),
        );
        const several = Array.from({ length: SHARDS }, (_, ordinal) =>
          shardOf(
            `shard ${ordinal}`,
            all.flatMap((row, number) => (row.shards.includes(ordinal) ? [{ number, row, isCopy: row.shards[0] !== ordinal }] : [])),
          ),
        );
        const search: Omit<ShardFieldSearch, 'statistics'> = {
          indexId: MANIFEST.id,
          query: {
            kind: 'text',
            query: text,
            fields: [
              { name: 'title', weight: 2 },
              { name: 'body', weight: 1 },
            ],
            k1: 1.2,
            b: 0.75,
          },
          namespace: '',
          topK,
          filter: isFiltered ? { kind: 'equals', path: 'even', values: [true] } : null,
          excludeIds: ['id 3'],
          include: { values: false, metadata: false, text: false, contents: true },
          statisticsOf: ofFilter ? 'filter' : 'index',
        };
        const alone = value(whole(one.shard.searchFields({ ...search, indexId: one.identity.indexId })));
        const found = await legsOver(several)(search);
        expect([found.ids, found.contents, found.missing]).toEqual([alone.ids, alone.contents, undefined]);
        for (const [at, score] of found.scores.entries()) expect(Math.abs(score / alone.scores[at]! - 1)).toBeLessThan(1e-6);
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);
