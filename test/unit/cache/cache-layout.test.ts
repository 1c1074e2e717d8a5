import { hash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import type { Shard } from '../../../src/cache/cache-layout.ts';
import { parseShards, rendezvousShard, shardsOf } from '../../../src/cache/cache-layout.ts';

const DIGESTS = Array.from({ length: 8000 }, (_, i) => hash('sha256', `text ${i}`, 'hex'));
const shards = (text: string) => parseShards(text, 64);
const nameOf = (digest: string, among: readonly Shard[]) => among[rendezvousShard(digest, among)]?.name;
const movedBetween = (before: readonly Shard[], after: readonly Shard[]) =>
  DIGESTS.filter((digest) => nameOf(digest, before) !== nameOf(digest, after));

/** Four standard deviations of the number of digests in a shard with this share. */
const tolerance = (share: number) => 4 * Math.sqrt(DIGESTS.length * share * (1 - share));

describe('rendezvous shard', () => {
  it('[C19] moves to an added shard only the entries that it wins', () => {
    const moved = movedBetween(shards('8'), shards('9'));
    expect(moved.every((digest) => nameOf(digest, shards('9')) === '8')).toBe(true);
    expect(Math.abs(moved.length - DIGESTS.length / 9)).toBeLessThan(tolerance(1 / 9));
  });

  it('[C19] moves a third of the entries from 16 shards to 24, all to new ones', () => {
    const moved = movedBetween(shards('16'), shards('24'));
    expect(moved.every((digest) => Number(nameOf(digest, shards('24'))) >= 16)).toBe(true);
    expect(Math.abs(moved.length - DIGESTS.length / 3)).toBeLessThan(tolerance(1 / 3));
    expect(moved.length / DIGESTS.length).toBeLessThan(0.4);
  });

  it('[C19] moves only the entries of a removed shard, whatever its position in the list', () => {
    const before = shards('a:1,b:1,c:1,d:1');
    const after = shards('d:1,c:1,a:1');
    const moved = movedBetween(before, after);
    expect(moved.length).toBeGreaterThan(1000);
    expect(moved.every((digest) => nameOf(digest, before) === 'b')).toBe(true);
  });

  it('[C63] gives every shard entries in proportion to its weight', () => {
    const weighted = shards('a:1,b:2,c:5');
    const counts = [0, 0, 0];
    for (const digest of DIGESTS) counts[rendezvousShard(digest, weighted)]! += 1;
    [1 / 8, 2 / 8, 5 / 8].forEach((share, i) => {
      expect(Math.abs(counts[i]! - DIGESTS.length * share)).toBeLessThan(tolerance(share));
    });
  });

  it('[C63] moves only what a changed weight requires', () => {
    const moved = movedBetween(shards('a:1,b:1,c:1,d:1'), shards('a:1,b:2,c:1,d:1'));
    // The share of `b` rises from 1/4 to 2/5; everything that moves goes to it.
    expect(moved.every((digest) => nameOf(digest, shards('a:1,b:2,c:1,d:1')) === 'b')).toBe(true);
    expect(Math.abs(moved.length - DIGESTS.length * (2 / 5 - 1 / 4))).toBeLessThan(tolerance(0.15));
  });
});

describe('the layout of a cache', () => {
  it('[C63] is a count, or names with weights', () => {
    expect(shards('2')).toEqual([
      { name: '0', weight: 1 },
      { name: '1', weight: 1 },
    ]);
    expect(shards('0:1,big:2.5')).toEqual([
      { name: '0', weight: 1 },
      { name: 'big', weight: 2.5 },
    ]);
    expect(shardsOf({ shards: shards('2'), before: shards('3') }).map(({ name }) => name)).toEqual(['0', '1', '2']);
  });

  it.each(['', '0', '65', 'a', 'a:0', 'a:-1', 'a:1,a:2', 'a:1,', 'A:1'])('[C63] is refused as %j', (text) => {
    expect(() => shards(text)).toThrow(/^(a cache has|a shard is|every shard has)/);
  });
});
