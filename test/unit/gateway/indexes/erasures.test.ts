import { expect, it } from 'vitest';

import type { Erasure } from '../../../../src/index/erasure.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { Erasures } from '../../../../src/gateway/indexes/erasures.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';

const TENANT = 'tn_one' as TenantId;
const ERASURE = { id: 'ix_1', shards: ['a', 'b', 'c'], locators: ['l'], replicas: ['r'] } as unknown as Erasure;

const erasuresOf = (left: readonly string[], unreachable?: string) =>
  new Erasures({
    find: async (_, id) => ok(id === 'ix_1' ? ERASURE : null),
    isShardLeft: async (shard) => (shard === unreachable ? refuse('unavailable', 'gone') : ok(left.includes(shard))),
    isLocatorLeft: async (locator) => ok(left.includes(locator)),
    isReplicaLeft: async (replica) => ok(left.includes(replica)),
    isIndexLeft: async () => ok(left.includes('index')),
  });

it('[B41] counts every object with data left, and fails if one does not answer', async () => {
  expect(await erasuresOf([]).verify(TENANT, 'ix_1')).toEqual(ok({ erasure: ERASURE, remaining: 0 }));
  expect(await erasuresOf(['c']).verify(TENANT, 'ix_1')).toMatchObject({ value: { remaining: 1 } });
  expect(await erasuresOf(['a', 'index', 'l', 'r', 'b']).verify(TENANT, 'ix_1')).toMatchObject({ value: { remaining: 5 } });
  expect(await erasuresOf([], 'b').verify(TENANT, 'ix_1')).toMatchObject({ error: { code: 'unavailable' } });
  expect(await erasuresOf([]).verify(TENANT, 'ix_2')).toMatchObject({ error: { code: 'erasure_not_found', path: ['erasure'] } });
});
