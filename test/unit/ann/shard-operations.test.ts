import { describe, expect, it } from 'vitest';

import { callRead, callWrite, MERGES, READ_METHODS, WRITE_METHODS } from '../../../src/ann/shard-operations.ts';
import type { ShardMethods } from '../../../src/ann/shard-operations.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';

const CALL = { indexId: 'ix_1' as IndexId };

describe('operations of a shard', () => {
  it('[V11] are called on the stub itself by the method of the object, a write with its lease', async () => {
    const called: unknown[] = [];
    // As a stub of the platform: a member of what is looked up would be another call.
    const stub = new Proxy({} as ShardMethods, {
      get: (_, method) =>
        new Proxy((...args: unknown[]) => (called.push([method, ...args]), 'answer'), {
          get: (__, member) => {
            throw new Error(`the object has no method ${String(method)}.${String(member)}`);
          },
        }),
    });
    const lease = { endsAtMs: 7 };
    const deletion = { ...CALL, selection: { kind: 'all' } } as const;
    expect(callRead(stub, 'fetch', { ...CALL } as never)).toBe('answer');
    expect(callWrite(stub, 'delete', deletion, lease)).toBe('answer');
    expect(called).toEqual([
      ['fetchVectors', CALL],
      ['deleteVectors', deletion, lease],
    ]);
  });

  it('[V11] have a method each, under a name that RPC does not keep to itself', () => {
    const methods = [...Object.values(READ_METHODS), ...Object.values(WRITE_METHODS)];
    expect(new Set(methods).size).toBe(methods.length);
    expect(methods.filter((method) => ['fetch', 'alarm', 'connect', 'dup', 'constructor'].includes(method))).toEqual([]);
  });

  it('[Q58] of several shards wait together', () => {
    const parts = [
      { vectors: 10, waiting: 3 },
      { vectors: 0, waiting: 0 },
      { vectors: 5, waiting: 1 },
    ];
    expect(MERGES.progress(parts)).toEqual({ vectors: 15, waiting: 4 });
  });

  it('[V155] of several shards draw from each as many as its share, in turns, and each id once', () => {
    const parts = [
      { ids: ['a', 'b', 'c', 'd'], of: 40, lsn: 3 },
      { ids: ['x', 'a', 'y', 'z'], of: 40, lsn: 9 },
    ];
    expect(MERGES.sample(parts, { ...CALL, namespace: '', count: 4, seed: 1 })).toEqual({ ids: ['a', 'x', 'b'], lsn: 9 });
  });

  it('[Q60] of several shards list the namespaces up to the first page that has more behind it', () => {
    const parts = [
      { names: ['a', 'c'], hasMore: true, lsn: 2 },
      { names: ['b', 'd'], hasMore: false, lsn: 5 },
    ];
    expect(MERGES.namespaces(parts, { ...CALL, after: null, limit: 10 })).toEqual({ names: ['a', 'b', 'c'], hasMore: true, lsn: 5 });
    expect(MERGES.namespaces(parts, { ...CALL, after: null, limit: 2 })).toEqual({ names: ['a', 'b'], hasMore: true, lsn: 5 });
  });
});
