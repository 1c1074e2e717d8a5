import { describe, expect, it } from 'vitest';

import type { CacheReport, VectorSource } from '../../../../src/gateway/caches/cache-report.ts';
import { ageOf, cacheStatus } from '../../../../src/gateway/caches/cache-report.ts';

const report = (sources: VectorSource[], more: Partial<CacheReport> = {}): CacheReport => ({
  sources,
  agesMs: [],
  ttlMs: undefined,
  forwarded: undefined,
  shared: { asked: 0, found: 0 },
  stored: { memory: false, shared: false },
  ...more,
});

describe('cache-status', () => {
  it.each<[CacheReport, string]>([
    [report(['memory', 'duplicate']), 'sluice-l1; hit; detail="memory=1 duplicate=1"'],
    [report(['memory'], { ttlMs: 1999 }), 'sluice-l1; hit; ttl=1; detail="memory=1"'],
    [report(['memory'], { ttlMs: -1 }), 'sluice-l1; hit; ttl=-1; detail="memory=1"'],
    [
      report(['computed'], { forwarded: 'miss', ttlMs: 400, stored: { memory: true, shared: false } }),
      'sluice-l1; fwd=miss; stored; ttl=0; detail="computed=1"',
    ],
    [report(['computed'], { forwarded: 'request' }), 'sluice-l1; fwd=request; detail="computed=1"'],
    [report(['joined'], { forwarded: 'miss' }), 'sluice-l1; fwd=miss; collapsed; detail="joined=1"'],
    [
      report(['computed'], { forwarded: 'bypass', stored: { memory: true, shared: true } }),
      'sluice-l1; fwd=bypass; stored; detail="computed=1"',
    ],
    [
      report(['shared', 'shared'], {
        forwarded: 'miss',
        ttlMs: 5000,
        shared: { asked: 2, found: 2 },
        stored: { memory: true, shared: false },
      }),
      'sluice-l2; hit; ttl=5; detail="found=2 asked=2", sluice-l1; fwd=miss; stored; ttl=5; detail="shared=2"',
    ],
    [
      report(['memory', 'shared', 'computed'], {
        forwarded: 'partial',
        shared: { asked: 2, found: 1 },
        stored: { memory: true, shared: true },
      }),
      'sluice-l2; fwd=partial; stored; detail="found=1 asked=2", sluice-l1; fwd=partial; stored; detail="memory=1 shared=1 computed=1"',
    ],
    [
      report(['computed'], { forwarded: 'stale', shared: { asked: 1, found: 0 } }),
      'sluice-l2; fwd=miss; detail="found=0 asked=1", sluice-l1; fwd=stale; detail="computed=1"',
    ],
  ])('[C83] is %j', (told, header) => {
    expect(cacheStatus(told)).toBe(header);
  });
});

it('[C84] has the age of the oldest cached vector, and none if all were computed', () => {
  expect([ageOf(report(['memory', 'memory'], { agesMs: [3, 7] })), ageOf(report(['computed']))]).toEqual([7, undefined]);
});
