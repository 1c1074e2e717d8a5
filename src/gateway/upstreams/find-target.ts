import { UPSTREAM_LIMITS } from '../../contract/upstreams/upstream-limits.ts';
import type { Principal } from '../../contract/api/principal.ts';
import type { FindTarget } from '../../upstreams/routes/route-plan.ts';
import type { Target } from '../../upstreams/target.ts';
import { targetName } from '../../upstreams/target.ts';
import type { UpstreamOwner, UpstreamRecord } from '../../upstreams/upstream-record.ts';
import { PLATFORM, targetsOf } from '../../upstreams/upstream-record.ts';

/** Finds targets by name among these: the first of a name hides the others, so a tenant's own come first. */
export function findAmong(targets: readonly Target[]): FindTarget {
  const byName = new Map<string, Target>();
  for (const target of targets) {
    const name = targetName(target);
    if (!byName.has(name)) byName.set(name, target);
  }
  return (name) => byName.get(name);
}

/** The targets that the routes of a caller may name: its own upstreams' and the platform's, of which the admin has the latter alone. */
export const storedTargetFinder =
  (page: (owner: UpstreamOwner, count: number) => Promise<readonly UpstreamRecord[]>) =>
  async (principal: Principal): Promise<FindTarget> => {
    const owners = principal.kind === 'tenant' ? [principal.tenantId, PLATFORM] : [PLATFORM];
    const records = await Promise.all(owners.map((owner) => page(owner, UPSTREAM_LIMITS.upstreamsMaxCount)));
    return findAmong(owners.flatMap((owner, at) => (records[at] ?? []).flatMap((record) => targetsOf(owner, record))));
  };
