import { describe, expect, it } from 'vitest';

import type { SplitRequest } from '../../../../src/index/resharding/index-resharding.ts';
import { ShardSplitter } from '../../../../src/index/resharding/shard-splitter.ts';
import { encodeCentroids } from '../../../../src/index/routing/centroids.ts';
import { SERVING } from '../../../../src/index/routing/route-changes.ts';
import type { RouteTable } from '../../../../src/index/routing/route-table.ts';
import { Router } from '../../../../src/index/routing/router.ts';
import type { ShardRoute } from '../../../../src/index/routing/shard-route.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { Clusters } from '../../../support/fixtures/clusters.ts';
import { ShardWorld, smallFloor, value } from '../../../support/worlds/shard-world.ts';

const DIMENSIONS = 4;
const ROWS = 300;

/** What the shard of an index asks for that has so many rows without a vector among its 300: a split or a hash split. */
async function asked(vectorlessCount: number): Promise<readonly ['split', SplitRequest] | readonly ['share']> {
  const world = new ShardWorld(smallFloor(1 << 22), { dimensions: DIMENSIONS, metric: 'l2' });
  const drawn = new Clusters({ dimensions: DIMENSIONS, count: 2, spread: 0.1, seed: 7, offset: 4 });
  const ids = Array.from({ length: ROWS }, (_, i) => `id-${i}`);
  const vectorless = ids.map((_, i) => i % ROWS < vectorlessCount);
  const values = new Float32Array(ROWS * DIMENSIONS);
  for (const [i, isNone] of vectorless.entries()) if (!isNone) values.set(drawn.next(), i * DIMENSIONS);
  const columns = { namespaces: ids.map(() => ''), metadata: ids.map(() => null), texts: ids.map(() => null) };
  value(world.shard.upsert({ indexId: world.identity.indexId, ids, values, vectorless, ...columns, repetition: null }, 0));
  const only = { ordinal: 0, since: 1, centroids: encodeCentroids(new Float32Array(DIMENSIONS), DIMENSIONS), state: SERVING, replicas: [] };
  const table: RouteTable = { version: 1, metric: 'l2', dimensions: DIMENSIONS, shards: [only], highest: 0, locators: 2, margin: 0 };
  const route: ShardRoute = {
    tenantId: 'tn_1' as TenantId,
    name: 'a',
    ordinal: 0,
    since: 1,
    budget: 100,
    locators: 2,
    isFenced: false,
    task: null,
  };
  const calls: (readonly ['split', SplitRequest] | readonly ['share'])[] = [];
  const splitter = new ShardSplitter(
    world.store,
    { get: () => route, put: () => undefined },
    {
      around: async () => ok(table),
      spread: async () => ok(null),
      merge: async () => ok(null),
      split: async (request) => ok(calls.push(['split', request])),
      share: async () => ok(calls.push(['share'])),
    },
  );
  while (calls.length === 0) await splitter.step(0);
  return calls[0]!;
}

describe('[TX209] a shard that outgrows its budget', () => {
  it('is divided by ids where most rows have no vector, however far apart the others are', async () => {
    expect(await asked(270)).toEqual(['share']);
    expect(await asked(ROWS)).toEqual(['share']);
  });

  it('is divided by regions where enough have one: rows without go where the origin is', async () => {
    const [kind, request] = await asked(150);
    expect(kind).toBe('split');
    const halves = request!.halves.map((centroids, ordinal) => ({ ordinal, centroids, since: 1, state: SERVING, replicas: [] }));
    const router = new Router({ metric: 'l2', dimensions: DIMENSIONS, shards: halves });
    const [bare] = router.rankForPlacing(new Float32Array(DIMENSIONS), 0);
    const [other] = router.rankForPlacing(new Float32Array(DIMENSIONS).fill(4), 0);
    expect(bare?.distance).toBe(0);
    expect(other?.ordinal).not.toBe(bare?.ordinal);
  });
});
