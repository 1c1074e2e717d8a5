import { expect, it } from 'vitest';

import type { QuotaTable } from '../../../../src/contract/queues/queue-record.ts';
import { must } from '../../../../src/kernel/assert.ts';
import type { OrganisationId, TenantId } from '../../../../src/kernel/ids.ts';
import type { JobRemedyStep } from '../../../../src/scheduler/served/owner-remedies.ts';
import type { jobRequest } from '../../../support/fixtures/job-request.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const [ONE, OTHER] = ['tn_0000000001_00000001', 'tn_0000000002_00000001'] as TenantId[] as [TenantId, TenantId];
const ORGANISATION = 'org_0000000001' as OrganisationId;
const cpu = (nominal: number, borrowing: number | null = null): QuotaTable => ({
  cpu: { nominalMilli: nominal * 1_000, borrowingMaxMilli: borrowing === null ? null : borrowing * 1_000, lendingMaxMilli: null },
});

type Owners = { readonly tenantId?: TenantId; readonly organisationId?: OrganisationId; readonly parent?: string };

function cohort(world: ServedCell, name: string, quotas: QuotaTable, { tenantId, organisationId, parent }: Owners): void {
  const settings = { parent: parent ?? null, weight: 1, quotas };
  const made = { name, settings, tenantId: tenantId ?? null, organisationId: organisationId ?? null };
  expect(world.cell.cohorts.createCohort(made, null).ok, name).toBe(true);
}

/** Where the quota of a job can be lacking; each with as many agents as it takes. */
const LAYOUTS: Readonly<Record<string, (world: ServedCell) => string>> = {
  'of the tenant': (world) => (cohort(world, 'mine', cpu(2, 0), { tenantId: ONE }), 'default'),
  'of its organisation': (world) => (cohort(world, 'ours', cpu(2, 0), { organisationId: ORGANISATION }), 'default'),
  'of the root': (world) => {
    expect(world.cell.cohorts.changeCohort('root', { quotas: cpu(2) }).ok).toBe(true);
    return 'default';
  },
  'of a queue that its tenant limits': (world) => {
    cohort(world, 'mine', cpu(6, 0), { tenantId: ONE });
    expect(world.cell.queues.createQueue(ONE, 'nightly', { quotas: cpu(2, 0) }, null).ok).toBe(true);
    return 'nightly';
  },
  'that another tenant has borrowed': (world) => {
    expect(world.cell.cohorts.changeCohort('root', { quotas: cpu(0) }).ok).toBe(true);
    cohort(world, 'mine', cpu(2), { tenantId: ONE });
    for (const n of [11, 12]) world.submit(n, { tenantId: OTHER });
    return 'default';
  },
};

/** A job that waits for quota, and how many agents there are. */
function waiting(layout: string): { readonly world: ServedCell; readonly id: ReturnType<typeof jobRequest>['id'] } {
  const world = new ServedCell([POOL]);
  const queue = must(LAYOUTS[layout], 'the layout')(world);
  world.join(6);
  world.fund();
  const ids = [1, 2, 3].map((n) => world.submit(n, { tenantId: ONE, queue }));
  world.fund();
  return { world, id: must(ids.at(-1), 'the last') };
}

function raiseQuota(world: ServedCell, { owner, resource, by }: Extract<JobRemedyStep, { readonly kind: 'more_quota' }>): boolean {
  const { cohorts, queues } = world.cell;
  const raised = (known: QuotaTable): QuotaTable => {
    const terms = known[resource] ?? { nominalMilli: 0, borrowingMaxMilli: null, lendingMaxMilli: null };
    return { ...known, [resource]: { ...terms, nominalMilli: terms.nominalMilli + by } };
  };
  if ('tenant' in owner) {
    cohort(world, 'made', raised({}), { tenantId: owner.tenant, parent: cohorts.cohort('ours').ok ? 'ours' : 'root' });
    return true;
  }
  if ('cohort' in owner) {
    const known = cohorts.cohort(owner.cohort);
    return known.ok && cohorts.changeCohort(owner.cohort, { quotas: raised(known.value.cohort.settings.quotas) }).ok;
  }
  const known = queues.queue(ONE, owner.queue);
  return known.ok && queues.changeQueue(ONE, owner.queue, { quotas: raised(known.value.queue.settings.quotas) }).ok;
}

/** Does what a step says by what its call does; false where a call is none of the scheduler's, or submits the job again. */
function take(world: ServedCell, step: JobRemedyStep, id: ReturnType<typeof jobRequest>['id']): boolean {
  const { cell } = world;
  if (step.kind === 'more_quota') return raiseQuota(world, step);
  if (step.kind === 'more_nodes') {
    world.join(step.by);
    return true;
  }
  if (step.kind === 'allow_eviction')
    return cell.queues.changeQueue(ONE, step.queue, step.of === 'borrowers' ? { reclaim: 'any' } : { withinQueue: 'lower_priority' }).ok;
  if (step.kind === 'suspend_job') return cell.act(ONE, step.jobId, { kind: 'suspend' }).ok;
  return step.kind === 'higher_priority' && cell.act(ONE, id, { kind: 'reprioritise', priority: step.priority }).ok;
}

it.each(Object.keys(LAYOUTS))('[J337] [J335] each step that is named, taken by its call, starts a job that lacks quota %s', (layout) => {
  const { world: asked, id } = waiting(layout);
  const explained = asked.cell.explain(ONE, id);
  expect(explained).toMatchObject({ value: { job: { state: 'pending' } } });
  const remedies = explained.ok ? explained.value.explanation.remedies : [];
  expect(remedies.flatMap(({ steps }) => steps.map(({ kind }) => kind))).toContain('more_quota');
  let taken = 0;
  for (const remedy of remedies) {
    const { world } = waiting(layout);
    if (!remedy.steps.every((step) => take(world, step, id))) continue;
    taken += 1;
    // What runs is asked to leave, and does.
    world.fund();
    const { attempt } = must(world.cell.jobs.find(id), 'the job');
    const why = world.cell.explain(ONE, id);
    const isPlaced = attempt !== null || (why.ok && why.value.explanation.reason === 'being_placed');
    expect(isPlaced, `${JSON.stringify(remedy)}: ${JSON.stringify(why)}`).toBe(true);
  }
  expect(taken).toBeGreaterThan(0);
});
