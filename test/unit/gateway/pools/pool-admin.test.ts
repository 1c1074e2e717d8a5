import { expect, it } from 'vitest';

import type { JobQueue } from '../../../../src/gateway/jobs/job-queue.ts';
import { PoolAdmin } from '../../../../src/gateway/pools/pool-admin.ts';
import { Hmac } from '../../../../src/kernel/hmac.ts';
import { IdSigner } from '../../../../src/kernel/id-signer.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { ManualClock } from '../../../support/fakes/tenancy.ts';

it('[P27] a repeated creation answers the token of the pool, and none once it was replaced', async () => {
  const hmac = new Hmac('pepper');
  let current: string | undefined;
  const admin = new PoolAdmin({
    queue: { addPool: async (pool: object) => ok(pool) } as unknown as JobQueue,
    pools: () => ({ create: async (_: unknown, mac: string) => (current ??= mac) === mac }) as never,
    clock: new ManualClock(),
    rng: { bytes: (count: number) => new Uint8Array(count).fill(7) },
    hmac,
    signer: new IdSigner(hmac),
  });
  const make = () => admin.create({ name: 'first', owner: 'team' }, 'once');
  const made = await make();
  expect(made).toMatchObject({ value: { token: expect.stringMatching(/^pt_/) } });
  expect(await make()).toEqual(made);
  current = 'the digest of another token';
  const id = made.ok ? made.value.pool.id : '';
  expect(await make()).toMatchObject({
    error: { code: 'idempotency_key_spent', message: expect.stringContaining(`/v1/pools/${id}/rotate_token`) },
  });
});
