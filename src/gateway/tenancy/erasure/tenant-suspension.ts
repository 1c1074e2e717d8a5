import type { Outcome } from '../../../contract/api/outcome.ts';
import type { Principal } from '../../../contract/api/principal.ts';
import type { TenantId } from '../../../kernel/ids.ts';
import type { Tenant } from '../../../tenancy/organisation.ts';
import { organisationOf } from '../../../tenancy/resource-ids.ts';
import type { JobQueue } from '../../jobs/job-queue.ts';
import type { Organisations } from '../organisation-store.ts';
import { actorOf } from '../subject.ts';

/** Suspends tenants and ends suspensions: of their keys, then of their jobs. A call that was cut off is repeated; that changes nothing. */
export class TenantSuspension {
  readonly #organisations: Organisations;
  readonly #jobs: Pick<JobQueue, 'suspendTenant'>;

  constructor(organisations: Organisations, jobs: Pick<JobQueue, 'suspendTenant'>) {
    this.#organisations = organisations;
    this.#jobs = jobs;
  }

  /** Refuses as the store of the organisation does. */
  async set(principal: Principal, id: TenantId, isSuspended: boolean): Promise<Outcome<Tenant>> {
    const store = this.#organisations.at(organisationOf(id));
    const moved = await store.moveTenant(id, isSuspended ? 'suspended' : 'active', actorOf(principal));
    if (moved.ok) await this.#jobs.suspendTenant(id, isSuspended);
    return moved;
  }
}
