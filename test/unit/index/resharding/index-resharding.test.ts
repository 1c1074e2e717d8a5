import { expect, it } from 'vitest';

import { encodeCentroids } from '../../../../src/index/routing/centroids.ts';
import { IndexResharding } from '../../../../src/index/resharding/index-resharding.ts';
import type { ReshardingPeers } from '../../../../src/index/resharding/index-resharding.ts';
import type { Misplacement } from '../../../../src/index/resharding/misplacement.ts';
import { IN_ORDER } from '../../../../src/index/resharding/misplacement.ts';
import type { RouteChange } from '../../../../src/index/routing/route-changes.ts';
import { withLocators } from '../../../../src/index/routing/route-changes.ts';
import type { RouteTable } from '../../../../src/index/routing/route-table.ts';
import type { Cell, DrainOrder } from '../../../../src/index/routing/shard-route.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';

const SPACE = { metric: 'l2', dimensions: 2 } as const;
const half = (x: number) => encodeCentroids(Float32Array.of(x, 0), 2);

/** A cell that keeps its value and logs each write. */
class Kept<T> implements Cell<T> {
  value: T | undefined;
  readonly #told: (value: T) => void;
  constructor(value: T | undefined, told: (value: T) => void = () => undefined) {
    this.value = value;
    this.#told = told;
  }
  get(): T | undefined {
    return this.value;
  }
  put(value: T): void {
    this.value = value;
    this.#told(value);
  }
}

function grown() {
  const log: string[] = [];
  const table = new Kept<RouteTable>(
    withLocators({ ...SPACE, version: 0, shards: [], highest: 0, locators: 2, margin: 1.1 }),
    ({ version, shards }) => log.push(`routes ${version}: ${shards.map(({ ordinal, state }) => `${ordinal} ${state.kind}`).join()}`),
  );
  const state = { lsn: 41, isCutOff: false };
  const clock = { nowMs: 0 };
  const orders: DrainOrder[] = [];
  const peers: ReshardingPeers = {
    openShard: async (ordinal, since) => void log.push(`open ${ordinal} since ${since}`),
    openLocator: async () => undefined,
    export: async () => undefined,
    drain: async (ordinal, order) => {
      orders.push(order);
      log.push(`drain ${ordinal} since ${order.since}`);
      return state.lsn;
    },
    raise: async (ordinal, lsn) => {
      if (state.isCutOff) throw new Error('cut off');
      log.push(`raise ${ordinal} above ${lsn}`);
    },
    eraseShard: async (ordinal) => void log.push(`erase ${ordinal}`),
  };
  const cells = { table, change: new Kept<RouteChange | null>(null), disorder: new Kept<Misplacement>(IN_ORDER) };
  const growth = new IndexResharding(cells, peers, () => clock.nowMs);
  const split = (ordinal: number, since: number) =>
    growth.answer(SPACE, { kind: 'split', request: { ordinal, since, halves: [half(0), half(1)], margin: 1.1 } });
  return { growth, split, table, log, orders, state, clock };
}

it('[RT8][RT11] a receiving shard starts above the LSN at which the source refuses old routes', async () => {
  const { growth, split, log } = grown();
  expect(await split(0, 1)).toMatchObject({ ok: true, value: { version: 2 } });
  expect(log).toEqual(['open 1 since 2', 'drain 0 since 2', 'raise 1 above 41', 'routes 2: 0 draining,1 serving']);
  log.length = 0;
  await growth.answer(SPACE, { kind: 'drained', shard: { ordinal: 0, since: 2 } });
  await growth.answer(SPACE, { kind: 'merge', shard: { ordinal: 1, since: 2 } });
  expect(log).toEqual(['routes 3: 0 serving,1 serving', 'drain 1 since 4', 'raise 0 above 41', 'routes 4: 0 serving,1 draining']);
  log.length = 0;
  await growth.answer(SPACE, { kind: 'drained', shard: { ordinal: 1, since: 4 } });
  expect(log).toEqual(['routes 5: 0 serving', 'erase 1']);
});

it('[RT16] a hash split opens the new shard before it is announced; one slot cannot be split', async () => {
  const { growth, table, log } = grown();
  const share = (ordinal: number, since: number) => growth.answer(SPACE, { kind: 'share', shard: { ordinal, since } });
  expect(await share(0, 1)).toMatchObject({ ok: true, value: { version: 2 } });
  expect(log).toEqual(['open 1 since 2', 'drain 0 since 2', 'raise 1 above 41', 'routes 2: 0 draining,1 serving']);
  expect(await share(0, 2)).toMatchObject({ ok: false, error: { code: 'state_conflict' } });
  await growth.answer(SPACE, { kind: 'drained', shard: { ordinal: 0, since: 2 } });
  expect(await share(0, 1)).toMatchObject({ ok: false, error: { code: 'state_conflict' } });
  const one = { from: 4, to: 5 };
  table.put({ ...table.value!, shards: table.value!.shards.map((shard) => ({ ...shard, slots: one })) });
  expect(await share(0, 2)).toMatchObject({ ok: false, error: { code: 'state_conflict' } });
});

it('[RT7] an interrupted change is completed before it is published, and before another begins', async () => {
  const { growth, split, table, log, state } = grown();
  state.isCutOff = true;
  await expect(split(0, 1)).rejects.toThrow('cut off');
  expect([table.value?.version, growth.isChanging]).toEqual([1, true]);
  await expect(split(0, 1)).rejects.toThrow('cut off');
  state.isCutOff = false;
  expect(await split(0, 1)).toMatchObject({ ok: false, error: { code: 'state_conflict' } });
  expect([table.value?.version, table.value?.shards.length, growth.isChanging]).toEqual([2, 2, false]);
  expect(log.filter((line) => line.startsWith('routes'))).toEqual(['routes 2: 0 draining,1 serving']);
});

it('[RT21][RT22] once calm, shards rebalance one by one; no split waits, and none begins while one waits', async () => {
  const { growth, split, table, log, clock } = grown();
  const drained = (ordinal: number, since: number) => growth.answer(SPACE, { kind: 'drained', shard: { ordinal, since } });
  await split(0, 1);
  await drained(0, 2);
  expect(growth.rebalancingMs).toBe(undefined);
  await split(1, 2);
  await drained(1, 4);
  expect(growth.rebalancingMs).toBe(INDEX_LIMITS.tidyCalmMs);
  await growth.rebalance(new Set());
  log.length = 0;
  clock.nowMs = INDEX_LIMITS.tidyCalmMs;
  await growth.rebalance(new Set());
  expect(log).toEqual(['drain 0 since 6', 'routes 6: 0 tidying,1 serving,2 serving']);
  expect(growth.isMoving).toBe(true);
  expect(growth.rebalancingMs).toBe(INDEX_LIMITS.tidyCalmMs);
  expect(await split(0, 6)).toMatchObject({ ok: false, error: { code: 'state_conflict' } });
  expect(growth.rebalancingMs).toBe(2 * INDEX_LIMITS.tidyCalmMs);
  expect(await split(1, 4)).toMatchObject({ ok: true });
  await drained(0, 6);
  expect(table.value?.shards.map(({ state }) => state.kind)).toEqual(['serving', 'draining', 'serving', 'serving']);
  expect(growth.rebalancingMs).toBe(2 * INDEX_LIMITS.tidyCalmMs);
});

it('[RT21] a rebalancing shard gets its neighbours, and no second list of all shards', async () => {
  const { growth, split, table, orders, clock } = grown();
  for (const since of [1, 2]) {
    await split(0, since);
    await growth.answer(SPACE, { kind: 'drained', shard: { ordinal: 0, since: table.value!.version } });
  }
  const replicas = [{ replica: 1, location: null }];
  const shards = table.value!.shards.map((shard) => (shard.ordinal === 2 ? { ...shard, replicas } : shard));
  table.put({ ...table.value!, shards });
  clock.nowMs = INDEX_LIMITS.tidyCalmMs;
  await growth.rebalance(new Set([2]));
  const [own, ...others] = orders.at(-1)!.shards;
  expect(own).toMatchObject({ ordinal: 0, state: { kind: 'tidying', into: [1] } });
  expect(others.map(({ ordinal }) => ordinal).toSorted((a, b) => a - b)).toEqual([1, 2]);
  for (const other of others) expect(other).toMatchObject({ state: { kind: 'serving' }, replicas: [] });
});
