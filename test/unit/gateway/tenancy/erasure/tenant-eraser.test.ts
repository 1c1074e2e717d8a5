import { describe, expect, it } from 'vitest';

import type { OrganisationStore } from '../../../../../src/gateway/tenancy/organisation-store.ts';
import type { ErasureStep } from '../../../../../src/gateway/tenancy/erasure/tenant-eraser.ts';
import { erasureSteps, TenantEraser } from '../../../../../src/gateway/tenancy/erasure/tenant-eraser.ts';
import { TENANCY_LIMITS } from '../../../../../src/contract/tenancy/tenancy-limits.ts';
import { refuse } from '../../../../../src/contract/api/outcome.ts';
import { ok } from '../../../../../src/kernel/result.ts';
import type { Tenant } from '../../../../../src/tenancy/organisation.ts';
import { moved, stateOf, tombstone } from '../../../../../src/tenancy/organisation.ts';
import { idsOf } from '../../../../support/fakes/tenancy.ts';

const { tenantId, organisationId, projectId } = idsOf(1);
const TENANT: Tenant = { id: tenantId, organisationId, name: 'acme', owner: 'them', defaultProjectId: projectId, createdAtMs: 1 };

const WAITED = `waited ${TENANCY_LIMITS.keyFreshMs + 2 * TENANCY_LIMITS.writeLeaseGuardMs} ms while erasing`;

function setUp(left: Record<string, number>) {
  let tenant = TENANT;
  const away = new Set<string>();
  const order: string[] = [];
  const store = {
    tenant: async () => ok(tenant),
    moveTenant: async (_: unknown, to: 'erasing') => {
      const next = moved(tenant, to);
      if (next.ok) tenant = next.value;
      return next;
    },
    buryTenant: async () => ok((tenant = tombstone(tenant, 5))),
  } as unknown as OrganisationStore;
  const steps = Object.keys(left).map((what): ErasureStep => ({
    what,
    erase: async () => {
      order.push(`${what} while ${stateOf(tenant)}`);
      if (away.has(what)) return refuse('unavailable', 'away');
      // Erases a few at a time.
      left[what] = Math.max(0, left[what]! - 5);
      return ok(null);
    },
    remaining: async () => ok(left[what]!),
  }));
  const eraser = new TenantEraser({ at: () => store, directory: () => expect.fail('not needed') }, steps, async (ms) => {
    order.push(`waited ${ms} ms while ${stateOf(tenant)}`);
  });
  return { eraser, order, away, erase: () => eraser.erase({ kind: 'admin' }, tenantId), tenant: () => tenant };
}

describe('the erasure of a tenant', () => {
  it('[T16] [T58] stops its keys first, waits for leases, resumes when interrupted, counts the rest', async () => {
    const { erase, away, order, tenant, eraser } = setUp({ indexes: 7, files: 3 });
    away.add('files');
    expect(await erase()).toMatchObject({ error: { code: 'unavailable' } });
    expect(order).toEqual([WAITED, 'indexes while erasing', 'files while erasing']);
    expect(stateOf(tenant())).toBe('erasing');
    away.clear();
    expect(await erase()).toMatchObject({
      value: { isVerified: true, tenant: { state: 'erased' }, remaining: [{ count: 0 }, { count: 0 }] },
    });
    expect(JSON.stringify(tenant())).not.toMatch(/acme|them/);
    const [again, verified] = [await erase(), await eraser.verify(tenantId)];
    expect(again).toEqual(verified);
  });

  it('[T16] is not done while anything is left', async () => {
    const { erase, tenant } = setUp({ indexes: 12 });
    expect(await erase()).toMatchObject({ value: { isVerified: false, remaining: [{ what: 'indexes', count: 7 }] } });
    expect(stateOf(tenant())).toBe('erasing');
  });

  it('[T15] [T16] is never undone; a suspension can be', () => {
    const suspended = moved(TENANT, 'suspended');
    if (!suspended.ok) throw new Error(suspended.error.code);
    expect(moved(suspended.value, 'active')).toMatchObject({ value: { state: 'active' } });
    for (const state of ['erasing', 'erased'] as const) {
      for (const to of ['active', 'suspended'] as const) {
        expect(moved({ ...TENANT, state }, to)).toMatchObject({ error: { code: 'state_conflict' } });
      }
    }
  });
});

describe('[T122] calls under way', () => {
  const stepOver = (counts: number[]) => {
    const slept: number[] = [];
    const countCalling = async () => ok(counts.length > 1 ? counts.shift()! : counts[0]!);
    const parts = { at: () => ({ countCalling }), sleep: async (ms: number) => void slept.push(ms) };
    const [step] = erasureSteps(parts as unknown as Parameters<typeof erasureSteps>[0]);
    return { step: step!, slept };
  };

  it('are waited for before anything is erased', async () => {
    const { step, slept } = stepOver([3, 1, 0]);
    expect(step.what).toBe('calls under way');
    expect(await step.erase(tenantId, { kind: 'admin' })).toEqual(ok(0));
    expect(slept).toHaveLength(2);
    expect(await step.remaining(tenantId, false)).toEqual(ok(0));
  });

  it('that do not end keep the erasure from being verified, and are not waited for without end', async () => {
    const { step, slept } = stepOver([2]);
    expect(await step.erase(tenantId, { kind: 'admin' })).toEqual(ok(2));
    expect(slept.reduce((sum, ms) => sum + ms)).toBeLessThan(2 * TENANCY_LIMITS.authorityCallLostMs);
    expect(await step.remaining(tenantId, false)).toEqual(ok(2));
  });
});
