import { expect, it } from 'vitest';

import { encodeCentroids } from '../../../../src/index/routing/centroids.ts';
import type { Misplacement } from '../../../../src/index/resharding/misplacement.ts';
import {
  afterChange,
  afterRebalancing,
  IN_ORDER,
  nextRebalancing,
  nextRebalancingMs,
} from '../../../../src/index/resharding/misplacement.ts';
import type { RoutedShard, RouteTable } from '../../../../src/index/routing/route-table.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';

/** `count` shards side by side on a line. */
function line(count: number, parts: Record<number, Partial<RoutedShard>> = {}): RouteTable {
  const shards = Array.from({ length: count }, (_, ordinal): RoutedShard => {
    const centroids = encodeCentroids(Float32Array.of(ordinal, 0), 2);
    return { ordinal, since: 1, centroids, state: { kind: 'serving' }, replicas: [], ...parts[ordinal] };
  });
  return { version: 9, metric: 'l2', dimensions: 2, shards, highest: count - 1, locators: 8, margin: 0.1 };
}

/** The score after `count` changes of shard 0, at 1,000 ms. */
const changed = (table: RouteTable, count: number, before = IN_ORDER): Misplacement =>
  Array.from({ length: count }).reduce<Misplacement>((all) => afterChange(all, table, table, 0, 1_000), before);

const CALM_MS = 1_000 + INDEX_LIMITS.tidyCalmMs;
const NONE: ReadonlySet<number> = new Set();

it('[RT22] shards are rebalanced soon once half of the regions changed, late at a sixteenth', () => {
  const table = line(32);
  expect(nextRebalancingMs(IN_ORDER, table)).toBe(undefined);
  expect(nextRebalancingMs(changed(table, 1), table)).toBe(undefined);
  expect(nextRebalancingMs(changed(table, 2), table)).toBe(1_000 + INDEX_LIMITS.tidyLongCalmMs);
  expect(nextRebalancingMs(changed(table, 15), table)).toBe(1_000 + INDEX_LIMITS.tidyLongCalmMs);
  const half = changed(table, 16);
  expect([nextRebalancingMs(half, table), nextRebalancing(half, table, NONE, CALM_MS - 1)]).toEqual([CALM_MS, undefined]);
  expect(nextRebalancing(half, table, NONE, CALM_MS)).toEqual({ ordinal: 0, into: Array.from({ length: 31 }, (_, i) => i + 1) });
  expect(nextRebalancing(half, line(32, { 5: { state: { kind: 'tidying', into: [6] } } }), NONE, CALM_MS)).toBe(undefined);
  expect(nextRebalancing(changed(line(128), 64), line(128, { 5: { state: { kind: 'tidying', into: [6] } } }), NONE, CALM_MS)).toMatchObject(
    {
      ordinal: 0,
    },
  );
});

it('[RT22] the shard rebalanced longest ago comes first; when all are done, none is due', () => {
  const table = line(4);
  const disorder = afterRebalancing(changed(table, 4), 0);
  expect(nextRebalancing(disorder, table, NONE, CALM_MS)?.ordinal).toBe(1);
  const later = changed(table, 2, disorder);
  expect(nextRebalancing(afterRebalancing(later, 1), table, NONE, CALM_MS)?.ordinal).toBe(2);
  const all = [0, 1, 2, 3].reduce(afterRebalancing, later);
  expect([nextRebalancingMs(all, table), nextRebalancing(all, table, NONE, 1e12)]).toEqual([undefined, undefined]);
});

it('[RT22] a new shard inherits the misplacement score of its origin; a merged shard’s is forgotten', () => {
  const tidied = [0, 1, 2].reduce(afterRebalancing, changed(line(3), 2));
  expect(afterChange(tidied, line(3), line(4), 1, 5)).toEqual({ changes: 3, lastMs: 5, tidied: { 0: 2, 1: 2, 2: 2, 3: 2 } });
  expect(afterChange(tidied, line(3), line(2), 2, 5).tidied).toEqual({ 0: 2, 1: 2 });
});

it('[RT21][RT11] no rows go to shards with replicas in use or to changing shards', () => {
  const table = line(6, { 3: { state: { kind: 'draining', into: [4] } }, 5: { state: { kind: 'serving' } } });
  expect(nextRebalancing(changed(table, 6), table, new Set([2]), CALM_MS)).toEqual({ ordinal: 0, into: [1, 5] });
  // Shards that change are not rebalanced themselves either.
  const others = [0, 1, 2, 5].reduce(afterRebalancing, changed(table, 6));
  expect(nextRebalancing(others, table, NONE, CALM_MS)).toBe(undefined);
});

it('[RT22] two shards are never rebalanced: their split moved all rows', () => {
  expect(nextRebalancingMs(changed(line(2), 6), line(2))).toBe(undefined);
});
