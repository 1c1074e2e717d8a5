import { describe, expect, it } from 'vitest';

import { cacheStatus } from '../../../src/gateway/cache-status.ts';
import type { VectorSource } from '../../../src/gateway/embedding-cache.ts';

const PLAIN = { bypass: false, store: true, ageMsMax: undefined };

describe('cache-status', () => {
  it.each<[VectorSource[], typeof PLAIN, string]>([
    [['memory', 'shared'], PLAIN, 'sluice; hit; detail="memory=1 shared=1"'],
    [['computed', 'duplicate'], PLAIN, 'sluice; fwd=miss; stored; detail="duplicate=1 computed=1"'],
    [['computed', 'memory'], PLAIN, 'sluice; fwd=partial; stored; detail="memory=1 computed=1"'],
    [['joined'], PLAIN, 'sluice; fwd=miss; collapsed; detail="joined=1"'],
    [['computed'], { ...PLAIN, bypass: true }, 'sluice; fwd=request; stored; detail="computed=1"'],
    [['computed'], { ...PLAIN, store: false }, 'sluice; fwd=miss; detail="computed=1"'],
  ])('tells %j', (sources, directives, header) => {
    expect(cacheStatus(sources, directives)).toBe(header);
  });
});
