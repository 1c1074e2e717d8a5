import { hash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { rendezvousShard } from '../../../src/cache/rendezvous-shard.ts';

const DIGESTS = Array.from({ length: 8000 }, (_, i) => hash('sha256', `text ${i}`, 'hex'));

describe('rendezvous shard', () => {
  it('[C19] moves to an added shard only what that one wins', () => {
    const moved = DIGESTS.filter((digest) => rendezvousShard(digest, 8) !== rendezvousShard(digest, 9));
    expect(moved.every((digest) => rendezvousShard(digest, 9) === 8)).toBe(true);
    // One in nine is 889; four standard deviations are 112.
    expect(Math.abs(moved.length - DIGESTS.length / 9)).toBeLessThan(112);
  });

  it('[C19] spreads digests evenly', () => {
    const counts = Array.from({ length: 8 }, () => 0);
    for (const digest of DIGESTS) counts[rendezvousShard(digest, 8)]! += 1;
    // Expected 1,000 each; four standard deviations are 118.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(118);
  });
});
