import { expect, it } from 'vitest';

import { requestEndpoints } from '../../../../src/contract/requests/requests.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { NO_QUANTITIES } from '../../../../src/upstreams/money/settlement.ts';
import { CancelSource } from '../../../../src/upstreams/serving/cancel-source.ts';
import { shadowCall } from '../../../../workers/gateway/routes/completions/shadow-call.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';

it('[U174] a shadow that fails by a defect gives back what was reserved for it', async () => {
  const settled: unknown[] = [];
  const reservation = { extend: () => expect.unreachable(), settle: (used: unknown) => settled.push(used) };
  const gateway = {
    logCall: () => ({ prompted: () => undefined, guarded: () => undefined }),
    budget: { reserve: () => Promise.resolve(ok(reservation)) },
  } as unknown as Parameters<typeof shadowCall>[0];
  const facts = { surface: 'chat', requestId: 'req_1', principal: principal('tn_one'), body: {}, requestBytes: 0 } as const;
  const broken = shadowCall(gateway, {
    facts: { ...facts, guarded: undefined, prompt: undefined },
    serve: async (reserve) => {
      await reserve({ upstream_nano: 5 });
      throw new Error('a defect');
    },
    onSettled: () => expect.unreachable(),
    cancellation: new CancelSource(),
  });
  await expect(broken).rejects.toThrow('a defect');
  expect(settled).toEqual([NO_QUANTITIES]);
});

it('[U174] the log finds the shadow of a request whose id is as long as callers may give', () => {
  const id = 'r'.repeat(64);
  const { params } = requestEndpoints.getRequest;
  expect([id, `${id}-shadow`, `${id}r`].map((request) => params.safeParse({ request }).success)).toEqual([true, true, false]);
});
