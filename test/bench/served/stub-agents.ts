import type { Grant } from '../../../src/contract/jobs/attempt.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import { POOL_LIMITS } from '../../../src/contract/pools/pool-limits.ts';
import type { AttemptId, PoolId } from '../../../src/kernel/ids.ts';
import type { JobQueue } from '../../../src/gateway/jobs/job-queue.ts';
import type { PoolCalls } from '../../../src/gateway/pools/pool-calls.ts';
import type { AgentId } from '../../../src/pools/agent-lease.ts';
import { poolOf, suiteAgent } from './suite-cell.ts';

/** What agents and their operator call of a pool. */
export type Agents = Pick<PoolCalls, 'create' | 'register' | 'lease' | 'heartbeat' | 'end'>;

/** The scheduler and its pools as callers reach them, and the clock of the callers. */
export interface ServedParts {
  readonly scheduler: Pick<JobQueue, 'submit' | 'addPool'>;
  readonly pool: (id: PoolId) => Agents;
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

const PROGRESS = { completed: 0, failed: 0, total: 1 };
const COMPLETED = { kind: 'completed', progress: { completed: 1, failed: 0, total: 1 }, tokens: 1 } as const;

interface StubAgentsParts {
  readonly served: ServedParts;
  readonly runtimeMsOf: (grant: Grant) => number;
  /** An agent has an attempt and has said so; it has ended, and was the agent's until then, or another's. */
  readonly began?: (grant: Grant, askedAtMs: number) => void;
  readonly ended?: (grant: Grant, tookMs: number) => void;
}

/** Agents that speak to their pools as real ones do, and run nothing: attempts take as long as they are said to. */
export class StubAgents {
  readonly #parts: StubAgentsParts;
  done = 0;
  /** Attempts whose agents were told that they are another's. */
  dropped = 0;
  /** What heartbeats have taken since this was last emptied, in milliseconds. */
  beatsMs: number[] = [];
  #isOver = false;

  constructor(parts: StubAgentsParts) {
    this.#parts = parts;
  }

  stop(): void {
    this.#isOver = true;
  }

  /** Opens so many pools, each with so many agents, and lets them work; rejects when one of them is refused. */
  async work(pools: number, agentsPerPool: number): Promise<void> {
    const { scheduler, pool, nowMs } = this.#parts.served;
    const opened = Array.from({ length: pools }, async (_, n) => {
      const id = poolOf(n);
      accepted(await scheduler.addPool({ id, name: `suite-${n}`, owner: 'bench', createdAtMs: nowMs() }));
      const desk = pool(id);
      await desk.create(id, `mac-${n}`);
      const agents: AgentId[] = [];
      for (let agent = 0; agent < agentsPerPool; agent++)
        agents.push(accepted(await desk.register(suiteAgent(`agent-${agent}`, POOL_LIMITS.agentAttemptsMaxCount))));
      return agents.map((agent) => ({ desk, agent }));
    });
    const all = (await Promise.all(opened)).flat();
    this.working = Promise.all(all.map(({ desk, agent }) => this.#asks(desk, agent)));
  }

  working: Promise<unknown> = Promise.resolve();

  /** An agent: asks for work as long as it has room, and runs what it gets. */
  async #asks(desk: Agents, agent: AgentId): Promise<void> {
    const holding = new Map<AttemptId, Promise<void>>();
    while (!this.#isOver) {
      if (holding.size >= POOL_LIMITS.agentAttemptsMaxCount) await Promise.race(holding.values());
      const { grant } = accepted(await desk.lease(agent, JOB_LIMITS.longPollMsMax, [...holding.keys()]));
      if (grant !== null)
        holding.set(
          grant.attemptId,
          this.#attempt(desk, grant).finally(() => holding.delete(grant.attemptId)),
        );
    }
  }

  /** An attempt: gives signs of life, works for as long as it takes, reports the end. One that was given to another agent is dropped. */
  async #attempt(desk: Agents, grant: Grant): Promise<void> {
    if (await this.#runs(desk, grant)) this.done += 1;
    else this.dropped += 1;
  }

  /** Whether the attempt was this agent's to its end. */
  async #runs(desk: Agents, grant: Grant): Promise<boolean> {
    const { attemptId, fence } = grant;
    const { served, runtimeMsOf, began, ended } = this.#parts;
    const { nowMs, sleep } = served;
    const startedMs = nowMs();
    const endsMs = startedMs + runtimeMsOf(grant);
    for (let first = true; first || nowMs() < endsMs; first = false) {
      if (!(await this.#beats(desk, grant))) return false;
      if (first) began?.(grant, startedMs);
      await sleep(Math.min(endsMs - nowMs(), JOB_LIMITS.agentHeartbeatMs));
    }
    if (isStale(await desk.end(attemptId, fence, COMPLETED))) return false;
    ended?.(grant, nowMs() - startedMs);
    return true;
  }

  async #beats(desk: Agents, { attemptId, fence }: Grant): Promise<boolean> {
    const { nowMs } = this.#parts.served;
    const sentMs = nowMs();
    if (isStale(await desk.heartbeat(attemptId, fence, PROGRESS))) return false;
    this.beatsMs.push(nowMs() - sentMs);
    return true;
  }
}

/** Whether the attempt is another agent's by now. Any other refusal ends the run. */
function isStale(outcome: Outcome<unknown>): boolean {
  if (!outcome.ok && outcome.error.code === 'stale_fence') return true;
  accepted(outcome);
  return false;
}

export function accepted<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
  return outcome.value;
}
