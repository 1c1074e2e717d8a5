import { LIMITS } from '../../../src/contract/limits.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { TenantPrincipal } from '../../../src/contract/principal.ts';
import type { UpstreamCalls } from '../../../src/gateway/upstreams/upstream-admin.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { VisibleTargets } from '../../../src/upstreams/resolve.ts';
import type { Target } from '../../../src/upstreams/target.ts';
import type { UpstreamOwner, UpstreamRecord } from '../../../src/upstreams/upstream-record.ts';
import { PLATFORM } from '../../../src/upstreams/upstream-record.ts';

/** The targets that a tenant sees, as they are stored. */
export const storedTargets =
  (upstreams: (owner: UpstreamOwner) => UpstreamCalls) =>
  async ({ tenantId }: TenantPrincipal): Promise<Outcome<VisibleTargets>> => {
    const [own, platform] = await Promise.all(
      [tenantId, PLATFORM].map(async (owner) => targetsOf(owner, await upstreams(owner).page('', LIMITS.upstreamsMaxCount))),
    );
    return ok({ own: own ?? [], platform: platform ?? [] });
  };

const targetsOf = (owner: UpstreamOwner, records: readonly UpstreamRecord[]): Target[] =>
  records.flatMap(({ name, protocol, baseUrl, weight, limits, timeouts, models }) =>
    models.map((model) => ({ upstreamId: `${owner}/${name}`, upstream: name, protocol, baseUrl, weight, limits, timeouts, model })),
  );
