import { describe, expect, it } from 'vitest';

import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import { QUEUE_LIMITS } from '../../../../src/contract/queues/queue-limits.ts';
import type { CohortRecord, CohortSettings, QuotaTable } from '../../../../src/contract/queues/queue-record.ts';
import type { OrganisationId, TenantId } from '../../../../src/kernel/ids.ts';
import { migrate } from '../../../../src/kernel/sql/migrate.ts';
import { JOB_MIGRATIONS } from '../../../../src/scheduler/served/migrations.ts';
import { SERVED_SETTINGS } from '../../../../src/scheduler/served/served-settings.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { ServedCell } from '../../../support/worlds/served-cell.ts';

const ORGANISATION = 'org_0000000001' as OrganisationId;
const [ONE, TWO, OTHER] = ['tn_0000000001_00000001', 'tn_0000000001_00000002', 'tn_0000000002_00000001'] as [TenantId, TenantId, TenantId];
const cpu = (cores: number, borrowing: number | null = null, lending: number | null = null): QuotaTable => ({
  cpu: { nominalMilli: cores * 1_000, borrowingMaxMilli: milli(borrowing), lendingMaxMilli: milli(lending) },
});
const milli = (cores: number | null): number | null => (cores === null ? null : cores * 1_000);

/** Creates a cohort below the root, unless said otherwise. */
const create = (
  world: ServedCell,
  name: string,
  settings: Partial<CohortSettings> = {},
  of: Partial<Pick<CohortRecord, 'tenantId' | 'organisationId'>> = {},
) =>
  world.cell.cohorts.createCohort(
    { name, settings: { parent: 'root', weight: 1, quotas: {}, ...settings }, tenantId: null, organisationId: null, ...of },
    null,
  );

const running = (world: ServedCell, tenantId: TenantId): number =>
  world.grants.filter(({ grant }) => grant.tenantId === tenantId && world.job(grant.jobId).attempt !== null).length;

describe('cohorts of operators', () => {
  it('[J188] refuses an unknown parent, a cycle, a tree too deep, and a second cohort of a tenant', () => {
    const world = new ServedCell();
    expect(create(world, 'a', { parent: 'absent' })).toMatchObject({ error: { code: 'cohort_not_found', path: ['parent'] } });
    for (let depth = 1; depth <= QUEUE_LIMITS.cohortDepthMax; depth++)
      expect(create(world, `c${depth}`, { parent: depth === 1 ? 'root' : `c${depth - 1}` }).ok).toBe(true);
    expect(create(world, 'deeper', { parent: `c${QUEUE_LIMITS.cohortDepthMax}` })).toMatchObject({
      error: { code: 'limit_exceeded', limit: { name: 'cohortDepthMax' }, value: QUEUE_LIMITS.cohortDepthMax + 1 },
    });
    expect(create(world, 'beside').ok).toBe(true);
    expect(world.cell.cohorts.changeCohort('c1', { parent: 'beside' })).toMatchObject({ error: { limit: { name: 'cohortDepthMax' } } });
    expect(world.cell.cohorts.changeCohort('c1', { parent: 'c3' })).toMatchObject({ error: { code: 'invalid_value', path: ['parent'] } });
    expect(world.cell.cohorts.changeCohort('root', { parent: 'c1' })).toMatchObject({ error: { path: ['parent'] } });
    expect(world.cell.cohorts.changeCohort('root', { quotas: cpu(1, 1) })).toMatchObject({ error: { path: ['quotas', 'cpu'] } });
    expect(create(world, 'root')).toMatchObject({ error: { code: 'already_exists' } });
    expect(create(world, 'c1')).toMatchObject({ error: { code: 'already_exists', path: ['name'] } });
    expect(create(world, 'mine', {}, { tenantId: ONE }).ok).toBe(true);
    expect(create(world, 'again', {}, { tenantId: ONE })).toMatchObject({ error: { code: 'already_exists', path: ['tenant'] } });
    expect(create(world, 'below', { parent: 'mine' })).toMatchObject({ error: { code: 'invalid_value', path: ['parent'] } });
    expect(world.cell.cohorts.removeCohort('c1')).toMatchObject({ error: { code: 'state_conflict' } });
    expect(world.cell.cohorts.removeCohort('root')).toMatchObject({ error: { code: 'state_conflict' } });
    expect(world.cell.cohorts.removeCohort('absent')).toMatchObject({ error: { code: 'cohort_not_found' } });
    expect(world.cell.cohorts.removeCohort(`c${QUEUE_LIMITS.cohortDepthMax}`).ok).toBe(true);
  });

  it('[J188] shares by the weights of cohorts: of an organisation with two tenants, and of one tenant', () => {
    const world = new ServedCell();
    create(world, 'both', { weight: 3 }, { organisationId: ORGANISATION });
    create(world, 'third', { weight: 1 }, { tenantId: OTHER });
    for (let n = 1; n <= 60; n++) world.submit(n, { tenantId: [ONE, TWO, OTHER][n % 3]! });
    world.join(16);
    expect([running(world, ONE), running(world, TWO), running(world, OTHER)]).toEqual([6, 6, 4]);
    const view = world.cell.cohorts.cohort('both');
    expect(view).toMatchObject({ value: { status: { admitted: 12, pending: 28, fairPpm: 750_000 } } });
  });

  it('[J188] [J180] limits a cohort while its jobs run, and takes the limit away again', () => {
    const world = new ServedCell();
    for (let n = 1; n <= 9; n++) world.submit(n, { tenantId: ONE });
    world.join(3);
    expect(running(world, ONE)).toBe(3);
    create(world, 'mine', { quotas: cpu(1, 1) }, { tenantId: ONE });
    world.nowMs += 1;
    world.join(3);
    expect(running(world, ONE)).toBe(3);
    expect(world.cell.cohorts.cohort('mine')).toMatchObject({
      value: { status: { usage: [{ resource: 'cpu', used: 3_000, nominal: 1_000, available: 0 }, {}] } },
    });
    world.loseMemory();
    expect(world.cell.explain(ONE, jobRequest(9).id)).toMatchObject({ value: { explanation: { reason: 'queue_quota' } } });
    world.cell.cohorts.changeCohort('mine', { quotas: cpu(1, 4) });
    world.exchange(world.grants[0]!.poolId);
    expect(running(world, ONE)).toBe(5);
    world.cell.cohorts.removeCohort('mine');
    world.exchange(world.grants[0]!.poolId);
    expect(running(world, ONE)).toBe(6);
  });

  it('[J188] lends what a cohort does not use, as far as its limit allows, where the root has no more', () => {
    const world = new ServedCell();
    world.cell.cohorts.changeCohort('root', { quotas: cpu(0) });
    create(world, 'lender', { quotas: cpu(4, null, 1) }, { tenantId: ONE });
    create(world, 'borrower', { quotas: cpu(1) }, { tenantId: OTHER });
    for (let n = 1; n <= 12; n++) world.submit(n, { tenantId: n > 6 ? OTHER : ONE, ...(n > 6 ? {} : { queue: 'default' }) });
    for (let n = 1; n <= 6; n++) world.cell.act(ONE, jobRequest(n).id, { kind: 'suspend' });
    world.join(8);
    expect([running(world, ONE), running(world, OTHER)]).toEqual([0, 2]);
    for (let n = 1; n <= 6; n++) world.cell.act(ONE, jobRequest(n).id, { kind: 'resume' });
    world.exchange(world.grants[0]!.poolId);
    world.fund();
    expect([running(world, ONE), running(world, OTHER)].reduce((sum, count) => sum + count)).toBe(5);
  });

  it('[J188] opens a cell of before there were cohorts, and decides as before', () => {
    const storage = new NodeSql();
    migrate(storage, JOB_MIGRATIONS);
    const former = new ServedCell(undefined, storage);
    const ids = [1, 2, 3].map((n) => former.submit(n, { tenantId: n === 3 ? OTHER : ONE }));
    storage.sql.exec('DROP TABLE named_settings; DROP TABLE spent_keys; ALTER TABLE pool_nodes DROP COLUMN has_fallen; ALTER TABLE pool_nodes DROP COLUMN terminates_at_ms');
    const version = JOB_MIGRATIONS.findIndex((step) => typeof step === 'string' && step.includes('CREATE TABLE named_settings'));
    storage.sql.exec('UPDATE schema_version SET version = ?', version);
    const world = new ServedCell([], storage);
    world.nowMs = former.nowMs;
    expect(SERVED_SETTINGS.cohorts).toEqual([
      {
        name: 'tenants',
        parent: null,
        weightMilli: 1_000,
        quotas: { cpu: { nominal: JOB_LIMITS.cellAgentsMaxCount * 1_000, borrowingMax: null, lendingMax: null, isMeasure: true } },
        eviction: null,
      },
    ]);
    world.join(2);
    expect(ids.map((id) => world.job(id).state)).toEqual(['starting', 'pending', 'starting']);
    create(world, 'mine', { weight: 5 }, { tenantId: ONE });
    expect(world.cell.cohorts.cohort('mine')).toMatchObject({ value: { status: { admitted: 1, pending: 1 } } });
  });
});
