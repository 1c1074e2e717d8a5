import { JOB_LIMITS } from '../../../contract/jobs/job-limits.ts';
import type { CohortRecord, QueueRecord, QueueSettings, QuotaTable, QuotaTerms } from '../../../contract/queues/queue-record.ts';
import { DEFAULT_QUEUE, ROOT_COHORT } from '../../../contract/queues/queue-record.ts';
import type { ReservationRecord } from '../../../contract/queues/reservation-record.ts';
import type { OrganisationId, TenantId } from '../../../kernel/ids.ts';
import { organisationOfTenant } from '../../../kernel/ids.ts';
import type { CohortSpec, Quota, QuotaTree, TimeSlice } from '../../engine/fairness/quota-tree.ts';
import type { EvictionPolicy } from '../../engine/model/pool-spec.ts';
import { ONE_ATTEMPT } from '../jobs/job.ts';

/*
 * The tree that the engine decides by, from what operators and tenants lay down:
 *
 *   tenants                    all that there is
 *     cohort/research          a cohort of operators
 *       tn_a/                  a tenant with queues: its own cohort, or one that an operator made for it
 *         tn_a                 its queue `default`, under the name that it has always had
 *         tn_a/nightly         another of its queues
 *       tn_b                   a tenant with the one queue alone
 */

/** The cohort above the queues of all tenants, as the engine knows it. */
export const TENANTS = 'tenants';

/** What shares of a resource are parts of that no operator limits; it is no limit. */
const PLENTY_MILLI = JOB_LIMITS.cellAgentsMaxCount * JOB_LIMITS.nodeAcceleratorsMaxCount * 1_000;

/** The same of cores: those of as many agents with room for one attempt as there may be. Larger agents may have more together. */
const CPU_MILLI = JOB_LIMITS.cellAgentsMaxCount * ONE_ATTEMPT.cpuMilli;

export const DEFAULT_QUEUE_SETTINGS: QueueSettings = {
  weight: 1,
  quotas: {},
  priorityMin: 0,
  priorityMax: JOB_LIMITS.jobPriorityMax,
  withinQueue: 'never',
  reclaim: 'never',
  stop: 'none',
};

/** What a tenant's queues are in the engine. */
export const engineQueue = (tenantId: TenantId, name: string): string => (name === DEFAULT_QUEUE ? tenantId : `${tenantId}/${name}`);

/** The cohort of a tenant in the engine. */
export const tenantCohort = (tenantId: TenantId): string => `${tenantId}/`;

/** Whether a queue of the engine is one of the tenant's. */
export const isQueueOf = (tenantId: string, queue: string): boolean => queue === tenantId || queue.startsWith(`${tenantId}/`);

/** The tenant that a queue of the engine is of. */
export const tenantOfQueue = (queue: string): TenantId => (queue.split('/')[0] ?? queue) as TenantId;

/** What operators and tenants have laid down. */
export interface Layout {
  /** In the order in which they came; the root among them if it was changed. */
  readonly cohorts: readonly CohortRecord[];
  /** Those that a tenant has made or changed. */
  readonly queuesOf: (tenantId: TenantId) => readonly QueueRecord[];
  /** The reservations that count now. */
  readonly reservations: readonly ReservationRecord[];
}

/** The queue `default` of a tenant that has made no other, below a cohort of the engine. No job of it evicts another. */
export const queueOf = (tenantId: TenantId, parent = TENANTS, settings = DEFAULT_QUEUE_SETTINGS): CohortSpec => ({
  name: tenantId,
  parent,
  // A thousandth, so that the share of one agent in a full cell is still a whole number.
  weightMilli: 1,
  quotas: {},
  ...policyOf(settings),
});

/** The cohort that a tenant's queues are below, in the engine. */
export function parentOf(cohorts: readonly CohortRecord[], tenantId: TenantId): string {
  const own = cohorts.find((cohort) => cohort.tenantId === tenantId);
  if (own !== undefined) return nodeOf(cohorts, own.settings.parent);
  const organisation: OrganisationId = organisationOfTenant(tenantId);
  return nodeOf(cohorts, cohorts.find((cohort) => cohort.organisationId === organisation)?.name ?? null);
}

/** What a cohort of operators is called in the engine. */
export function nodeOf(cohorts: readonly CohortRecord[], name: string | null): string {
  if (name === null || name === ROOT_COHORT) return TENANTS;
  const tenantId = cohorts.find((cohort) => cohort.name === name)?.tenantId ?? null;
  return tenantId === null ? `cohort/${name}` : tenantCohort(tenantId);
}

/** The whole tree, for these tenants and those that have queues or a cohort. */
export function specsOf(layout: Layout, tenants: Iterable<TenantId>): readonly CohortSpec[] {
  const { cohorts } = layout;
  const owned = cohorts.flatMap(({ tenantId }) => tenantId ?? []);
  const below = [
    ...cohorts.filter(({ name, tenantId }) => name !== ROOT_COHORT && tenantId === null).map((cohort) => cohortSpec(cohorts, cohort)),
    ...[...new Set([...tenants, ...owned])].flatMap((tenantId) => tenantSpecs(layout, tenantId)),
  ];
  return [rootSpec(cohorts, below), ...below];
}

/** The root has as much of everything that is limited somewhere as an operator says, or as there can be. */
function rootSpec(cohorts: readonly CohortRecord[], below: readonly CohortSpec[]): CohortSpec {
  const given: QuotaTable = cohorts.find(({ name }) => name === ROOT_COHORT)?.settings.quotas ?? {};
  const resources = new Set(['cpu', ...[...Object.keys(given), ...below.flatMap(({ quotas }) => Object.keys(quotas))].toSorted()]);
  const rootQuota = (resource: string): Quota => {
    const nominalMilli = given[resource]?.nominalMilli;
    if (nominalMilli !== undefined) return quotaOf({ nominalMilli });
    return { ...quotaOf({ nominalMilli: resource === 'cpu' ? CPU_MILLI : PLENTY_MILLI }), isMeasure: true };
  };
  const quotas = Object.fromEntries([...resources].map((resource) => [resource, rootQuota(resource)]));
  return { name: TENANTS, parent: null, weightMilli: 1_000, quotas, eviction: null };
}

const cohortSpec = (cohorts: readonly CohortRecord[], { name, settings }: CohortRecord): CohortSpec => ({
  name: nodeOf(cohorts, name),
  parent: nodeOf(cohorts, settings.parent),
  weightMilli: settings.weight,
  quotas: quotasOf(settings.quotas),
  eviction: null,
});

/** One queue where that is all the tenant has; else its cohort, with its queues below. */
function tenantSpecs(layout: Layout, tenantId: TenantId): readonly CohortSpec[] {
  const { cohorts, queuesOf, reservations } = layout;
  const own = cohorts.find((cohort) => cohort.tenantId === tenantId);
  const queues = queuesOf(tenantId);
  const parent = parentOf(cohorts, tenantId);
  const standard = queues.find(({ name }) => name === DEFAULT_QUEUE)?.settings ?? DEFAULT_QUEUE_SETTINGS;
  const others = queues.filter(({ name }) => name !== DEFAULT_QUEUE).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (own === undefined && others.length === 0) {
    return [
      reserved(layout, tenantId, DEFAULT_QUEUE, { ...queueOf(tenantId, parent, standard), quotas: quotasOf(capsOf(standard.quotas)) }),
    ];
  }
  const named = [{ name: DEFAULT_QUEUE, settings: standard }, ...others];
  const grants = own?.settings.quotas ?? {};
  const isOwn = (one: ReservationRecord): boolean => one.tenantId === tenantId && !one.isGranted;
  const divided = dividedQuotas(
    grants,
    named.map(({ name, settings }) => reservations.filter((one) => isOwn(one) && one.queue === name).reduce(withReserved, settings.quotas)),
  );
  const cohort: CohortSpec = {
    name: tenantCohort(tenantId),
    parent,
    weightMilli: own?.settings.weight ?? 1,
    quotas: quotasOf(divided.rest),
    eviction: null,
  };
  const leaves = named.map(({ name, settings }, at): CohortSpec =>
    reserved(layout, tenantId, name, {
      name: engineQueue(tenantId, name),
      parent: cohort.name,
      weightMilli: settings.weight,
      quotas: quotasOf(divided.queues[at] ?? {}),
      ...policyOf(settings),
    }),
  );
  return [cohort, ...leaves];
}

const NO_QUOTA: QuotaTerms = { nominalMilli: 0, borrowingMaxMilli: null, lendingMaxMilli: null };

/** What is reserved is nominal quota. */
function withReserved(quotas: QuotaTable, { resource, amountMilli }: ReservationRecord): QuotaTable {
  const terms = quotas[resource] ?? NO_QUOTA;
  return { ...quotas, [resource]: { ...terms, nominalMilli: terms.nominalMilli + amountMilli } };
}

/** A queue with what operators have reserved for it; as long as anything is, it takes back what others have of its quota. [J192] */
function reserved({ reservations }: Layout, tenantId: TenantId, queue: string, spec: CohortSpec): CohortSpec {
  const its = reservations.filter((one) => one.tenantId === tenantId && one.queue === queue);
  if (its.length === 0 || spec.eviction === null) return spec;
  const quotas: Record<string, Quota> = { ...spec.quotas };
  for (const { resource, amountMilli, isGranted } of its) {
    const quota = quotas[resource] ?? quotaOf(NO_QUOTA);
    if (isGranted) quotas[resource] = { ...quota, nominal: quota.nominal + amountMilli };
  }
  const { reclaimsLowerOnly: _, ...eviction } = spec.eviction;
  const sorted = Object.fromEntries(Object.entries(quotas).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return { ...spec, quotas: sorted, eviction: { ...eviction, reclaimWithinCohort: true } };
}

/**
 * What queues are granted of what their tenant has, the first first, and what is left for all of them: a tenant divides its quota among its
 * queues and makes none. One whose quota was cut has the last queues granted less. [J185]
 */
export function dividedQuotas(
  grants: QuotaTable,
  asked: readonly QuotaTable[],
): { readonly rest: QuotaTable; readonly queues: readonly QuotaTable[] } {
  const left = new Map(Object.entries(grants).map(([resource, { nominalMilli }]) => [resource, nominalMilli]));
  const queues = asked.map((quotas) =>
    Object.fromEntries(
      Object.entries(quotas).map(([resource, terms]): [string, QuotaTerms] => {
        const nominalMilli = Math.min(terms.nominalMilli, left.get(resource) ?? 0);
        left.set(resource, (left.get(resource) ?? 0) - nominalMilli);
        return [resource, { ...terms, nominalMilli }];
      }),
    ),
  );
  const rest = Object.fromEntries(Object.entries(grants).map(([name, terms]) => [name, { ...terms, nominalMilli: left.get(name) ?? 0 }]));
  return { rest, queues };
}

/** A tenant without a quota has none to divide: of what its queue says, the limits hold. */
const capsOf = (quotas: QuotaTable): QuotaTable =>
  Object.fromEntries(Object.entries(quotas).map(([resource, terms]) => [resource, { ...terms, nominalMilli: 0 }]));

const quotasOf = (quotas: QuotaTable): CohortSpec['quotas'] =>
  Object.fromEntries(
    Object.entries(quotas)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([resource, terms]) => [resource, quotaOf(terms)]),
  );

const quotaOf = ({ nominalMilli, borrowingMaxMilli = null, lendingMaxMilli = null }: Partial<QuotaTerms>): Quota => ({
  nominal: nominalMilli ?? 0,
  borrowingMax: borrowingMaxMilli,
  lendingMax: lendingMaxMilli,
});

/** How a queue's jobs are evicted, and what they evict; whether it starts any; and how they take turns. */
function policyOf({ withinQueue, reclaim, stop, timeSlice = null }: QueueSettings): {
  readonly eviction: EvictionPolicy;
  readonly stop?: 'hold' | 'hold_and_drain';
  readonly timeSlice?: TimeSlice;
} {
  return {
    eviction: {
      victimOrder: 'least_lost_work',
      runtimeMinMs: 0,
      graceMaxMs: JOB_LIMITS.jobGraceMaxS * 1_000,
      leavingMaxCount: JOB_LIMITS.schedulerBatchMaxCount,
      protectedPriority: null,
      protectedKinds: [],
      reclaimWithinCohort: reclaim !== 'never',
      preemptWithinQueue: withinQueue === 'lower_priority',
      preemptForFairShare: false,
      ...(reclaim === 'lower_priority' ? { reclaimsLowerOnly: true } : {}),
    },
    ...(stop === 'none' ? {} : { stop }),
    ...(timeSlice === null ? {} : { timeSlice: { roundMs: timeSlice.roundS * 1_000, moveMs: timeSlice.moveS * 1_000 } }),
  };
}

/** What of a tree has to change if a tenant, cohorts of operators, or the root are as laid down: as `changesTo` says for all of it. */
export function changesAround(tree: QuotaTree, layout: Layout, tenantId: TenantId): readonly CohortSpec[] {
  const { cohorts } = layout;
  const below = [
    ...cohorts.filter((cohort) => cohort.name !== ROOT_COHORT && cohort.tenantId === null).map((cohort) => cohortSpec(cohorts, cohort)),
    ...tenantSpecs(layout, tenantId),
  ];
  const specs = [rootSpec(cohorts, [...below, tree.node(TENANTS).spec]), ...below];
  return specs.filter((spec) => JSON.stringify(tree.find(spec.name)?.spec) !== JSON.stringify(spec));
}

/** What of a tree has to change for it to be this one. */
export function changesTo(
  tree: QuotaTree,
  specs: readonly CohortSpec[],
): { readonly saved: readonly CohortSpec[]; readonly gone: readonly string[] } {
  const names = new Set(specs.map(({ name }) => name));
  return {
    saved: specs.filter((spec) => JSON.stringify(tree.find(spec.name)?.spec) !== JSON.stringify(spec)),
    gone: tree.names.filter((name) => !names.has(name)),
  };
}
