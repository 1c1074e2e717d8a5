import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { partitionOfAgent } from '../../contract/pools/pool-partition.ts';
import type { AgentPrincipal } from '../../contract/api/principal.ts';
import type { Hmac } from '../../kernel/hmac.ts';
import type { PoolId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import { poolOfToken } from '../../pools/agent-token.ts';
import type { Pools } from './pool-calls.ts';

/** Turns the token of a pool into one of its agents. The pool itself is asked each time: agents are few and patient. */
export class AgentAuthenticator {
  readonly #pools: Pools;
  readonly #hmac: Hmac;
  readonly #isKnown: (id: PoolId) => Promise<boolean>;

  /** `isKnown`: whether this deployment made the id. No other pool's object is addressed (T66). */
  constructor(pools: Pools, hmac: Hmac, isKnown: (id: PoolId) => Promise<boolean>) {
    this.#pools = pools;
    this.#hmac = hmac;
    this.#isKnown = isKnown;
  }

  /** `agentId`: of the caller, where it says so. Refuses with `invalid_api_key`, or with `scope_denied` when the token is another pool's than the one called. */
  async authenticate(token: string, called: string | undefined, agentId = ''): Promise<Outcome<AgentPrincipal>> {
    const poolId = poolOfToken(token);
    if (poolId === undefined) return refuse('invalid_api_key', 'only the agent token of a pool may call here');
    const partition = partitionOfAgent(agentId);
    const isValid = (await this.#isKnown(poolId)) && (await this.#pools(poolId, partition).knows(await this.#hmac.hex(token)));
    if (!isValid) return refuse('invalid_api_key', 'the agent token is not valid');
    if (poolId !== called) return refuse('scope_denied', 'the agent token belongs to another pool');
    return ok({ kind: 'agent', poolId, partition });
  }
}
