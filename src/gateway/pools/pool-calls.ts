import type { Outcome } from '../../contract/api/outcome.ts';
import type { LeasedWork, NodeWeights, PoolNode } from '../../contract/pools/pool-exchange.ts';
import type { AttemptId, PoolId } from '../../kernel/ids.ts';
import type { AgentId, AttemptCalls } from '../../pools/agent-lease.ts';

/** One pool, as the gateway calls it. */
export interface PoolCalls extends AttemptCalls {
  /** Once; whether the token is the pool's: it may have been replaced since. */
  create(id: PoolId, tokenMac: string): Promise<boolean>;
  /** Replaces the token; the former is accepted until then. The same token again changes nothing: until when the former is accepted. */
  rotateToken(tokenMac: string, graceMs: number): Promise<Outcome<number>>;
  /** Forgets everything. */
  erase(): Promise<void>;
  knows(tokenMac: string): Promise<boolean>;
  /** `former`: the id that the agent has had before. */
  register(node: Omit<PoolNode, 'id'>, former?: AgentId): Promise<Outcome<AgentId>>;
  /** `holding`: the attempts that the agent runs; without it, the agent runs one at a time. `weights`: what it holds; without it, nothing is said. */
  lease(agentId: AgentId, waitMs: number, holding?: readonly AttemptId[], weights?: readonly NodeWeights[]): Promise<Outcome<LeasedWork>>;
  /** How many agents of a provider there should be, as soon as that is not `known`, or after the wait. */
  demand(provider: string, known: number | undefined, waitMs: number): Promise<number>;
  summary(): Promise<{ readonly agents: number; readonly running: number }>;
}

/** `partition`: which of the objects of a pool; absent: the root. */
export type Pools = (id: PoolId, partition?: number) => PoolCalls;
