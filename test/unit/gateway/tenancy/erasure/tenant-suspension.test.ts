import { expect, it } from 'vitest';

import { refuse } from '../../../../../src/contract/api/outcome.ts';
import type { Organisations } from '../../../../../src/gateway/tenancy/organisation-store.ts';
import { TenantSuspension } from '../../../../../src/gateway/tenancy/erasure/tenant-suspension.ts';
import type { TenantId } from '../../../../../src/kernel/ids.ts';
import { ok } from '../../../../../src/kernel/result.ts';

const ID = 'tn_0000000001_00000001' as TenantId;
const ADMIN = { kind: 'admin' } as never;

it('[T15] [J87] stops the jobs of a tenant once its suspension is on record, and not when it is refused', async () => {
  const done: string[] = [];
  let isRefused = false;
  const store = {
    moveTenant: async (_: TenantId, to: string) => {
      done.push(to);
      return isRefused ? refuse('state_conflict', 'the tenant is erased') : ok({ id: ID });
    },
  };
  const jobs = {
    suspendTenant: async (id: TenantId, isSuspended: boolean) => {
      done.push(`${id} ${String(isSuspended)}`);
    },
  };
  const suspension = new TenantSuspension({ at: () => store } as unknown as Organisations, jobs);
  expect(await suspension.set(ADMIN, ID, true)).toEqual(ok({ id: ID }));
  await suspension.set(ADMIN, ID, false);
  expect(done).toEqual(['suspended', `${ID} true`, 'active', `${ID} false`]);
  isRefused = true;
  expect(await suspension.set(ADMIN, ID, false)).toMatchObject({ ok: false });
  expect(done.slice(4)).toEqual(['active']);
});
