import { expect, it } from 'vitest';

import { putRows } from '../../../../src/index/resharding/row-puts.ts';
import type { Outcome } from '../../../../src/contract/outcome.ts';
import { refuse } from '../../../../src/contract/outcome.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';

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
  { at: 0, to: [1] },
  { at: 1, to: [1, 2] },
  { at: 2, to: [2] },
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
