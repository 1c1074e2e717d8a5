import type { CohortRecord, QueueRecord, QuotaTable } from '../../contract/queues/queue-record.ts';
import { ROOT_COHORT } from '../../contract/queues/queue-record.ts';
import type { JobId, TenantId } from '../../kernel/ids.ts';
import { organisationOfTenant } from '../../kernel/ids.ts';
import type { QuotaChange, RemedyWays } from '../engine/explain/remedy.ts';
import { shortAt } from '../engine/fairness/quota-tree.ts';
import type { Layout } from './quotas/cohort-tree.ts';
import { changesAround, DEFAULT_QUEUE_SETTINGS, engineQueue, isQueueOf, nodeOf, tenantCohort } from './quotas/cohort-tree.ts';
import type { Sharing } from './quotas/sharing.ts';
import { organisationOfPayer } from './spec-of.ts';

/** Who has a quota: a queue of the tenant, a cohort of operators, or the tenant itself, which has no cohort yet. */
export type QuotaOwner = { readonly queue: string } | { readonly cohort: string } | { readonly tenant: TenantId };

export const quotaOwnerOf = (owner: string): QuotaOwner => JSON.parse(owner) as QuotaOwner;

interface Asker {
  readonly tenantId: TenantId;
  /** As its tenant calls it. */
  readonly queue: string;
}

/** What the tenant of a job (`isKnown`: that it has, unfinished or not), and the operators of a cell, can change about its waiting, by the calls that there are. [J337] */
export const servedWays = (sharing: Sharing, { tenantId, queue }: Asker, isKnown: (id: JobId) => boolean): RemedyWays => ({
  priorityMax: (sharing.queue(tenantId, queue)?.settings ?? DEFAULT_QUEUE_SETTINGS).priorityMax,
  moreQuota: (_, resource, by) => quotaChanges(sharing, { tenantId, queue }, resource, by),
  isOwn: (id) => {
    const record = sharing.cell.jobs.find(id);
    return record === undefined ? isKnown(id) : isQueueOf(tenantId, record.spec.queue);
  },
  suspendedWith: () => sharing.queuesOf(tenantId),
  releasedWith: (payer) => sharing.cell.payers.held.filter((held) => organisationOfPayer(held) === organisationOfPayer(payer)),
});

/** Where the queue of a job may get more quota: first where it is lacking, then from the queue upwards. */
function quotaChanges(sharing: Sharing, asker: Asker, resource: string, byMilli: number): readonly QuotaChange[] {
  const { layout } = sharing;
  const { tree } = sharing.cell;
  const { tenantId, queue } = asker;
  const engineName = engineQueue(tenantId, queue);
  if (tree.find(engineName) === undefined) return [];
  const short = shortAt(tree.node(engineName), resource, byMilli).spec.name;
  const owners = [...ownQuotas(sharing, layout, asker, resource), ...cohortsAbove(layout, tenantId)];
  const found = owners.flatMap(({ node, owner, changed }) => {
    const saved = changesAround(tree, changed(resource, byMilli), tenantId);
    return saved.length === 0 ? [] : [{ node, owner: JSON.stringify(owner), saved }];
  });
  return found.toSorted((a, b) => Number(b.node === short) - Number(a.node === short)).map(({ owner, saved }) => ({ owner, saved }));
}

interface Place {
  /** As the engine knows it. */
  readonly node: string;
  readonly owner: QuotaOwner;
  readonly changed: (resource: string, byMilli: number) => Layout;
}

/** The quota of the queue, where its tenant has something to divide or has limited it; and that of the tenant. */
function ownQuotas(sharing: Sharing, layout: Layout, { tenantId, queue }: Asker, resource: string): readonly Place[] {
  const own = layout.cohorts.find((cohort) => cohort.tenantId === tenantId);
  const record = sharing.queue(tenantId, queue);
  const isDivided =
    record !== undefined && (record.settings.quotas[resource] !== undefined || sharing.undividedMilli(tenantId, resource) > 0);
  return [
    ...(own === undefined ? [forTenant(layout, tenantId)] : [ofCohort(layout, own)]),
    ...(isDivided && own !== undefined ? [ofQueue(layout, tenantId, record)] : []),
  ];
}

const ofQueue = (layout: Layout, tenantId: TenantId, record: QueueRecord): Place => ({
  node: engineQueue(tenantId, record.name),
  owner: { queue: record.name },
  changed: (resource, byMilli) => {
    const more = { ...record, settings: { ...record.settings, quotas: raised(record.settings.quotas, resource, byMilli) } };
    const queues = layout.queuesOf(tenantId);
    const isKnown = queues.some(({ name }) => name === record.name);
    const changed = isKnown ? queues.map((one) => (one.name === record.name ? more : one)) : [...queues, more];
    return { ...layout, queuesOf: (id) => (id === tenantId ? changed : layout.queuesOf(id)) };
  },
});

const ofCohort = (layout: Layout, cohort: CohortRecord): Place => ({
  node: nodeOf(layout.cohorts, cohort.name),
  owner: { cohort: cohort.name },
  changed: (resource, byMilli) => {
    const more = { ...cohort, settings: { ...cohort.settings, quotas: raised(cohort.settings.quotas, resource, byMilli) } };
    return { ...layout, cohorts: layout.cohorts.map((one) => (one.name === cohort.name ? more : one)) };
  },
});

/** A cohort that an operator makes for a tenant that has none. */
function forTenant(layout: Layout, tenantId: TenantId): Place {
  const organisation = layout.cohorts.find(({ organisationId }) => organisationId === organisationOfTenant(tenantId));
  return {
    node: tenantCohort(tenantId),
    owner: { tenant: tenantId },
    changed: (resource, byMilli) => {
      const settings = { parent: organisation?.name ?? ROOT_COHORT, weight: 1, quotas: raised({}, resource, byMilli) };
      const made: CohortRecord = { name: tenantCohort(tenantId), createdAtMs: 0, settings, tenantId, organisationId: null };
      return { ...layout, cohorts: [...layout.cohorts, made] };
    },
  };
}

/** The cohorts of operators above a tenant that say how much there is, up to the root. */
function cohortsAbove(layout: Layout, tenantId: TenantId): readonly Place[] {
  const { cohorts } = layout;
  const first =
    cohorts.find((one) => one.tenantId === tenantId) ?? cohorts.find((one) => one.organisationId === organisationOfTenant(tenantId));
  const above: CohortRecord[] = [];
  for (let one = first; one !== undefined && above.length <= cohorts.length;) {
    if (one.tenantId === null) above.push(one);
    const parent: string | null = one.settings.parent;
    one = cohorts.find(({ name }) => name === parent);
  }
  const root = cohorts.find(({ name }) => name === ROOT_COHORT);
  return [...above, ...(root === undefined || above.includes(root) ? [] : [root])].map((cohort) => ofCohort(layout, cohort));
}

const raised = (quotas: QuotaTable, resource: string, byMilli: number): QuotaTable => {
  const terms = quotas[resource] ?? { nominalMilli: 0, borrowingMaxMilli: null, lendingMaxMilli: null };
  return { ...quotas, [resource]: { ...terms, nominalMilli: terms.nominalMilli + byMilli } };
};
