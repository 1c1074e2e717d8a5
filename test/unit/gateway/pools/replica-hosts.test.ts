import { expect, it } from 'vitest';

import { POOL_LIMITS } from '../../../../src/contract/pools/pool-limits.ts';
import { DEFAULT_SETTINGS } from '../../../../src/contract/pools/pool-record.ts';
import { ReplicaHosts } from '../../../../src/gateway/pools/replica-hosts.ts';
import type { PoolId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { originHost } from '../../../../workers/gateway/pipeline/origin-host.ts';

const POOL = 'pool_aaaaaaaaaa' as PoolId;
const pool = { id: POOL, name: 'p', owner: 'team', createdAtMs: 0 };

it('[P93] follows what operators say of the pool, soon, and reads it once for many heartbeats', async () => {
  let [nowMs, reads, replicaHosts]: [number, number, readonly string[] | undefined] = [0, 0, undefined];
  const hosts = new ReplicaHosts({
    pool: async () => {
      reads += 1;
      // A pool of before there were settings has none.
      return ok(replicaHosts === undefined ? pool : { ...pool, settings: { ...DEFAULT_SETTINGS, replicaHosts } });
    },
    hostOf: originHost,
    clock: { nowMs: () => nowMs },
  });
  const check = (url: string) => hosts.check(POOL, url, '10.0.0.7');
  const refused = { error: { code: 'address_denied', path: ['serving', 'url'] } };
  expect(await check('http://10.0.0.7:80')).toEqual(ok(null));
  expect(await check('http://10.0.0.8:80')).toMatchObject(refused);
  replicaHosts = ['10.0.0.0/8'];
  expect(await check('http://10.0.0.8:80')).toMatchObject(refused);
  expect(reads).toBe(1);
  nowMs = POOL_LIMITS.poolSettingsViewMs;
  expect(await check('http://10.0.0.8:80')).toEqual(ok(null));
  expect(await check('http://169.254.169.254')).toMatchObject(refused);
  expect(await check('http://10.0.0.8/v1')).toMatchObject(refused);
  expect(reads).toBe(2);
});
