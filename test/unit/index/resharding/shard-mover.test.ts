import { expect, it } from 'vitest';

import { SqliteRowVersions } from '../../../../src/index/resharding/sqlite-row-versions.ts';
import { VectorStore } from '../../../../src/ann/store/vector-store.ts';
import { ShardEngine } from '../../../../src/ann/shard/shard-engine.ts';
import { SelectionCache } from '../../../../src/ann/filter/selection.ts';
import { encodeCentroids } from '../../../../src/index/routing/centroids.ts';
import type { RoutedShard } from '../../../../src/index/routing/route-table.ts';
import { ShardMover, sliceRows } from '../../../../src/index/resharding/shard-mover.ts';
import type { DrainOrder, ShardRoute } from '../../../../src/index/routing/shard-route.ts';
import { Shard } from '../../../../src/ann/shard/shard.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import type { IndexId, TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';
import { smallFloor, value } from '../../../support/worlds/shard-world.ts';

const indexId = 'ix_move' as IndexId;
const ROWS = 300;

/** A shard whose rows all belong to another one. */
function draining() {
  const sql = new NodeSql();
  const store = new VectorStore(sql);
  const shard = new Shard(store, new ShardEngine(smallFloor(1 << 24), 'from', store), 'from', new SelectionCache(1 << 16));
  shard.open({ indexId, dimensions: 64, metric: 'l2' });
  const ids = Array.from({ length: ROWS }, (_, n) => `v${n}`);
  const columns = { namespaces: ids.map(() => ''), metadata: ids.map(() => null), texts: ids.map(() => null) };
  value(shard.upsert({ indexId, ids, values: new Float32Array(ROWS * 64).fill(1), ...columns, repetition: null }, 0));
  const at = (ordinal: number, x: number): RoutedShard => ({
    ordinal,
    since: 2,
    centroids: encodeCentroids(new Float32Array(64).fill(x), 64),
    state: { kind: 'serving' },
    replicas: [],
  });
  let route: ShardRoute = {
    tenantId: 'tn_move' as TenantId,
    name: 'moving',
    ordinal: 0,
    since: 1,
    budget: 10,
    locators: 2,
    isFenced: false,
    task: null,
  };
  const puts: number[] = [];
  const moved: string[] = [];
  let order: DrainOrder | undefined;
  const mover = new ShardMover(
    {
      shard,
      store,
      versions: new SqliteRowVersions(sql),
      route: { get: () => route, put: (next) => void (route = next) },
      order: { get: () => order, put: (next) => void (order = next) },
    },
    {
      move: async (_, moves) => ok(moves.ids.map(() => 'move' as const)),
      depart: async () => ok(null),
      put: async (_, rows) => {
        puts.push(rows.ids.length);
        moved.push(...rows.ids);
        return ok(null);
      },
      lacking: async (_, { ids: asked }) => ok([...asked.keys()]),
      drained: async () => ok(null),
    },
  );
  mover.begin({ since: 2, shards: [{ ...at(0, -1), state: { kind: 'draining', into: [1] } }, at(1, 1)], margin: 0 });
  return { mover, store, puts, moved, ids };
}

it('[RT14] moves few rows at once, and removes few at once after their grace period', async () => {
  const { mover, store, puts, moved, ids } = draining();
  let [nowMs, count] = [1_000, ROWS];
  for (let steps = 0; steps < 100; steps += 1) {
    const movedBefore = moved.length;
    const nextMs = await mover.step(nowMs);
    if (nextMs === undefined) break;
    const removed = count - store.header()!.count;
    count -= removed;
    expect([moved.length - movedBefore <= sliceRows(64), removed <= INDEX_LIMITS.moveLeaveMaxCount]).toEqual([true, true]);
    nowMs = Math.max(nowMs, nextMs);
  }
  expect(moved.toSorted()).toEqual(ids.toSorted());
  expect(puts.length).toBe(Math.ceil(ROWS / sliceRows(64)));
  expect(count).toBe(0);
});

it('[B43] moves nothing while the shard is sealed', async () => {
  const { mover, store, moved } = draining();
  store.setAccess({ mode: 'sealed', fencingToken: 1 });
  expect(await mover.step(1_000)).toBe(1_000 + INDEX_LIMITS.routeRetryMs);
  expect(moved).toEqual([]);
});
