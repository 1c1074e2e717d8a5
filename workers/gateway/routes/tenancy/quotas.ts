import { QUOTA_WINDOWS } from '../../../../src/contract/tenancy/quota-terms.ts';
import type { ShownLevel } from '../../../../src/gateway/tenancy/quota-admin.ts';
import { windowEndMs } from '../../../../src/tenancy/quota/window.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { replied, seconds } from '../wire.ts';

export const quotaHandlers = {
  setQuota: ({ gateway, principal, body: { rules, ...named } }) => replied(gateway.tenancy.quotas.set(principal, named, rules), quotaReply),
  getQuota: ({ gateway, principal, query }) => replied(gateway.tenancy.quotas.show(principal, query), quotaReply),
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
