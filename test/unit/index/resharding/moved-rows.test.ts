import { expect, it } from 'vitest';
import { encodeCentroids } from '../../../../src/index/routing/centroids.ts';
import type { RoutedShard, ShardState } from '../../../../src/index/routing/route-table.ts';
import { RowWishes, putRows } from '../../../../src/index/resharding/moved-rows.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import type { RowPut } from '../../../../src/ann/rows.ts';
import { ok } from '../../../../src/kernel/result.ts';

const shard = (ordinal: number, x: number, y: number, state: ShardState = { kind: 'serving' }): RoutedShard => ({
  ordinal,
  since: 4,
  centroids: encodeCentroids(Float32Array.of(x, y), 2),
  state,
  replicas: [],
});

const SPACE = { metric: 'l2', dimensions: 2 } as const;
const wishes = (own: RoutedShard, ...others: RoutedShard[]) =>
  new RowWishes(own.ordinal, { since: 4, shards: [own, ...others], margin: 2 }, SPACE);
const at = (x: number, y: number) => Float32Array.of(x, y);

it('[RT2][RT7] a split shard keeps nearer rows, gives the rest to the other half and copies border rows', () => {
  const divided = wishes(shard(0, 0, 0, { kind: 'draining', into: [1] }), shard(1, 4, 0));
  expect(divided.of(at(0.5, 0), 0)).toBe(undefined);
  expect(divided.of(at(3.5, 0), 0)).toEqual({ to: [1], isNearer: true, isShared: false });
  expect(divided.of(at(1.9, 0.2), 0)).toEqual({ to: [1], isNearer: false, isShared: true });
  expect(divided.of(at(2.1, 0.2), 0)).toEqual({ to: [1], isNearer: true, isShared: true });
});

it('[RT7] a shard being merged gives each row to the nearest of its receivers', () => {
  const none = { ...shard(0, 0, 0, { kind: 'draining', into: [1, 2] }), centroids: encodeCentroids(new Float32Array(0), 2) };
  const given = wishes(none, shard(1, 4, 0), shard(2, 0, 4));
  expect(given.of(at(1, 0), 0)).toEqual({ to: [1], isNearer: true, isShared: false });
});

it('[RT21] a rebalancing shard sends a row to all its shards, and drops it unless it is one of them', () => {
  const tidied = wishes(shard(0, 0, 0, { kind: 'tidying', into: [1, 2] }), shard(1, 4, 0), shard(2, 0, 4));
  expect(tidied.of(at(0.5, 0), 0)).toBe(undefined);
  expect(tidied.of(at(1.9, 0.2), 0)).toEqual({ to: [1], isNearer: false, isShared: true });
  expect(tidied.of(at(0.2, 3.5), 0)).toEqual({ to: [2], isNearer: true, isShared: false });
  expect(tidied.of(at(2.3, 2.1), 0)).toEqual({ to: [1, 2], isNearer: true, isShared: false });
});

it('[RT21] a row stays while one of its shards may not receive it', () => {
  const tidied = wishes(shard(0, 0, 0, { kind: 'tidying', into: [1] }), shard(1, 4, 0), shard(2, 0, 4));
  expect(tidied.of(at(2.3, 2.1), 0)).toBe(undefined);
  expect(tidied.of(at(3.5, 0), 0)).toEqual({ to: [1], isNearer: true, isShared: false });
});

const IDS = ['a', 'b', 'c'];
const found = {
  ids: IDS,
  namespaces: IDS.map(() => ''),
  values: Float32Array.of(1, 2, 3),
  metadata: IDS.map(() => null),
  texts: IDS.map(() => null),
  rows: [1, 2, 3],
  versions: [7, 8, 9],
};
const granted = [
  { at: 0, to: [1], isMove: true },
  { at: 1, to: [1, 2], isMove: true },
  { at: 2, to: [2], isMove: false },
];
const FULL = refuse('index_growing', 'a shard of the index is full until it is split; retry later');
const GONE = refuse('unavailable', 'the shard cannot be reached');

/** Shards 1 and 2, with given ids and refusals; records what they were sent. */
function takers(has: Record<number, string[]>, refusals: Record<number, Outcome<never>> = {}) {
  const sent: string[] = [];
  return {
    sent,
    put: async (
      ordinal: number,
      { ids, versions, routeVersion }: { ids: readonly string[]; versions: readonly number[]; routeVersion?: number },
    ) => {
      sent.push(`${ids.map((id, i) => `${id}@${versions[i]}`).join()} to ${ordinal} by ${routeVersion}`);
      return refusals[ordinal] ?? ok(null);
    },
    lacking: async (ordinal: number, { ids }: { ids: readonly string[] }) =>
      ok([...ids.keys()].filter((i) => has[ordinal]?.includes(ids[i]!) !== true)),
  };
}

const slice = (isWhole: boolean) => ({ found, header: { indexId: 'ix_put' as IndexId, lsn: 40 }, since: 5, isWhole });

it('[RT21] a rebalancing shard sends only missing rows, and assumes the rest present', async () => {
  const shards = takers({ 1: ['a'], 2: ['b', 'c'] });
  expect(await putRows(shards, slice(true), granted)).toEqual(granted);
  expect(shards.sent).toEqual(['b@8 to 1 by 5']);
});

it('[RT7] a shard that was split sends everything', async () => {
  const shards = takers({ 1: ['a'], 2: ['b', 'c'] });
  expect(await putRows(shards, slice(false), granted)).toEqual(granted);
  expect(shards.sent).toEqual(['a@7,b@8 to 1 by 5', 'b@8,c@9 to 2 by 5']);
});

it('[RT21] rebalancing does not wait for a full shard: refused rows stay; a split waits', async () => {
  expect(await putRows(takers({}, { 2: FULL }), slice(true), granted)).toEqual([granted[0]]);
  expect(await putRows(takers({}, { 2: FULL }), slice(false), granted)).toBe(undefined);
});

it('[RT7] a batch that may not have arrived is sent again completely', async () => {
  for (const isWhole of [false, true]) expect(await putRows(takers({}, { 1: GONE }), slice(isWhole), granted)).toBe(undefined);
});

it('[TX185] what moves counts at the first shard that it comes to; what else is sent is a copy', async () => {
  const copies: unknown[] = [];
  const shards = {
    put: async (ordinal: number, rows: RowPut) => (copies.push([ordinal, rows.ids, rows.copies]), ok(null)),
    lacking: async () => ok([]),
  };
  await putRows(shards, slice(false), granted);
  const { found: sent, ...rest } = slice(false);
  await putRows(shards, { ...rest, found: { ...sent, copies: [true, true, true] } }, granted);
  expect(copies).toEqual([
    [1, ['a', 'b'], [false, false]],
    [2, ['b', 'c'], [true, true]],
    [1, ['a', 'b'], [true, true]],
    [2, ['b', 'c'], [true, true]],
  ]);
});
