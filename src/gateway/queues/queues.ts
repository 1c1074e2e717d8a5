import type { CreateCohort } from '../../contract/queues/cohorts.ts';
import { cohortSettingsOf } from '../../contract/queues/cohorts.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { Principal, TenantPrincipal } from '../../contract/api/principal.ts';
import type { CohortSettings } from '../../contract/queues/queue-record.ts';
import type { CreateQueue } from '../../contract/queues/queues.ts';
import { queueSettingsOf } from '../../contract/queues/queues.ts';
import type { OrganisationId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { KeyedRequest } from '../../kernel/sql/spent-keys.ts';
import type { CohortView } from '../../scheduler/served/quotas/cohort-operations.ts';
import type { QueueView } from '../../scheduler/served/quotas/queue-operations.ts';
import { requestDigest } from '../tenancy/subject.ts';
import type { JobQueue } from '../jobs/job-queue.ts';

export interface QueueParts {
  readonly cell: Pick<JobQueue, 'operate'>;
  /** Refuses a tenant or an organisation that there is not. */
  readonly knows: (tenantId: TenantId | undefined, organisationId: OrganisationId | undefined) => Promise<Outcome<unknown>>;
}

interface Page<Item> {
  readonly items: readonly Item[];
  readonly hasMore: boolean;
}

const NEW_COHORT: CohortSettings = { parent: 'root', weight: 1, quotas: {} };

/** The queues of tenants, and the cohorts by which operators divide a deployment between tenants. */
export class Queues {
  readonly #parts: QueueParts;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  async createQueue(principal: TenantPrincipal, body: CreateQueue, idempotencyKey: string | undefined): Promise<Outcome<QueueView>> {
    const { name, ...given } = body;
    const request = await keyedRequest(principal, 'queue.create', body, idempotencyKey);
    return this.#parts.cell.operate('createQueue', principal.tenantId, name, queueSettingsOf(given), request);
  }

  async queues({ tenantId }: TenantPrincipal, limit: number, after: string | undefined): Promise<Outcome<Page<QueueView>>> {
    return pageOf(await this.#parts.cell.operate('queues', tenantId, limit, after), limit);
  }

  /** Refuses with `tenant_not_found` or `organisation_not_found` a cohort of one that there is not. */
  async createCohort(principal: Principal, body: CreateCohort, idempotencyKey: string | undefined): Promise<Outcome<CohortView>> {
    const { name, tenant, organisation, ...given } = body;
    const known = await this.#parts.knows(tenant, organisation);
    if (!known.ok) return known;
    const request = await keyedRequest(principal, 'cohort.create', body, idempotencyKey);
    const settings = { ...NEW_COHORT, ...cohortSettingsOf(given) };
    const cohort = { name, settings, tenantId: tenant ?? null, organisationId: organisation ?? null };
    return this.#parts.cell.operate('createCohort', cohort, request);
  }

  async cohorts(limit: number, after: string | undefined): Promise<Outcome<Page<CohortView>>> {
    return pageOf(await this.#parts.cell.operate('cohorts', limit, after), limit);
  }
}

const pageOf = <Item>(found: Outcome<readonly Item[]>, limit: number): Outcome<Page<Item>> =>
  found.ok ? ok({ items: found.value.slice(0, limit), hasMore: found.value.length > limit }) : found;

async function keyedRequest(principal: Principal, operation: string, body: unknown, key: string | undefined): Promise<KeyedRequest | null> {
  return key === undefined ? null : { key, digest: await requestDigest(principal, operation, body) };
}
