import type { AttemptEnding, Checkpoint, Grant, Serving, Throughput } from '../../contract/attempt.ts';
import type { Progress } from '../../contract/attempt-report.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { PoolNode } from '../../contract/pool-exchange.ts';
import type { AttemptId, PoolId } from '../../kernel/ids.ts';
import type { AgentId, HeartbeatReply } from '../../pools/agent-lease.ts';

/** One pool, as the gateway calls it. */
export interface PoolDesk {
  create(id: PoolId, tokenMac: string): Promise<void>;
  /** Replaces the token; the former is accepted until then. The same token again changes nothing: until when the former is accepted. */
  rotateToken(tokenMac: string, graceMs: number): Promise<Outcome<number>>;
  /** Forgets everything. */
  erase(): Promise<void>;
  knows(tokenMac: string): Promise<boolean>;
  register(node: Omit<PoolNode, 'id'>): Promise<Outcome<AgentId>>;
  /** `holding`: the attempts that the agent runs; without it, the agent runs one at a time. */
  lease(agentId: AgentId, waitMs: number, holding?: readonly AttemptId[]): Promise<Outcome<Grant | null>>;
  heartbeat(
    attemptId: AttemptId,
    fence: number,
    progress: Progress | null,
    run?: string,
    throughput?: Throughput,
    serving?: Serving,
  ): Promise<Outcome<HeartbeatReply>>;
  /** How many agents of a provider there should be, as soon as that is not `known`, or after the wait. */
  demand(provider: string, known: number | undefined, waitMs: number): Promise<number>;
  held(attemptId: AttemptId, fence: number): Promise<Outcome<Grant>>;
  meet(attemptId: AttemptId, fence: number, address: string, version?: number): Promise<Outcome<readonly string[] | null>>;
  saved(attemptId: AttemptId, fence: number, checkpoint: Checkpoint): Promise<Outcome<null>>;
  end(attemptId: AttemptId, fence: number, ending: AttemptEnding): Promise<Outcome<null>>;
  summary(): Promise<{ readonly agents: number; readonly running: number }>;
}

/** `partition`: which of the objects of a pool; absent: the root. */
export type Pools = (id: PoolId, partition?: number) => PoolDesk;
