import { describe, expect, it } from 'vitest';

import { KnownRoutes } from '../../../../src/index/routing/known-routes.ts';
import { encodeCentroids } from '../../../../src/index/routing/centroids.ts';
import { routedDimensions } from '../../../../src/index/routing/places-of.ts';
import { SERVING, withLocators } from '../../../../src/index/routing/route-changes.ts';
import type { RouteTable } from '../../../../src/index/routing/route-table.ts';
import { Regions } from '../../../../src/index/routing/regions.ts';
import { Router } from '../../../../src/index/routing/router.ts';
import { summaryOf } from '../../../../src/index/routing/routing-summary.ts';
import { ALL_SLOTS, halvesOf, slotOf } from '../../../../src/index/routing/slot-range.ts';
import { shardBudget } from '../../../../src/index/resharding/shard-budget.ts';
import { measuredMargin } from '../../../../src/index/resharding/split-region.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import { ok } from '../../../../src/kernel/result.ts';

const [LOW, HIGH] = halvesOf(ALL_SLOTS);
const at = (...values: number[]) => encodeCentroids(Float32Array.from(values), values.length);

/** Two shards that share the region of the origin, and one apart, by a margin that copies everything. */
function table(): RouteTable {
  const shards = [
    { ordinal: 0, centroids: at(1, 0), slots: LOW },
    { ordinal: 1, centroids: at(1, 0), slots: HIGH },
    { ordinal: 2, centroids: at(3, 3) },
  ].map((shard) => ({ since: 1, state: SERVING, replicas: [], ...shard }));
  return { version: 3, metric: 'l2', dimensions: 2, shards, highest: 2, locators: 4, margin: 1_000 };
}

function routesOf(routes: RouteTable): KnownRoutes {
  const { page, ...summary } = summaryOf(routes);
  return new KnownRoutes(summary, async () => ok(new Regions(page!, routes)));
}

const IDS = Array.from({ length: 40 }, (_, i) => `id-${i}`);
const NAMESPACES = IDS.map(() => '');

describe('[TX207] rows without a vector', () => {
  it('are at one shard, that of their slot in the region of the origin; vectors beside them have copies', async () => {
    const values = new Float32Array(2 * IDS.length).fill(2, IDS.length);
    const placed = await routesOf(table()).placesFor({ ids: IDS, namespaces: NAMESPACES, values });
    const places = placed.ok ? placed.value : [];
    const ownOf = (id: string) => (slotOf('', id) < LOW.to ? 0 : 1);
    expect(places.slice(0, 20)).toEqual(IDS.slice(0, 20).map((id) => [ownOf(id)]));
    expect(places.slice(20).every((shards) => shards.length === 2)).toBe(true);
    expect(new Router(table()).placings(new Float32Array(2), 0).map(({ ordinal }) => ordinal)).toEqual([0]);
  });

  it('of an index without vectors are divided by their slots alone', async () => {
    const dimensions = routedDimensions(0);
    const first = withLocators({ version: 0, metric: 'cosine', dimensions, shards: [], highest: 0, locators: 4, margin: 0 });
    const [only] = first.shards;
    expect(only?.centroids.scales).toHaveLength(1);
    const shards = [LOW, HIGH].map((slots, ordinal) => ({ ...only!, ordinal, slots }));
    const placed = await routesOf({ ...first, shards }).placesFor({ ids: IDS, namespaces: NAMESPACES, values: new Float32Array(0) });
    expect(placed).toEqual(ok(IDS.map((id) => [slotOf('', id) < LOW.to ? 0 : 1])));
  });

  it('say nothing of what copies are worth', () => {
    const margin = (values: Float32Array) => {
      const measuring = measuredMargin({ ...table(), highest: 200 }, 2, [at(3, 3), at(5, 5)], values);
      for (let step = measuring.next(); ; step = measuring.next()) if (step.done === true) return step.value;
    };
    const vectors = Float32Array.from({ length: 40 }, (_, i) => 3 + (i % 7) / 5);
    expect(margin(Float32Array.from([...vectors, ...new Float32Array(40)]))).toBe(margin(vectors));
    expect(margin(new Float32Array(40))).toBe(undefined);
  });
});

it('[TX215] a shard without vectors is split at half of the rows that it takes, or sooner', () => {
  expect(shardBudget({ dimensions: 0 })).toBe(INDEX_LIMITS.vectorlessRowsMaxCount / 2);
  expect(shardBudget({ dimensions: 0, shardVectorsMax: 10 })).toBe(10);
});
