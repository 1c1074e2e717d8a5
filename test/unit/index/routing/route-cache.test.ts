import { describe, expect, it } from 'vitest';

import { DirectWakeUps } from '../../../../src/kernel/wake-ups.ts';
import { withGroups } from '../../../../src/index/routing/shard-groups.ts';
import { changed, withDrainEnded } from '../../../../src/index/routing/route-changes.ts';
import { summaryOf, regionPage } from '../../../../src/index/routing/routing-summary.ts';
import { RouteReader } from '../../../../src/index/routing/route-reader.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { RouteCache } from '../../../../src/index/routing/route-cache.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { value } from '../../../support/worlds/shard-world.ts';
import { tableOfClusters } from '../../../support/oracles/table-of-clusters.ts';

const SHARING = { clock: { nowMs: () => 0 }, wakeUps: new DirectWakeUps() };
const SIZES = { shardsMax: 8, shardsMin: 3 };
const MANIFEST = { id: 'ix_1' as IndexId, dimensions: 4, metric: 'l2', routeVersion: 1 } as IndexManifest;

function world() {
  const { table, nextPoint } = tableOfClusters(40, 6, 4, 1);
  const state = { table: withGroups(undefined, table, SIZES), isUnreachable: false };
  const asked = { summaries: 0, pages: 0 };
  const cache = new RouteCache(
    {
      routingSummary: async (_, known) => {
        asked.summaries += 1;
        await Promise.resolve();
        return state.isUnreachable ? refuse('unavailable', 'gone') : ok(summaryOf(state.table, known));
      },
      regions: async (_, group, since) => {
        asked.pages += 1;
        return state.isUnreachable ? refuse('unavailable', 'gone') : regionPage(state.table, group, since);
      },
    },
    new RouteReader(1 << 20, SHARING),
    SHARING,
  );
  const split = () => {
    const { centroids } = state.table.shards[0]!;
    const divided = changed(state.table, { kind: 'split', ordinal: 0, halves: [centroids, centroids], margin: 1.1 });
    state.table = withGroups(state.table, divided, SIZES);
    state.table = withGroups(state.table, withDrainEnded(state.table, 0), SIZES);
  };
  return { state, asked, cache, split, nextPoint };
}

describe('[RT33] routes of a gateway', () => {
  it('are requested again within the call when a needed shard group has changed', async () => {
    const { state, asked, cache, split, nextPoint } = world();
    // The cache has the routing summary, and no regions yet.
    value(await cache.using(MANIFEST, async ({ summary }) => ok(summary.version)));
    split();
    const ranked = await cache.using(MANIFEST, (routes) => routes.rankForSearching(nextPoint()));
    expect(value(ranked).map(({ ordinal }) => ordinal)).toContain(state.table.highest);
    expect(asked.summaries).toBe(2);
  });

  it('are requested once by concurrent calls, and later only for newer changes', async () => {
    const { state, asked, cache, split } = world();
    const versions = () => Promise.all([1, 2, 3].map(() => cache.using(MANIFEST, async ({ summary }) => ok(summary.version))));
    expect((await versions()).map(value)).toEqual([1, 1, 1]);
    expect(asked.summaries).toBe(1);
    split();
    const newer = { ...MANIFEST, routeVersion: state.table.version };
    expect(value(await cache.using(newer, async ({ summary }) => ok(summary.version)))).toBe(state.table.version);
    expect(asked).toEqual({ summaries: 2, pages: 0 });
  });

  it('that cannot be requested fail the call, but not the next one', async () => {
    const { state, cache, nextPoint } = world();
    state.isUnreachable = true;
    const rank = () => cache.using(MANIFEST, (routes) => routes.rankForSearching(nextPoint()));
    expect(await rank()).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    state.isUnreachable = false;
    expect(value(await rank())).toHaveLength(40);
  });
});
