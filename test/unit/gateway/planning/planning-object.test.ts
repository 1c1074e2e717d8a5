import { afterAll, expect, it, vi } from 'vitest';

import type { TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { Made } from '../../../support/worlds/objects-in-node.ts';
import { ObjectStorage } from '../../../support/worlds/objects-in-node.ts';

interface Planning {
  measureHourly(tenant: TenantId): Promise<void>;
  alarm(): Promise<void>;
}

const TENANT = 'tn_4v9k2m7q1xb6d8w0f3_8d3f6h0j' as TenantId;
const PARTS = '../../../../workers/objects/planning-parts.ts';
// By a name in a variable, so that TypeScript does not load workerd's types.
const OBJECT = '../../../../workers/objects/planning-object.ts';

afterAll(() => ['cloudflare:workers', PARTS].forEach((one) => vi.doUnmock(one)));

class AlarmStorage extends ObjectStorage {
  alarmMs: number | null = null;

  override async setAlarm(atMs?: number) {
    this.alarmMs = atMs ?? null;
  }

  async deleteAlarm() {
    this.alarmMs = null;
  }
}

/** A planning object whose register answers `hasRepositories` as it is said here. */
async function planningOf(hasRepositories: (planning: Planning) => Promise<boolean>) {
  const reported: TenantId[] = [];
  vi.doMock('cloudflare:workers', () => ({
    DurableObject: class {
      readonly ctx: unknown;
      readonly env = {};
      constructor(ctx: unknown) {
        this.ctx = ctx;
      }
    },
  }));
  vi.doMock(PARTS, () => ({
    planningParts: () => ({
      measures: {
        hasRepositories: () => hasRepositories(planning),
        poolHours: async () => ({}),
        report: async (tenant: TenantId) => (reported.push(tenant), ok(null)),
      },
    }),
  }));
  vi.resetModules();
  const { PlanningObject } = (await import(OBJECT)) as { PlanningObject: Made<Planning> };
  const storage = new AlarmStorage();
  const planning = new PlanningObject({ storage }, {});
  await planning.measureHourly(TENANT);
  await planning.alarm();
  return { reported, storage };
}

it('[D95] a tenant without repositories and objectives is not measured, and its alarm ends', async () => {
  const { reported, storage } = await planningOf(async () => false);
  expect([reported, storage.alarmMs]).toEqual([[], null]);
});

it('[D95] a repository that is registered while the register is asked for some is measured', async () => {
  const { reported, storage } = await planningOf(async (planning) => {
    await planning.measureHourly(TENANT);
    return false;
  });
  expect(reported).toEqual([TENANT]);
  expect(storage.alarmMs).toBeGreaterThan(Date.now());
});
