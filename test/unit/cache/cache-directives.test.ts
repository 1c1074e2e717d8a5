import { describe, expect, it } from 'vitest';

import { accepts, ANY_FRESH, parseCacheControl } from '../../../src/cache/cache-directives.ts';

const NEVER_ENDS = Infinity;

describe('cache-control of a request', () => {
  it.each([
    [undefined, {}],
    ['', {}],
    ['x=1, no-transform', {}],
    ['no-cache', { bypass: true }],
    ['No-Store , max-age=5', { store: false, ageMsMax: 5000 }],
    ['only-if-cached', { onlyIfCached: true }],
    ['max-age="60"', { ageMsMax: 60_000 }],
    ['max-age=0', { ageMsMax: 0 }],
    ['max-age=-1', { ageMsMax: 0 }],
    ['max-age', { ageMsMax: 0 }],
    ['max-age=5, max-age=2', { ageMsMax: 2000 }],
    ['max-stale', { staleMsMax: Infinity }],
    ['max-stale=3', { staleMsMax: 3000 }],
    ['max-stale=soon', { staleMsMax: 0 }],
    ['max-stale=3, max-stale', { staleMsMax: 3000 }],
    ['max-stale, max-stale=3, max-stale=9', { staleMsMax: 3000 }],
    ['max-stale=0, max-stale', { staleMsMax: 0 }],
    ['min-fresh=3, min-fresh=1', { freshMsMin: 3000 }],
    ['x="max-stale", y="a,b"', {}],
    ['min-fresh=3', { freshMsMin: 3000 }],
    ['min-fresh=soon', { freshMsMin: Infinity }],
    ['min-fresh=3, max-stale', { freshMsMin: 3000, staleMsMax: 0 }],
  ])('[C80] reads %j', (header, asked) => {
    expect(parseCacheControl(header)).toEqual({ ...ANY_FRESH, ...asked });
  });

  it.each([
    ['max-age=2', [2000, NEVER_ENDS], true],
    ['max-age=2', [2001, NEVER_ENDS], false],
    ['min-fresh=2', [0, 2000], true],
    ['min-fresh=2', [0, 1999], false],
    ['min-fresh=2', [0, NEVER_ENDS], true],
    ['', [0, 1], true],
    ['', [0, 0], false],
    ['max-stale', [9, -5], true],
    ['max-stale=5', [9, -5000], true],
    ['max-stale=5', [9, -5001], false],
    ['max-stale, max-age=3', [3001, -1], false],
    ['max-age=0', [0, 10], true],
  ])('[C80] %j: an entry of this age and remaining life, %j, is accepted: %s', (header, [ageMs = 0, freshMs = 0], isAccepted) => {
    expect(accepts(parseCacheControl(header), ageMs, freshMs)).toBe(isAccepted);
  });
});
