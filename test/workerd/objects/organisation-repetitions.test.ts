import { describe, expect, it } from 'vitest';

import type { FileId } from '../../../src/kernel/ids.ts';
import type { NewKey } from '../../../src/tenancy/keys/key-record.ts';
import { idsOf, newKey } from '../../support/fakes/tenancy.ts';
import { MAC, organisation, ticket } from './organisation-world.ts';

describe.each([{ evicts: false }, { evicts: true }])('repeated creations, evicted after each call: $evicts', ({ evicts }) => {
  const base = evicts ? 500 : 600;

  it('[T61] refuses a repeated creation once its key is revoked or has expired, and names which', async () => {
    const { found, addTenant, call, ids } = organisation(base + 9, evicts);
    await found();
    await addTenant();
    const add = (key: NewKey, digest?: string) => call((store) => store.addKey(key, ticket(digest)));
    const revoked = newKey({ ...ids, mac: MAC });
    const expired = newKey({ ...ids, id: idsOf(base + 60).id, mac: MAC, expiresAtMs: 1 });
    for (const key of [revoked, expired]) expect(await add(key)).toMatchObject({ ok: true });
    expect(await add(revoked)).toMatchObject({ ok: true, value: { secrets: [{ mac: MAC }] } });
    expect(await add(revoked, 'other')).toMatchObject({ error: { code: 'idempotency_mismatch' } });
    await call((store) => store.revokeKey(ids.id, undefined, false, 'admin'));
    expect(await add(revoked)).toMatchObject({ error: { code: 'idempotency_key_spent', message: expect.stringContaining('revoked') } });
    expect(await add(expired)).toMatchObject({ error: { code: 'idempotency_key_spent', message: expect.stringContaining('expired') } });
  });

  it('[T78] remembers files that were deleted, tenant by tenant, until the tenant is erased', async () => {
    const { found, addTenant, call, ids } = organisation(base + 13, evicts);
    await found();
    await addTenant();
    const [tenantId, file] = [ids.tenantId, 'file_1' as FileId];
    const admit = (digest = 'd') => call((store) => store.admitFile(tenantId, file, digest));
    expect(await admit()).toEqual({ ok: true, value: null });
    expect(await call((store) => store.spendFile(tenantId, file, 'd'))).toEqual({ ok: true, value: null });
    expect(await admit()).toMatchObject({ error: { code: 'idempotency_key_spent', spent: { id: file } } });
    expect(await admit('other')).toMatchObject({ error: { code: 'idempotency_mismatch' } });
    const stranger = idsOf(base + 2).tenantId;
    expect(await call((store) => store.spendFile(stranger, file, 'd'))).toMatchObject({ error: { code: 'tenant_not_found' } });
    await call((store) => store.moveTenant(tenantId, 'erasing', 'admin'));
    await call((store) => store.eraseBelow(tenantId, 'admin'));
    expect(await admit()).toEqual({ ok: true, value: null });
    expect(await call((store) => store.spendFile(tenantId, file, 'd'))).toMatchObject({ error: { code: 'state_conflict' } });
  });

  it('[T78] reports the erasure to a creation repeated after its tenant was erased, with no record of it', async () => {
    const { found, addTenant, call, ids } = organisation(base + 14, evicts);
    await found();
    await addTenant();
    await call((store) => store.moveTenant(ids.tenantId, 'erasing', 'admin'));
    expect(await addTenant()).toMatchObject({ value: { id: ids.tenantId, state: 'erasing' } });
    await call((store) => store.buryTenant(ids.tenantId, 'admin'));
    const spent = { id: ids.tenantId, endedAtMs: expect.any(Number) };
    expect(await addTenant()).toMatchObject({
      error: { code: 'idempotency_key_spent', spent, message: expect.stringContaining('erased') },
    });
  });
});
