import { setImmediate } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { DirectWakeUps } from '../../../../src/kernel/wake-ups.ts';
import { PurgeLog } from '../../../../src/cache/purge-log.ts';
import { CACHE_LIMITS } from '../../../../src/contract/caches/cache-limits.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { PurgeLogs } from '../../../../src/gateway/caches/purge-logs.ts';
import { PurgeViews } from '../../../../src/gateway/caches/purge-views.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { deferred } from '../../../support/fakes/deferred.ts';

const TENANT = 'tn_one' as TenantId;
const LEASE_MS = CACHE_LIMITS.purgeLeaseMs;

/** Views over an owner whose log has one purge, and whose answers wait for `onTheWay`. */
function views(onTheWay: () => Promise<void>) {
  const bounds = { predicatesMax: CACHE_LIMITS.purgePredicatesMaxCount, termsMax: CACHE_LIMITS.purgeTermsMaxCount };
  const log = new PurgeLog([], bounds).append({}, 'hard', 0);
  const world = { nowMs: 1_000_000, asked: [] as number[], refuses: false };
  const logs: Pick<PurgeLogs, 'lease'> = {
    lease: async (_tenant, since) => {
      world.asked.push(since);
      await onTheWay();
      if (world.refuses) return refuse('unavailable', 'no');
      return ok({ since, tail: log.since(since), leaseMs: LEASE_MS, grantedAtMs: world.nowMs });
    },
  };
  const parts = { logs: logs as PurgeLogs, clock: { nowMs: () => world.nowMs }, wakeUps: new DirectWakeUps() };
  return { world, purges: new PurgeViews(parts) };
}

describe('the purge views of an isolate', () => {
  it('[C6] count a lease from before its request, however long the answer takes', async () => {
    const gate = deferred<void>();
    const { purges, world } = views(() => gate.promise);
    const asking = purges.current(TENANT);
    // The answer took as long as the lease: it brings the log, but the lease is over.
    world.nowMs += LEASE_MS;
    gate.resolve();
    expect(await asking).toMatchObject({ complete: false, log: { position: 1 } });
  });

  it('[C6] are renewed in advance, while requests continue under the current lease', async () => {
    const gate = deferred<void>();
    let answers: Promise<void> = Promise.resolve();
    const { purges, world } = views(() => answers);
    await purges.current(TENANT);
    world.nowMs += LEASE_MS / 2;
    await purges.current(TENANT);
    expect(world.asked).toEqual([0]);
    world.nowMs += 1;
    answers = gate.promise;
    expect(await purges.current(TENANT)).toMatchObject({ complete: true });
    expect(await purges.current(TENANT)).toMatchObject({ complete: true });
    // One request, from the known position on.
    expect(world.asked).toEqual([0, 1]);
    gate.resolve();
    await setImmediate();
    world.nowMs += LEASE_MS / 2;
    expect(await purges.current(TENANT)).toMatchObject({ complete: true });
  });

  it('[C69] do not call a log that did not answer again for a while', async () => {
    const { purges, world } = views(() => Promise.resolve());
    world.refuses = true;
    expect(await purges.current(TENANT)).toMatchObject({ complete: false });
    world.nowMs += CACHE_LIMITS.purgeLeaseWaitMaxMs - 1;
    expect(await purges.current(TENANT)).toMatchObject({ complete: false });
    expect(world.asked).toEqual([0]);
    world.nowMs += 1;
    world.refuses = false;
    expect(await purges.current(TENANT)).toMatchObject({ complete: true, log: { position: 1 } });
  });

  it('[C101] have no lease after the clock was set back', async () => {
    const { purges, world } = views(() => Promise.resolve());
    expect(await purges.current(TENANT)).toMatchObject({ complete: true });
    world.nowMs -= 5000;
    world.refuses = true;
    // By the clock alone, the lease would last another six seconds.
    expect(await purges.current(TENANT)).toMatchObject({ complete: false });
    world.nowMs += 5000;
    expect(await purges.current(TENANT)).toMatchObject({ complete: false });
    world.refuses = false;
    world.nowMs += CACHE_LIMITS.purgeLeaseWaitMaxMs;
    expect(await purges.current(TENANT)).toMatchObject({ complete: true });
  });

  it('[C101] get no lease from an answer during which the clock was set back', async () => {
    const gate = deferred<void>();
    const { purges, world } = views(() => gate.promise);
    const asking = purges.current(TENANT);
    world.nowMs -= 5000;
    gate.resolve();
    expect(await asking).toMatchObject({ complete: false });
    expect(await purges.current(TENANT)).toMatchObject({ complete: true });
  });
});
