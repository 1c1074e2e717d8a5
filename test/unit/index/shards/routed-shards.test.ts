import { describe, expect, it } from 'vitest';

import { STRONG } from '../../../../src/ann/replication/read-consistency.ts';
import type { RequestOf } from '../../../../src/ann/shard-operations.ts';
import { FieldSearch } from '../../../../src/index/fan-out/field-search.ts';
import { FanOut } from '../../../../src/index/fan-out/fan-out.ts';
import { RoutedSearch } from '../../../../src/index/fan-out/routed-search.ts';
import type { ShardReads } from '../../../../src/index/fan-out/shard-reads.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { RouteReader } from '../../../../src/index/routing/route-reader.ts';
import { summaryOf, regionPage } from '../../../../src/index/routing/routing-summary.ts';
import { withGroups } from '../../../../src/index/routing/shard-groups.ts';
import { RoutedShards } from '../../../../src/index/shards/routed-shards.ts';
import type { LocatorCalls, ShardCalls } from '../../../../src/index/shards/shard-calls.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { DirectWakeUps } from '../../../../src/kernel/wake-ups.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { tableOfClusters } from '../../../support/oracles/table-of-clusters.ts';
import { VirtualTime } from '../../../support/worlds/virtual-time.ts';
import { value } from '../../../support/worlds/shard-world.ts';

const ONE = { id: 'ix_1' as IndexId, dimensions: 4, metric: 'l2' } as IndexManifest;
const SEVERAL = { ...ONE, routeVersion: 1 };
const SHARDS = 3;

/** An index whose shards note what they are called with; those in `stale` refuse the first call. */
function world() {
  const { table } = tableOfClusters(SHARDS, 1, 4, 1);
  const state = { table: withGroups(undefined, table, { shardsMax: 8, shardsMin: 3 }) };
  const calls: unknown[] = [];
  const stale = new Set<number>();
  const shards = {
    read: async (_: unknown, ordinal: number, name: string, request: { routeVersion?: number }) => {
      calls.push([name, ordinal, request.routeVersion]);
      if (stale.delete(ordinal)) {
        state.table = { ...state.table, version: state.table.version + 1 };
        return refuse('stale_route', 'the region changed');
      }
      return ok({ vectors: 10, waiting: ordinal });
    },
    write: async (_: unknown, name: string, __: unknown, authority: unknown) => (calls.push([name, authority]), ok({ count: 1, lsn: 2 })),
    lsn: async () => ok(7),
    stats: async (_: unknown, ordinal: number) => (calls.push(['stats', ordinal]), ok({ count: 5 })),
    routingSummary: async (_: unknown, known: number) => ok(summaryOf(state.table, known)),
    regions: async (_: unknown, group: number, since: number) => regionPage(state.table, group, since),
  } as unknown as ShardCalls;
  const locators = {
    remove: async () => (calls.push(['removed by a locator']), ok({ count: 1, lsn: 3 })),
  } as unknown as LocatorCalls;
  const read = async (_: unknown, { kind }: { kind: string }, how: unknown) => (calls.push([kind, how]), ok({ matches: [] }));
  const reads = { query: read, fetch: read } as unknown as ShardReads;
  const time = new VirtualTime();
  const sharing = { clock: { nowMs: () => 0 }, wakeUps: new DirectWakeUps() };
  const search = new RoutedSearch({ search: () => Promise.reject(new Error('not searched')) }, new FanOut(time, time), sharing.clock);
  const unasked = () => Promise.reject(new Error('not searched'));
  const fields = new FieldSearch({ searchFields: unasked, termStatistics: unasked }, sharing.clock);
  const reader = new RouteReader(1 << 20, sharing);
  return { routed: new RoutedShards({ reads, shards, locators, search, fields, reader, ...sharing }), calls, stale };
}

const DELETION = { indexId: ONE.id, selection: { kind: 'ids', namespace: '', ids: ['a'] } } as const;

describe('[RT4] an index with one shard', () => {
  it('is asked directly, by no routes, and writes in the name of the caller', async () => {
    const { routed, calls } = world();
    expect(value(await routed.of(ONE).read('progress', { indexId: ONE.id }))).toEqual({ vectors: 10, waiting: 0 });
    value(await routed.of(ONE).write('delete', DELETION, IN_FORCE));
    value(await routed.of(ONE).stats());
    expect(value(await routed.of(ONE).lsn())).toBe(7);
    expect(calls).toEqual([
      ['progress', 0, undefined],
      ['delete', IN_FORCE],
      ['stats', 0],
    ]);
  });
});

describe('a read of an index with one shard', () => {
  it('misses nothing that was acknowledged, unless it says what it may miss', async () => {
    const { routed, calls } = world();
    const [query, fetch] = [{ kind: 'query' }, { kind: 'fetch' }] as unknown as [RequestOf<'query'>, RequestOf<'fetch'>];
    value(await routed.of(ONE).query(query));
    value(await routed.of(ONE).fetch(fetch));
    value(await routed.of(ONE).fetch(fetch, { kind: 'eventual' }));
    expect(calls).toEqual([
      ['query', { consistency: STRONG }],
      ['fetch', STRONG],
      ['fetch', { kind: 'eventual' }],
    ]);
  });
});

describe('[RT33] an index with several shards', () => {
  it('merges the answers of all, by the version of its routes, and has no one LSN', async () => {
    const { routed, calls } = world();
    expect(value(await routed.of(SEVERAL).read('progress', { indexId: ONE.id }))).toEqual({ vectors: 30, waiting: 3 });
    expect(calls).toEqual([0, 1, 2].map((ordinal) => ['progress', ordinal, 1]));
    expect(value(await routed.of(SEVERAL).lsn())).toBeNull();
  });

  it('asks all again by newer routes where one of them changed', async () => {
    const { routed, calls, stale } = world();
    stale.add(1);
    expect(value(await routed.of(SEVERAL).read('progress', { indexId: ONE.id }))).toEqual({ vectors: 30, waiting: 3 });
    expect(calls.slice(SHARDS)).toEqual([0, 1, 2].map((ordinal) => ['progress', ordinal, 2]));
  });

  it('writes through its locators alone', async () => {
    const { routed, calls } = world();
    expect(value(await routed.of(SEVERAL).write('delete', DELETION, IN_FORCE))).toMatchObject({ count: 1, lsn: 3 });
    expect(calls).toEqual([['removed by a locator']]);
  });
});
