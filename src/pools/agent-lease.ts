import type { Grant, Progress } from '../contract/attempt.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Brand } from '../kernel/ids.ts';

export type AgentId = Brand<'AgentId'>;

/** An attempt in the hands of an agent. Plain data: it is stored as one row. */
export interface AgentLease {
  readonly grant: Grant;
  readonly agentId: AgentId;
  /** An agent that says nothing until then has lost the attempt. */
  readonly leaseUntilMs: number;
  /** Null until the agent's first heartbeat. */
  readonly progress: Progress | null;
  /** The instruction in the reply to the agent's next heartbeat. */
  readonly command: 'continue' | 'cancel';
  /** Taken from the agent; kept until the scheduler knows. */
  readonly lost: boolean;
}

/** Hands an attempt to an agent. */
export const assign = (grant: Grant, agentId: AgentId, nowMs: number): AgentLease => ({
  grant,
  agentId,
  leaseUntilMs: nowMs + LIMITS.agentLeaseMs,
  progress: null,
  command: 'continue',
  lost: false,
});

/** Whether `fence` holds this lease. */
export const holds = (lease: AgentLease | undefined, fence: number): lease is AgentLease =>
  lease !== undefined && !lease.lost && lease.grant.fence === fence;

/** The lease after a sign of life. */
export const extended = (lease: AgentLease, progress: Progress, nowMs: number): AgentLease => ({
  ...lease,
  progress,
  // A clock that was set back must not shorten a lease.
  leaseUntilMs: Math.max(lease.leaseUntilMs, nowMs + LIMITS.agentLeaseMs),
});

/** Takes the attempt from an agent that let the lease run out. */
export const swept = (lease: AgentLease, nowMs: number): AgentLease => (nowMs >= lease.leaseUntilMs ? { ...lease, lost: true } : lease);
