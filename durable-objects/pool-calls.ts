import type { Grant } from '../src/contract/jobs/attempt.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { PoolNode } from '../src/contract/pools/pool-exchange.ts';
import type { AttemptId, PoolId } from '../src/kernel/ids.ts';
import type { AgentId, AgentLease, AttemptCalls } from '../src/pools/agent-lease.ts';
import type { AcceptedTokens } from '../src/pools/sqlite-pool-tokens.ts';

// What the scheduler asks of the objects of a pool, and what those ask of each other.

export interface PoolSummary {
  readonly agents: number;
  readonly running: number;
}

/** Which attempt the members of a gang are at. */
export type GangKey = Pick<Grant, 'jobId' | 'fence'>;

/** What one object of a pool answers another. */
export interface PartitionAnswers {
  /** Of the root; null: the pool was deleted. */
  tokens(): AcceptedTokens | null;
  has(attemptId: AttemptId): boolean;
  membersOf(gang: GangKey): Promise<readonly AgentLease[]>;
  membersHere(gang: GangKey): readonly AgentLease[];
  joinedHere(provider: string): number;
}

export type PartitionQuestion = keyof PartitionAnswers;

export interface PoolStub extends AttemptCalls {
  nudge(): Promise<void>;
  /** Registers an agent in a partition, which is opened if it is not there. */
  admit(poolId: PoolId, partition: number, node: Omit<PoolNode, 'id'>, former?: AgentId): Promise<Outcome<AgentId>>;
  /** The root's providers are to be answered anew. */
  rescaled(): Promise<void>;
  ask<Name extends PartitionQuestion>(
    name: Name,
    ...args: Parameters<PartitionAnswers[Name]>
  ): Promise<Awaited<ReturnType<PartitionAnswers[Name]>>>;
  summary(): Promise<PoolSummary>;
  erase(): Promise<void>;
}
