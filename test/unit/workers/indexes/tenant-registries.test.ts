import { describe, expect, it } from 'vitest';

import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { Organisations } from '../../../../src/gateway/tenancy/organisation-store.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { Tenant } from '../../../../src/tenancy/organisation.ts';
import { withIndexes, withRegistry } from '../../../../src/tenancy/organisation.ts';
import { TenantRegistries } from '../../../../workers/gateway/adapters/indexes/tenant-registries.ts';
import { idsOf } from '../../../support/fakes/tenancy.ts';

const { organisationId, tenantId, projectId } = idsOf(1);
const TENANT: Tenant = { id: tenantId, organisationId, name: 'shop', owner: 'ops', defaultProjectId: projectId, createdAtMs: 1 };

/** A tenant and its registry as stored, and isolates that have not cached anything of them. */
function world(kept: Partial<Tenant>, isStored: boolean) {
  const state = { tenant: { ...TENANT, ...kept }, isStored, calls: [] as string[], cutOffAt: '' };
  const done = (call: string): void => {
    if (call === state.cutOffAt) throw new Error(`cut off at ${call}`);
    state.calls.push(call);
  };
  const registry = {
    isOpen: async () => (done('isOpen'), state.isStored),
    open: async () => {
      done('open');
      state.isStored = true;
    },
  };
  const store = {
    tenant: async (): Promise<Outcome<Tenant>> => ok(state.tenant),
    openIndexes: async () => {
      done('openIndexes');
      state.tenant = withIndexes(state.tenant);
      return ok(state.tenant);
    },
    keepRegistry: async () => {
      done('keepRegistry');
      state.tenant = withRegistry(state.tenant);
      return ok(null);
    },
  };
  const organisations = { at: () => store } as unknown as Organisations;
  const namespace = { getByName: () => registry } as unknown as ConstructorParameters<typeof TenantRegistries>[0];
  return { state, store, isolate: () => new TenantRegistries(namespace, organisations), registry };
}

describe('the registry of a tenant', () => {
  it('[T91] is stored before its first index, then recorded as stored: in this order, wherever interrupted', async () => {
    for (const cutOffAt of ['openIndexes', 'open', 'keepRegistry']) {
      const { state, isolate, registry } = world({ hasIndexes: false }, false);
      state.cutOffAt = cutOffAt;
      await expect(isolate().open(tenantId)).rejects.toThrow(cutOffAt);
      // A registry that is recorded as stored is stored.
      expect(state.tenant.hasRegistry === true && !state.isStored).toBe(false);
      state.cutOffAt = '';
      expect(await isolate().open(tenantId)).toEqual(ok(registry));
      expect([state.tenant.hasIndexes, state.tenant.hasRegistry, state.isStored]).toEqual([true, true, true]);
      expect(state.calls.filter((call) => call !== 'openIndexes').slice(-2)).toEqual(['open', 'keepRegistry']);
    }
  });

  it('[T91] is used if it is recorded as stored, whatever its storage says, and not opened again', async () => {
    const { state, isolate, registry } = world({ hasIndexes: true, hasRegistry: true }, false);
    expect(await isolate().find(tenantId)).toEqual(ok(registry));
    expect(await isolate().open(tenantId)).toEqual(ok(registry));
    expect([state.calls, state.isStored]).toEqual([['openIndexes'], false]);
  });

  it.each([undefined, true])(
    '[T91] from before that was recorded (has indexes: %s) is recorded when it is first found',
    async (hasIndexes) => {
      const kept = hasIndexes === undefined ? {} : { hasIndexes };
      const old = world(kept, true);
      expect(await old.isolate().find(tenantId)).toEqual(ok(old.registry));
      expect(old.state.tenant.hasRegistry).toBe(true);
      const without = world(kept, false);
      expect(await without.isolate().find(tenantId)).toEqual(ok(undefined));
      expect(without.state.tenant.hasRegistry).toBeUndefined();
    },
  );

  it('[T68] [T90] is not called for a tenant without an index, nor taken for absent in an outage', async () => {
    const { state, store, isolate } = world({ hasIndexes: false }, true);
    expect(await isolate().find(tenantId)).toEqual(ok(undefined));
    store.tenant = async () => refuse('unavailable', 'the organisation has lost what it stored');
    expect(await isolate().find(tenantId)).toMatchObject({ error: { code: 'unavailable' } });
    store.tenant = async () => refuse('tenant_not_found', 'there is no such tenant');
    expect(await isolate().find(tenantId)).toEqual(ok(undefined));
    expect(state.calls).toEqual([]);
  });
});
