import { API_LIMITS } from '../../../contract/api/api-limits.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../../contract/api/principal.ts';
import type { Held } from '../../../contract/tenancy/quota-terms.ts';
import type { OrganisationId, TenantId } from '../../../kernel/ids.ts';
import { must } from '../../../kernel/assert.ts';
import { err, ok } from '../../../kernel/result.ts';
import type { Decision } from '../../../tenancy/quota/decision.ts';
import { quotaRefusal } from '../../../tenancy/quota/decision.ts';
import type { LevelId } from '../../../tenancy/quota/quota-level.ts';
import type { Indexes } from '../../indexes/indexes.ts';
import type { JobQueue } from '../../jobs/job-queue.ts';
import type { QuotaLedger, QuotaLedgers } from '../quota-ledger.ts';
import { Composed } from '../../api/composed.ts';

/** How long a write may be under way: after that its vectors are in any count, and its hold with them. */
const HOLD_MS = 120_000;

type Counter = (tenant: TenantId) => Promise<Outcome<number>>;

export interface HoldingsParts {
  readonly ledgers: QuotaLedgers;
  /** How much of something a tenant has now, as counted by the object that keeps it: of each resource that this isolate creates. */
  readonly counters: Partial<Readonly<Record<Held, Counter>>>;
  readonly tenantsOf: (organisation: OrganisationId) => Promise<Outcome<readonly TenantId[]>>;
  readonly background: (work: Promise<unknown>) => void;
}

/** Units that are about to exist. */
export interface Hold {
  /**
   * How many now exist that did not before. Not called when that is not known: then all of them count until a count that begins once the
   * write cannot be under way any more.
   */
  settle(added: number): void;
}

/**
 * Keeps what exists within its limits: reserved before it is created, and counted anew whenever that would not fit. Only for callers that
 * have such a limit on their path.
 */
export class Holdings extends Composed<HoldingsParts> {
  /** Refuses with `insufficient_quota` or `limit_exceeded`; or `unavailable` when the current count cannot be determined. */
  async hold(principal: TenantPrincipal, path: readonly LevelId[], resource: Held, units: number, id: string): Promise<Outcome<Hold>> {
    const ledger = this.parts.ledgers(principal.organisationId);
    const countOf = must(this.parts.counters[resource], 'an isolate creates only what it can count');
    const request = { id: `${resource}:${id}`, path, units: { [resource]: units }, lifeMs: HOLD_MS };
    try {
      let decision = await ledger.reserve(request);
      if (decision.kind === 'refused') {
        const counted = await this.#recount(ledger, principal, resource, decision, countOf);
        if (!counted.ok) return counted;
        decision = await ledger.reserve(request);
      }
      if (decision.kind === 'refused') return err(quotaRefusal(decision));
    } catch {
      return refuse('unavailable', 'the quota cannot be checked now; try again');
    }
    return ok({ settle: (added) => this.parts.background(ledger.settle(request.id, { [resource]: added }).catch(() => undefined)) });
  }

  /** Counts again at the level that refused: one tenant, or the whole organisation. */
  async #recount(
    ledger: QuotaLedger,
    { organisationId, tenantId }: TenantPrincipal,
    resource: Held,
    refused: Decision & { readonly kind: 'refused' },
    countOf: Counter,
  ): Promise<Outcome<unknown>> {
    const begunAtMs = await ledger.now();
    const isAll = refused.level === 'organisation';
    const tenants = isAll ? await this.parts.tenantsOf(organisationId) : ok([tenantId]);
    if (!tenants.ok) return tenants;
    const counts: { tenant: TenantId; units: number }[] = [];
    for (const tenant of tenants.value) {
      const counted = await countOf(tenant);
      if (!counted.ok) return counted;
      counts.push({ tenant, units: counted.value });
    }
    return ok(await ledger.count(counts, resource, isAll, begunAtMs));
  }
}

/** The open jobs of a tenant, as its scheduler counts them. */
export async function openJobCount(queue: Pick<JobQueue, 'openCount'>, tenant: TenantId): Promise<Outcome<number>> {
  try {
    return ok(await queue.openCount(tenant));
  } catch {
    return refuse('unavailable', 'the jobs of the tenant cannot be counted now');
  }
}

/** The vectors of a tenant, as its indexes count them. */
export async function vectorCount(indexes: Pick<Indexes, 'list' | 'stats'>, tenant: TenantId): Promise<Outcome<number>> {
  let [count, after]: [number, string | undefined] = [0, undefined];
  for (;;) {
    const page = await indexes.list(tenant, after, API_LIMITS.pageMaxCount);
    if (!page.ok) return page;
    for (const { name } of page.value.indexes) {
      const stats = await indexes.stats({ tenantId: tenant }, name);
      // One that was deleted meanwhile has none.
      if (!stats.ok && stats.error.code !== 'index_not_found') return stats;
      count += stats.ok ? stats.value.count : 0;
    }
    after = page.value.indexes.at(-1)?.name;
    if (!page.value.hasMore || after === undefined) return ok(count);
  }
}
