import { TENANCY_LIMITS } from '../../../contract/tenancy/tenancy-limits.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import type { Principal } from '../../../contract/api/principal.ts';
import { sha256Hex } from '../../../kernel/bytes.ts';
import type { KeyId, OrganisationId, ProjectId, TenantId } from '../../../kernel/ids.ts';
import { ok } from '../../../kernel/result.ts';
import type { Tenant } from '../../../tenancy/organisation.ts';
import { stateOf } from '../../../tenancy/organisation.ts';
import { organisationOf } from '../../../tenancy/resource-ids.ts';
import type { CallBatchCalls } from '../../batches/call-batches.ts';
import type { StoredAnswerCalls } from '../../completions/stored-answers.ts';
import type { FileEraser } from '../../files/file-eraser.ts';
import type { JobLogs } from '../../pools/job-logs.ts';
import type { JobQueue } from '../../jobs/job-queue.ts';
import type { ModelFileStore, ModelRegistries } from '../../models/model-registries.ts';
import type { DebtCalls } from '../../debt/debt-admin.ts';
import type { PlanningCalls } from '../../planning/slo-admin.ts';
import type { CachePurger } from '../../caches/purge-cache.ts';
import type { TenantIndexes } from '../../indexes/tenant-indexes.ts';
import type { UpstreamCalls } from '../../upstreams/upstream-calls.ts';
import type { RequestLog } from '../../requests/request-log-admin.ts';
import type { BillingLedgers } from '../billing-ledger.ts';
import type { Organisations, OrganisationStore } from '../organisation-store.ts';
import type { QuotaLedgers } from '../quota-ledger.ts';
import { actorOf } from '../subject.ts';

/** One kind of what a tenant has. */
export interface ErasureStep {
  readonly what: string;
  /** Erases some or all of it. Doing it again changes nothing. */
  erase(tenant: TenantId, principal: Principal): Promise<Outcome<unknown>>;
  /** How much of it there still is, counted anew by the object that holds it; `isErased`: an earlier count found nothing. */
  remaining(tenant: TenantId, isErased: boolean): Promise<Outcome<number>>;
}

export interface Erasure {
  readonly tenant: Tenant;
  readonly remaining: readonly { readonly what: string; readonly count: number }[];
  /** Whether nothing is left, as just counted. */
  readonly isVerified: boolean;
  /** The state of the tenant and what remains of it, for the caller's records. */
  readonly digest: string;
}

/**
 * Erases tenants: first their keys stop, then what they had is removed, last their records. Each call continues where the last one was
 * interrupted, and ends with a count of what is left, kind by kind.
 */
export class TenantEraser {
  readonly #organisations: Organisations;
  readonly #steps: readonly ErasureStep[];
  readonly #sleep: (ms: number) => Promise<void>;

  constructor(organisations: Organisations, steps: readonly ErasureStep[], sleep: (ms: number) => Promise<void>) {
    this.#organisations = organisations;
    this.#steps = steps;
    this.#sleep = sleep;
  }

  /** Refuses as the steps do; then it must be called again. */
  async erase(principal: Principal, id: TenantId): Promise<Outcome<Erasure>> {
    const store = this.#organisations.at(organisationOf(id));
    const begun = await store.moveTenant(id, 'erasing', actorOf(principal));
    if (!begun.ok) return begun;
    // [T58] Until no lease that was taken before is left, by the clock of any object: from then on nothing is written that is not counted below.
    if (stateOf(begun.value) !== 'erased') await this.#sleep(TENANCY_LIMITS.keyFreshMs + 2 * TENANCY_LIMITS.writeLeaseGuardMs);
    for (const step of this.#steps) {
      const erased = await step.erase(id, principal);
      if (!erased.ok) return erased;
    }
    const found = await this.verify(id);
    if (!found.ok || !found.value.isVerified || stateOf(found.value.tenant) === 'erased') return found;
    const buried = await store.buryTenant(id, actorOf(principal));
    return buried.ok ? this.verify(id) : buried;
  }

  /** What is left of a tenant, whatever its state, counted now. */
  async verify(id: TenantId): Promise<Outcome<Erasure>> {
    const tenant = await this.#organisations.at(organisationOf(id)).tenant(id);
    if (!tenant.ok) return tenant;
    const remaining: { what: string; count: number }[] = [];
    for (const step of this.#steps) {
      const counted = await step.remaining(id, stateOf(tenant.value) === 'erased');
      if (!counted.ok) return counted;
      remaining.push({ what: step.what, count: counted.value });
    }
    const isVerified = remaining.every(({ count }) => count === 0);
    const digest = await sha256Hex(JSON.stringify([id, stateOf(tenant.value), remaining]));
    return ok({ tenant: tenant.value, remaining, isVerified, digest });
  }
}

interface ErasureParts {
  readonly sleep: (ms: number) => Promise<void>;
  readonly at: (tenant: TenantId) => OrganisationStore;
  readonly quotas: QuotaLedgers;
  readonly indexes: TenantIndexes;
  readonly jobs: Pick<JobQueue, 'eraseTenant' | 'jobCount'>;
  readonly logs: Pick<JobLogs, 'eraseTenant' | 'count'>;
  readonly requests: (tenant: TenantId) => Pick<RequestLog, 'erase' | 'count'>;
  readonly answers: (tenant: TenantId) => Pick<StoredAnswerCalls, 'erase' | 'count'>;
  readonly batches: (tenant: TenantId) => Pick<CallBatchCalls, 'erase' | 'count'>;
  readonly files: Pick<FileEraser, 'eraseAll' | 'count'>;
  readonly models: { readonly registries: ModelRegistries; readonly store: Pick<ModelFileStore, 'erase' | 'count'> };
  readonly upstreams: (owner: TenantId) => Pick<UpstreamCalls, 'erase' | 'count'>;
  readonly debt: (organisation: OrganisationId) => Pick<DebtCalls, 'eraseTenant' | 'countOf'>;
  readonly planning: (tenant: TenantId) => Pick<PlanningCalls, 'erase' | 'count'>;
  readonly billing: BillingLedgers;
  readonly purger: Pick<CachePurger, 'eraseTenant' | 'left'>;
}

/** All that a tenant has, what it wrote first. Whatever comes to hold something of tenants joins this list. */
export const erasureSteps = (parts: ErasureParts): readonly ErasureStep[] => [
  callsUnderWay(parts),
  ...contentSteps(parts),
  ...accountSteps(parts),
];

/** [T122] What the tenant began before ends by itself; nothing is erased below a call that still runs, as far as that can be waited for. */
function callsUnderWay({ at, sleep }: ErasureParts): ErasureStep {
  const remaining = (tenant: TenantId) => at(tenant).countCalling(tenant);
  return {
    what: 'calls under way',
    async erase(tenant) {
      for (let waitedMs = 0; ; waitedMs += TENANCY_LIMITS.authorityLookMs) {
        const left = await remaining(tenant);
        if (!left.ok || left.value === 0 || waitedMs >= TENANCY_LIMITS.authorityCallLostMs) return left;
        await sleep(TENANCY_LIMITS.authorityLookMs);
      }
    },
    remaining,
  };
}

/** What was kept of calls and attempts. */
const callSteps = ({
  logs,
  requests,
  answers,
  batches,
}: Pick<ErasureParts, 'logs' | 'requests' | 'answers' | 'batches'>): readonly ErasureStep[] => [
  {
    what: 'job logs',
    erase: async (tenant) => ok(await logs.eraseTenant(tenant)),
    remaining: async (tenant) => ok(await logs.count(tenant)),
  },
  {
    what: 'request log',
    erase: async (tenant) => ok(await requests(tenant).erase()),
    remaining: async (tenant) => ok(await requests(tenant).count()),
  },
  {
    // [J276] Before the files, to which they would add.
    what: 'batches of calls',
    erase: async (tenant) => ok(await batches(tenant).erase()),
    remaining: async (tenant) => ok(await batches(tenant).count()),
  },
  {
    what: 'stored answers',
    erase: async (tenant) => ok(await answers(tenant).erase()),
    remaining: async (tenant) => ok(await answers(tenant).count()),
  },
];

/** What the tenant wrote, and what was made of it. */
function contentSteps({
  indexes,
  jobs,
  logs,
  requests,
  answers,
  batches,
  files,
  models,
  upstreams,
  planning,
  debt,
  purger,
}: ErasureParts): readonly ErasureStep[] {
  return [
    {
      what: 'indexes',
      erase: (tenant) => indexes.eraseAll(tenant),
      remaining: (tenant) => indexes.countAll(tenant),
    },
    {
      // Before the files, to which agents would add.
      what: 'jobs',
      erase: async (tenant) => ok(await eraseJobs(jobs, tenant)),
      remaining: async (tenant) => ok(await jobs.jobCount(tenant)),
    },
    ...callSteps({ logs, requests, answers, batches }),
    {
      what: 'files',
      erase: async (tenant) => ok(await files.eraseAll(tenant)),
      remaining: async (tenant, isErased) => ok(await files.count(tenant, isErased)),
    },
    {
      // [M43] The registry first: from then on it takes no version.
      what: 'models',
      erase: async (tenant) => {
        await models.registries(tenant).erase();
        return ok(await models.store.erase(tenant));
      },
      remaining: async (tenant) => ok((await models.registries(tenant).count()) + (await models.store.count(tenant))),
    },
    {
      // [U7] Their secrets go with them.
      what: 'upstreams',
      erase: async (tenant) => ok(await upstreams(tenant).erase(tenant)),
      remaining: async (tenant) => ok(await upstreams(tenant).count()),
    },
    {
      what: 'objectives',
      erase: async (tenant) => ok(await planning(tenant).erase()),
      remaining: async (tenant) => ok(await planning(tenant).count()),
    },
    {
      what: 'debt register',
      erase: async (tenant) => ok(await debt(organisationOf(tenant)).eraseTenant(tenant)),
      remaining: async (tenant) => ok(await debt(organisationOf(tenant)).countOf(tenant)),
    },
    {
      what: 'cached embeddings',
      erase: (tenant) => purger.eraseTenant(tenant),
      remaining: (tenant) => purger.left(tenant),
    },
  ];
}

/** What the deployment keeps of the tenant to serve it. */
function accountSteps({ at, quotas, billing }: ErasureParts): readonly ErasureStep[] {
  const withBelow = async <T>(tenant: TenantId, work: (below: readonly (ProjectId | KeyId)[]) => Promise<T>): Promise<Outcome<T>> => {
    const below = await at(tenant).belowTenant(tenant);
    return below.ok ? ok(await work(below.value)) : below;
  };
  return [
    {
      what: 'statistics and budgets',
      erase: (tenant) => withBelow(tenant, (below) => billing(organisationOf(tenant)).eraseTenant(tenant, below)),
      remaining: (tenant) => withBelow(tenant, (below) => billing(organisationOf(tenant)).left(tenant, below)),
    },
    {
      what: 'quotas',
      erase: (tenant) => withBelow(tenant, (below) => quotas(organisationOf(tenant)).erase(tenant, below)),
      remaining: (tenant) => withBelow(tenant, (below) => quotas(organisationOf(tenant)).countLevels([tenant, ...below])),
    },
    {
      what: 'keys and projects',
      erase: (tenant, principal) => at(tenant).eraseBelow(tenant, principal.kind === 'admin' ? 'admin' : principal.keyId),
      remaining: (tenant) => withBelow(tenant, async (below) => below.length),
    },
  ];
}

/** Erases jobs until none is left, or only those whose agents have yet to stop: how many. */
async function eraseJobs(jobs: ErasureParts['jobs'], tenant: TenantId): Promise<number> {
  for (let before = Infinity; ;) {
    const left = await jobs.eraseTenant(tenant);
    if (left === 0 || left >= before) return left;
    before = left;
  }
}
