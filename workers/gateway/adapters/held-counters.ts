import { LIMITS } from '../../../src/contract/limits.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import { refuse } from '../../../src/contract/outcome.ts';
import type { Held } from '../../../src/contract/quota-rule.ts';
import type { Indexes } from '../../../src/gateway/indexes.ts';
import type { JobQueue } from '../../../src/gateway/jobs/job-queue.ts';
import type { TenantId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';

/** Counts of the resources that resource-count quotas limit. */
export const heldCounters = (
  indexes: Indexes,
  queue: Pick<JobQueue, 'openCount'>,
): Readonly<Record<Held, (tenant: TenantId) => Promise<Outcome<number>>>> => ({
  vectors: (tenant) => vectorsOf(indexes, tenant),
  jobs: async (tenant) => {
    try {
      return ok(await queue.openCount(tenant));
    } catch {
      return refuse('unavailable', 'the jobs of the tenant cannot be counted now');
    }
  },
});

async function vectorsOf(indexes: Indexes, tenant: TenantId): Promise<Outcome<number>> {
  let [count, after]: [number, string | undefined] = [0, undefined];
  for (;;) {
    const page = await indexes.list(tenant, after, LIMITS.pageMaxCount);
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
