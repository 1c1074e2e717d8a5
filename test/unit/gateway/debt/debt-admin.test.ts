import { beforeEach, describe, expect, it } from 'vitest';

import { refusal } from '../../../../src/contract/api/errors.ts';
import type { Principal, TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import { debtPolicy } from '../../../../src/contract/debt/debt-policy.ts';
import { DebtRegistry } from '../../../../src/debt/store/debt-registry.ts';
import type { DebtCalls } from '../../../../src/gateway/debt/debt-admin.ts';
import { DebtAdmin } from '../../../../src/gateway/debt/debt-admin.ts';
import type { OrganisationId, TenantId } from '../../../../src/kernel/ids.ts';
import { err, ok } from '../../../../src/kernel/result.ts';
import { signer, todosOf } from '../../../support/debt/signed-upload.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';

const NOW_S = 1_800_000_000;
const ORGANISATION = 'org_4v9k2m7q1xb6d8w0f3' as OrganisationId;
const [TENANT, OTHER] = ['tn_4v9k2m7q1xb6d8w0f3_8d3f6h0j', 'tn_4v9k2m7q1xb6d8w0f3_5t1w9z3c'] as [TenantId, TenantId];
const REPOSITORY = 'github.com/example/search';
const ADMIN: Principal = { kind: 'admin' };

const principalOf = (tenantId: TenantId, more: object = {}): TenantPrincipal =>
  ({
    kind: 'tenant',
    organisationId: ORGANISATION,
    tenantId,
    keyId: 'key_a',
    owner: 'team',
    scopes: [],
    ...more,
  }) as unknown as TenantPrincipal;

const authority = { lease: async () => ok({ endsAtMs: (NOW_S + 1) * 1_000 }) };
const callerOf = (tenantId: TenantId, more: object = {}) => ({ principal: principalOf(tenantId, more), authority });

describe('the admin of the debt register', () => {
  let admin: DebtAdmin;
  let noted: string[];
  let measured: string[];
  const ci = signer();
  const fileOf = (facts = todosOf({ 'src/a.ts': 200 }, NOW_S), repository = REPOSITORY) => ({
    signed_at: NOW_S,
    file: { format: 'sluice-debt-facts-1', repository, git_commit: null, collected_at: NOW_S, facts },
  });

  beforeEach(async () => {
    [noted, measured] = [[], []];
    const registry = new DebtRegistry(new NodeSql(), { nowMs: () => NOW_S * 1_000 });
    admin = new DebtAdmin({
      debt: () => registry as unknown as DebtCalls,
      measureHourly: async (tenant) => void measured.push(tenant),
      find: async (organisation, tenant) =>
        organisation === ORGANISATION && tenant !== OTHER ? ok(null) : err(refusal('tenant_not_found', 'there is no such tenant')),
      note: async (_, action, subject) => (noted.push(`${action} ${subject}`), ok(null)),
    });
    // Also what is not certain to be debt.
    const policy = debtPolicy.parse({ confidence_min: 0 });
    const body = { repository: REPOSITORY, public_key: ci.publicKey, policy };
    expect(await admin.setRepository(callerOf(TENANT), body)).toMatchObject({ ok: true });
  });

  it('[D91] takes what the CI of the repository signed, and nothing else', async () => {
    const errorOf = async (envelope: Parameters<DebtAdmin['upload']>[1], tenant = TENANT) => {
      const taken = await admin.upload(callerOf(tenant), envelope);
      return taken.ok ? undefined : taken.error.code;
    };
    expect(await errorOf(signer().sign(fileOf()))).toBe('invalid_value');
    expect(await errorOf(ci.sign(fileOf(undefined, 'github.com/example/other')))).toBe('record_not_found');
    expect(await errorOf(ci.sign(fileOf()), OTHER)).toBe('record_not_found');
    const [census, todo] = todosOf({ 'src/a.ts': 200 }, NOW_S);
    const bare = [census, { ...todo, evidence: { ...todo?.evidence, sha256: '' } }] as never;
    expect(await errorOf(ci.sign(fileOf(bare)))).toBe('invalid_value');
    expect(await errorOf({ ...ci.sign(fileOf()), payload: '!' })).toBe('invalid_value');
    expect(await errorOf({ ...ci.sign(fileOf()), payload: 'e30' })).toBe('invalid_value');
    const good = ci.sign(fileOf());
    expect(await errorOf(good)).toBeUndefined();
    expect(await errorOf(good)).toBe('state_conflict');
  });

  it('[D95] has the gateway measure tenants that register a repository or upload its facts', async () => {
    expect(measured).toEqual([TENANT]);
    await admin.upload(callerOf(OTHER), ci.sign(fileOf()));
    await admin.setRepository(callerOf(OTHER), { repository: 'r', public_key: 'AAAA' });
    expect(measured).toEqual([TENANT]);
    await admin.upload(callerOf(TENANT), ci.sign(fileOf()));
    expect(measured).toEqual([TENANT, TENANT]);
  });

  it('refuses a key that is none', async () => {
    const body = { repository: 'r', public_key: 'AAAA' };
    expect(await admin.setRepository(callerOf(TENANT), body)).toMatchObject({ error: { code: 'invalid_value', path: ['public_key'] } });
  });

  it('[D6] notes every change of an item in the trail, with who made it', async () => {
    await admin.upload(callerOf(TENANT), ci.sign(fileOf()));
    const items = await admin.items(principalOf(TENANT), {}, { state: 'open' }, 0, 10);
    if (!items.ok) throw new Error(items.error.message);
    const stored = items.value.find(({ item }) => item.rule === 'old-todo');
    const name = `${stored?.repository}.${stored?.item.id}`;
    const done = await admin.act(callerOf(TENANT), name, { action: 'accept', days: 90, reason: 'next quarter' });
    expect(done).toMatchObject({ value: { item: { state: 'accepted' } } });
    expect(await admin.item(principalOf(TENANT), name)).toMatchObject({
      value: { events: [{ by: null }, { by: 'key_a', reason: 'next quarter' }] },
    });
    expect(noted).toEqual([`debt.repository ${REPOSITORY}`, `debt.item.accept ${name}`]);
    expect(await admin.act(callerOf(OTHER), name, { action: 'assign', assignee: null })).toMatchObject({
      error: { code: 'record_not_found' },
    });
  });

  it('[D94] is of the own tenant; the admin asks for those that there are', async () => {
    const repositories = async (principal: Principal, subject: Parameters<DebtAdmin['repositories']>[1]) => {
      const found = await admin.repositories(principal, subject);
      return found.ok ? found.value.length : found.error.code;
    };
    expect(await repositories(principalOf(TENANT), {})).toBe(1);
    expect(await repositories(principalOf(TENANT), { tenant: OTHER })).toBe('tenant_not_found');
    expect(await repositories(principalOf(TENANT), { organisation: ORGANISATION })).toBe('scope_denied');
    expect(await repositories(ADMIN, {})).toBe('scope_denied');
    expect(await repositories(ADMIN, { organisation: ORGANISATION })).toBe(1);
    expect(await repositories(ADMIN, { tenant: TENANT })).toBe(1);
    expect(await repositories(ADMIN, { tenant: TENANT, organisation: ORGANISATION })).toBe(1);
    expect(await repositories(ADMIN, { tenant: OTHER })).toBe('tenant_not_found');
    expect(await repositories(ADMIN, { organisation: 'org_0000000000' as OrganisationId })).toBe('tenant_not_found');
  });

  it('[T14] is closed to keys that are restricted to some resources', async () => {
    const restricted = { resources: ['index/a'] };
    const [caller, principal] = [callerOf(TENANT, restricted), principalOf(TENANT, restricted)];
    const answers = [
      await admin.setRepository(caller, { repository: 'r', public_key: ci.publicKey }),
      await admin.removeRepository(caller, 'repo_0'),
      await admin.upload(caller, ci.sign(fileOf())),
      await admin.act(caller, 'repo_0.0', { action: 'assign', assignee: null }),
      await admin.item(principal, 'repo_0.0'),
      await admin.facts(principal, { repository: 'repo_0' }, 0, 1),
      await admin.items(principal, {}, {}, 0, 1),
      await admin.repositories(principal, {}),
    ];
    for (const answer of answers) expect(answer).toMatchObject({ ok: false, error: { code: 'scope_denied' } });
    expect(noted).toHaveLength(1);
  });
});
