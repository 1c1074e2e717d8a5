import { describe, expect, it } from 'vitest';

import { DirectWakeUps } from '../../../../src/kernel/wake-ups.ts';
import { withGroups } from '../../../../src/index/routing/shard-groups.ts';
import { summaryOf, regionPage } from '../../../../src/index/routing/routing-summary.ts';
import { RouteReader } from '../../../../src/index/routing/route-reader.ts';
import { changed } from '../../../../src/index/routing/route-changes.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import { value } from '../../../support/worlds/shard-world.ts';
import { tableOfClusters } from '../../../support/oracles/table-of-clusters.ts';

const SIZES = { shardsMax: 8, shardsMin: 3 };
const DIMENSIONS = 4;
const SHARING = { clock: { nowMs: () => 0 }, wakeUps: new DirectWakeUps() };

/** An index whose object counts its calls. */
function index(id: string, shardCount: number) {
  const { table, nextPoint } = tableOfClusters(shardCount, 6, DIMENSIONS, 1);
  const state = { table: withGroups(undefined, table, SIZES) };
  const asked: string[] = [];
  const source = {
    indexId: id as IndexId,
    routingSummary: async (known: number) => {
      asked.push(`summary after ${known}`);
      return { ok: true, value: summaryOf(state.table, known) } as const;
    },
    regions: async (group: number, since: number) => {
      asked.push(`${group} since ${since}`);
      return regionPage(state.table, group, since);
    },
  };
  return { state, asked, source, nextPoint };
}

describe('[RT33] the cache of routes', () => {
  it('requests routes once for concurrent calls', async () => {
    const { asked, source, nextPoint } = index('ix_a', 40);
    const reader = new RouteReader(1 << 20, SHARING);
    const routes = value(await reader.ask(source));
    const groups = routes.summary.groups.length;
    expect(groups).toBeGreaterThan(4);
    await Promise.all([nextPoint(), nextPoint(), nextPoint()].map((point) => routes.rankForSearching(point)));
    await routes.rankForSearching(nextPoint());
    expect(asked).toHaveLength(1 + groups);
    expect(reader.remembered(source.indexId)).toBe(routes);
  });

  it('is valid for later versions in which the shard group is unchanged', async () => {
    const { state, asked, source, nextPoint } = index('ix_a', 40);
    const reader = new RouteReader(1 << 20, SHARING);
    await value(await reader.ask(source)).rankForSearching(nextPoint());
    const before = state.table;
    const { centroids } = before.shards[0]!;
    const split = changed(before, { kind: 'split', ordinal: 0, halves: [centroids, centroids], margin: 1.1 });
    state.table = withGroups(before, split, SIZES);
    asked.length = 0;
    const routes = value(await reader.ask(source));
    expect(routes.summary).toEqual(summaryOf(state.table));
    value(await routes.rankForSearching(nextPoint()));
    const touched = state.table.groups!.filter(({ since }) => since === state.table.version);
    const pages = touched.map(({ number, since }) => `${number} since ${since}`);
    expect(asked.toSorted()).toEqual(['summary after 1', ...pages].toSorted());
    expect(touched.length).toBeLessThan(state.table.groups!.length / 2);
  });

  it('stays within its bytes over all indexes, evicting the least recently used', async () => {
    const [first, second] = [index('ix_a', 40), index('ix_b', 40)];
    const whole = value(await new RouteReader(1 << 20, SHARING).ask(first.source)).bytes;
    // Room for both routing summaries and some pages, but not for all pages of both.
    const reader = new RouteReader(2 * whole + 6_000, SHARING);
    const ask = async (of: typeof first) => {
      const routes = reader.remembered(of.source.indexId) ?? value(await reader.ask(of.source));
      value(await routes.rankForSearching(of.nextPoint()));
    };
    for (let i = 0; i < 6; i += 1) {
      await ask(first);
      await ask(second);
    }
    const pages = first.state.table.groups!.length + second.state.table.groups!.length;
    const told = [...first.asked, ...second.asked].filter((line) => !line.startsWith('summary'));
    expect(told.length, 'forgotten and asked for again').toBeGreaterThan(pages);
    first.asked.length = 0;
    for (let i = 0; i < 4; i += 1) await ask(first);
    expect(first.asked.length, 'alone it has room').toBeLessThanOrEqual(first.state.table.groups!.length + 1);
  });

  it('works without any memory at all', async () => {
    const { source, nextPoint } = index('ix_a', 40);
    const reader = new RouteReader(100, SHARING);
    const routes = value(await reader.ask(source));
    expect(reader.remembered(source.indexId)).toBe(undefined);
    expect(value(await routes.rankForSearching(nextPoint()))).toHaveLength(40);
    const few = index('ix_b', 4);
    expect(value(await value(await reader.ask(few.source)).rankForSearching(nextPoint()))).toHaveLength(4);
  });

  it('refuses as stale when the shard group has changed or its source is unreachable', async () => {
    const { state, source, nextPoint } = index('ix_a', 40);
    const reader = new RouteReader(1 << 20, SHARING);
    const routes = value(await reader.ask(source));
    state.table = withGroups(undefined, { ...state.table, version: 2 }, SIZES);
    expect(await routes.rankForSearching(nextPoint())).toMatchObject({ ok: false, error: { code: 'stale_route' } });
    const batch = { ids: ['a'], namespaces: [''], values: Float32Array.from(nextPoint()) };
    expect(await routes.placesFor(batch)).toMatchObject({ ok: false, error: { code: 'stale_route' } });
    expect(value(await value(await reader.ask(source)).placesFor(batch))[0]!.length).toBeGreaterThan(0);
  });

  it('has the newest version, in whatever order answers arrive', async () => {
    const { state, source } = index('ix_a', 40);
    const reader = new RouteReader(1 << 20, SHARING);
    const old = summaryOf(state.table);
    let answerLate = () => {};
    const late = reader.ask({
      ...source,
      routingSummary: () => new Promise((resolve) => (answerLate = () => resolve({ ok: true, value: old }))),
    });
    state.table = { ...state.table, version: 7 };
    await reader.ask(source);
    answerLate();
    await late;
    expect(reader.remembered(source.indexId)?.summary.version).toBe(7);
  });
});
