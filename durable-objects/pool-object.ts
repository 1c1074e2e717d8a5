import { DurableObject } from 'cloudflare:workers';
import type { AttemptEnding, Grant, Progress } from '../src/contract/attempt.ts';
import { jobOfAttempt } from '../src/contract/attempt.ts';
import { LIMITS } from '../src/contract/limits.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import { refuse, refuseBeyond } from '../src/contract/outcome.ts';
import { constantTimeEqual } from '../src/kernel/hmac.ts';
import { base32 } from '../src/kernel/ids.ts';
import type { AttemptId, PoolId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import { ended, heard, holds } from '../src/pools/agent-lease.ts';
import type { AgentId, HeartbeatReply } from '../src/pools/agent-lease.ts';
import type { ObjectsEnv, PoolStub } from './env.ts';
import type { Served } from './object-namespace.ts';
import { SCHEDULER_CELL } from './env.ts';
import { PoolSync } from '../src/pools/pool-sync.ts';
import { SqlitePoolStore } from '../src/pools/sqlite-pool-store.ts';
import { WaitingAgents } from './waiting-agents.ts';

/** One pool: its agents, and which attempt each of them holds. Speaks to the scheduler for all of them, in batches. */
export class PoolObject extends DurableObject<ObjectsEnv> implements Served<PoolStub> {
  readonly #store = new SqlitePoolStore(this.ctx.storage);
  readonly #waiting = new WaitingAgents();
  readonly #sync = new PoolSync({
    store: this.#store,
    exchange: (message) => this.env.SCHEDULER.get(this.env.SCHEDULER.idFromName(SCHEDULER_CELL)).exchange(message),
    clock: { nowMs: () => Date.now() },
    onAssigned: (agentId) => this.#waiting.call(agentId),
  });
  /** When the alarm is known to ring; in the past when that is not known. */
  #alarmAtMs = 0;

  create(id: PoolId, tokenMac: string): void {
    this.#store.create({ id, tokenMac });
  }

  /** Whether the pool exists and this is the digest of its agents' token. */
  knows(tokenMac: string): boolean {
    const pool = this.#store.identity();
    return pool !== undefined && constantTimeEqual(pool.tokenMac, tokenMac);
  }

  register(name: string): Outcome<AgentId> {
    this.#store.forgetAgents(Date.now());
    const count = this.#store.agentCount();
    if (count >= LIMITS.agentsMaxCount)
      return refuseBeyond({ limit: 'agentsMaxCount', value: count + 1, what: `the pool has ${count} agents already` });
    const id = `agt_${base32(crypto.getRandomValues(new Uint8Array(16)))}` as AgentId;
    this.#store.addAgent(id, name, Date.now());
    return ok(id);
  }

  /**
   * The attempt that the agent holds, or waits up to `waitMs` for one. As long as it asks, it is a node of the scheduler; one that does not
   * come back within `agentReturnMs` is none any more. Refuses an unknown agent with `state_conflict`.
   */
  async lease(agentId: AgentId, waitMs: number): Promise<Outcome<Grant | null>> {
    const deadlineMs = Date.now() + waitMs;
    if (!this.#store.sawAgent(agentId, Date.now(), deadlineMs + LIMITS.agentReturnMs))
      return refuse('state_conflict', 'the pool does not know this agent: register first');
    const waiter = this.#waiting.join(agentId);
    try {
      if (this.#store.heldBy(agentId) === undefined) {
        if (!this.#store.isJoined(agentId) || this.#store.hasEnded()) await this.#sync.run();
        await this.#arm();
        await waiter.until(Math.max(0, deadlineMs - Date.now()));
      }
    } finally {
      this.#waiting.leave(waiter);
    }
    if (waitMs === 0 && this.#store.heldBy(agentId) === undefined) {
      // It asked whether there is work, and waits for none.
      this.#store.leaves(agentId);
      await this.#sync.run();
    }
    return ok(this.#store.take(agentId, Date.now()) ?? null);
  }

  heartbeat(attemptId: AttemptId, fence: number, progress: Progress | null, run?: string): Outcome<HeartbeatReply> {
    const lease = this.#store.find(attemptId);
    const alive = holds(lease, fence) ? heard(lease, progress, run, Date.now()) : undefined;
    if (lease === undefined || alive === undefined) return stale(attemptId);
    const isFirst = lease.progress === null && alive.progress !== null;
    if (alive !== lease) {
      this.#store.save(alive, isFirst);
      this.#store.sawAgent(lease.agentId, Date.now(), alive.leaseUntilMs);
    }
    // The first sign of life makes the job `running`; later ones travel with the next sync.
    if (isFirst) this.ctx.waitUntil(this.#sync.run().catch(() => undefined));
    return ok({ command: alive.command, run: alive.run ?? null });
  }

  /** The attempt, if the fence shows that its agent still holds it. */
  held(attemptId: AttemptId, fence: number): Outcome<Grant> {
    const lease = this.#store.find(attemptId);
    return holds(lease, fence) ? ok(lease.grant) : stale(attemptId);
  }

  /** Ends an attempt; answered once the scheduler has it on record. A repeated end is answered as the first time. */
  async end(attemptId: AttemptId, fence: number, ending: AttemptEnding): Promise<Outcome<null>> {
    const lease = this.#store.find(attemptId);
    if (lease?.lost === true ? lease.ending === undefined : lease !== undefined && !holds(lease, fence)) return stale(attemptId);
    if (holds(lease, fence)) {
      // Written down first: the scheduler hears of it even if this call is cut off.
      this.#store.save(ended(lease, ending));
      this.#store.leaves(lease.agentId);
    }
    const verdict = await this.#sync.ask({ jobId: jobOfAttempt(attemptId), fence, ...ending });
    return verdict === 'accepted' ? ok(null) : stale(attemptId);
  }

  summary(): { readonly agents: number; readonly running: number } {
    if (this.#store.identity() === undefined) return { agents: 0, running: 0 };
    return { agents: this.#store.agentCount(), running: this.#store.leaseCount() };
  }

  /** The scheduler has something for the pool to do. */
  async nudge(): Promise<void> {
    if (this.#store.identity() === undefined) return;
    await this.#sync.run();
    await this.#arm();
  }

  /** Takes attempts from silent agents, reports all news to the scheduler, and shows it that the pool is there. */
  override async alarm(): Promise<void> {
    if (this.#store.identity() === undefined) return;
    this.#alarmAtMs = 0;
    // Armed before the scheduler is asked: a failing call must not end the rhythm.
    await this.#arm();
    await this.#sync.run();
  }

  /** Keeps the alarm ringing every `poolSyncMs` while there are agents or leases. */
  async #arm(): Promise<void> {
    const nowMs = Date.now();
    if (this.#alarmAtMs > nowMs || !this.#store.isBusy()) return;
    this.#alarmAtMs = nowMs + LIMITS.poolSyncMs;
    await this.ctx.storage.setAlarm(this.#alarmAtMs);
  }
}

const stale = (attemptId: AttemptId) => refuse('stale_fence', `attempt ${attemptId} was given to another agent: drop it`);
