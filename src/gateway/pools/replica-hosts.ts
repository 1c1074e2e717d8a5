import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import { POOL_LIMITS } from '../../contract/pools/pool-limits.ts';
import { isForbidden, addressOf, hostName, isLoopback, matchesHost } from '../../contract/api/network-host.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { PoolRecord } from '../../contract/pools/pool-record.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { PoolId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import { contains, parseAddressRange } from '../../contract/api/client-address.ts';

interface HostParts {
  readonly pool: (id: PoolId) => Promise<Outcome<PoolRecord>>;
  /** The host of a URL that names nothing besides; undefined for any other. */
  readonly hostOf: (url: string) => string | undefined;
  readonly clock: Clock;
}

/** Where replicas of pools may be, as their operators say: agents only claim where theirs are. [P93] */
export class ReplicaHosts {
  readonly #parts: HostParts;
  readonly #known = new Map<PoolId, { readonly patterns: readonly string[]; readonly readAtMs: number }>();

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  /** Refuses with `address_denied` a URL that the gateway shall not call for an agent of the pool that calls from this address. */
  async check(poolId: PoolId, url: string, agentAddress: string | undefined): Promise<Outcome<null>> {
    const host = this.#parts.hostOf(url);
    if (host === undefined || isForbidden(host))
      return refuse('address_denied', `no replica can be at ${url}: give its scheme, host and port alone`, ['serving', 'url']);
    const patterns = await this.#patterns(poolId);
    if (!patterns.ok) return patterns;
    if (mayServeAt(host, patterns.value, agentAddress)) return ok(null);
    const advice = 'operators name such hosts in replica_hosts of the pool';
    return refuse('address_denied', `replicas of the pool may not be at ${host}: ${advice}`, ['serving', 'url']);
  }

  async #patterns(poolId: PoolId): Promise<Outcome<readonly string[]>> {
    const nowMs = this.#parts.clock.nowMs();
    const known = this.#known.get(poolId);
    if (known !== undefined && nowMs < known.readAtMs + POOL_LIMITS.poolSettingsViewMs) return ok(known.patterns);
    const pool = await this.#parts.pool(poolId);
    if (!pool.ok) return pool;
    const patterns = pool.value.settings?.replicaHosts ?? [];
    if (this.#known.size >= JOB_LIMITS.poolsMaxCount) this.#known.clear();
    this.#known.set(poolId, { patterns, readAtMs: nowMs });
    return ok(patterns);
  }
}

/**
 * Whether the gateway may call a replica at a host: one of those that the operators of its pool name, or the very address from which its agent
 * calls, which may be this machine's own. Never one at which networks answer for themselves, whatever is named. [P93]
 */
export function mayServeAt(host: string, patterns: readonly string[], agentAddress: string | undefined): boolean {
  const name = hostName(host);
  if (isForbidden(name)) return false;
  if (agentAddress !== undefined && isLoopback(name) && isLoopback(agentAddress)) return true;
  const address = addressOf(name);
  const agent = agentAddress === undefined ? undefined : parseAddressRange(agentAddress);
  if (agent !== undefined && address !== undefined && contains(agent, address)) return true;
  return patterns.some((pattern) => matchesHost(name, pattern));
}
