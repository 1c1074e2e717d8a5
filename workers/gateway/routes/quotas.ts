import { QUOTA_WINDOWS } from '../../../src/contract/quota-terms.ts';
import type { ShownLevel } from '../../../src/gateway/tenancy/quota-admin.ts';
import { windowEndMs } from '../../../src/tenancy/quota/window.ts';
import type { Handlers } from '../serve.ts';
import { seconds } from './wire.ts';

export const quotaHandlers = {
  setQuota: async ({ gateway, principal, body: { rules, ...named } }) => {
    const set = await gateway.tenancy.quotas.set(principal, named, rules);
    return set.ok ? { ok: true, reply: quotaReply(set.value), used: {} } : set;
  },
  getQuota: async ({ gateway, principal, query }) => {
    const shown = await gateway.tenancy.quotas.show(principal, query);
    return shown.ok ? { ok: true, reply: quotaReply(shown.value), used: {} } : shown;
  },
} satisfies Partial<Handlers>;

const quotaReply = ({ kind, id, level: { rules, granted, startsMs }, held }: ShownLevel) => ({
  object: 'quota' as const,
  level: kind,
  id,
  rules: [...rules],
  granted: Object.entries(granted).flatMap(([resource, counts]) =>
    QUOTA_WINDOWS.flatMap((window, position) => {
      const units = counts?.[position] ?? 0;
      return units === 0 ? [] : [{ resource, window, granted: units, resets_at: seconds(windowEndMs(window, startsMs[window])) }];
    }),
  ),
  held: held.map(({ rule, units }) => ({ resource: rule.resource, limit: rule.limit, units })),
});
