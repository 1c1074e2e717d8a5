import type { TenantId } from '../../kernel/ids.ts';
import type { Objective } from '../../slo/objective.ts';
import type { DatedNews } from '../../slo/slo-register.ts';
import type { PlanningAlert } from '../../tenancy/billing/budget.ts';

/** What a tenant's webhooks receive of an objective whose policy has fired or cleared. */
export const sloAlert = (tenant: TenantId, { owner }: Objective, { kind, id, atMs, ...news }: DatedNews): PlanningAlert => ({
  kind,
  id: `${tenant}:${id}`,
  atMs,
  levelId: tenant,
  details: {
    objective: news.objective,
    owner,
    policy: news.policy,
    severity: news.severity,
    burn_rate: news.burnRate,
    threshold: news.threshold,
    budget_spent: news.spentShare,
  },
});
