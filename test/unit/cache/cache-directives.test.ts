import { describe, expect, it } from 'vitest';

import { acceptsAge, parseCacheControl } from '../../../src/cache/cache-directives.ts';

describe('cache-control of a request', () => {
  it.each([
    [null, { bypass: false, store: true, ageMsMax: undefined }],
    ['', { bypass: false, store: true, ageMsMax: undefined }],
    ['no-cache', { bypass: true, store: true, ageMsMax: undefined }],
    ['No-Store , max-age=5', { bypass: false, store: false, ageMsMax: 5000 }],
    ['max-age="60"', { bypass: false, store: true, ageMsMax: 60_000 }],
    ['max-age=0', { bypass: false, store: true, ageMsMax: 0 }],
    ['max-age=-1', { bypass: false, store: true, ageMsMax: 0 }],
    ['max-age', { bypass: false, store: true, ageMsMax: 0 }],
    ['only-if-cached, x=1', { bypass: false, store: true, ageMsMax: undefined }],
  ])('[C12] reads %j', (header, directives) => {
    expect(parseCacheControl(header)).toEqual(directives);
  });

  it('[C12] counts max-age in seconds and accepts exactly that age', () => {
    const directives = parseCacheControl('max-age=2');
    expect([1999, 2000, 2001].map((ageMs) => acceptsAge(directives, ageMs))).toEqual([true, true, false]);
  });
});
