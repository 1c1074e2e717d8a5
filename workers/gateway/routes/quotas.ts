import { quotaEndpoints } from '../../../src/contract/quotas.ts';
import type { TenantAccount } from '../../../src/gateway/tenancy/quota-admin.ts';
import { RESOURCES } from '../../../src/tenancy/quota/amounts.ts';
import { windowEndMs, WINDOWS } from '../../../src/tenancy/quota/window.ts';
import type { Route } from '../serve.ts';
import { route } from '../serve.ts';
import { seconds } from './wire.ts';

export const quotaRoutes: readonly Route[] = [
  route(quotaEndpoints.setQuota, async ({ gateway, principal, body: { tenant, requests, tokens } }) => {
    const set = await gateway.tenancy.quotas.set(principal, tenant, { requests, tokens });
    return set.ok ? { ok: true, reply: quotaReply(set.value), used: {} } : set;
  }),
  route(quotaEndpoints.getQuota, async ({ gateway, principal, query }) => {
    const shown = await gateway.tenancy.quotas.show(principal, query.tenant);
    return shown.ok ? { ok: true, reply: quotaReply(shown.value), used: {} } : shown;
  }),
];

const quotaReply = ({ tenantId, account: { limits, counters } }: TenantAccount) => ({
  object: 'quota' as const,
  tenant: tenantId,
  requests: limits.requests,
  tokens: limits.tokens,
  windows: RESOURCES.flatMap((resource) =>
    WINDOWS.map((window) => {
      const { startMs, granted } = counters[resource][window];
      return { resource, window, limit: limits[resource][window], granted, resets_at: seconds(windowEndMs(window, startMs)) };
    }),
  ),
});
