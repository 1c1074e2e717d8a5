import { DurableObject } from 'cloudflare:workers';
import type { AttemptEnding, Checkpoint, Grant } from '../src/contract/attempt.ts';
import { LIMITS } from '../src/contract/limits.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import type { PoolNode } from '../src/contract/pool-exchange.ts';
import type { AttemptId, PoolId } from '../src/kernel/ids.ts';
import type { AgentId, HeartbeatReply } from '../src/pools/agent-lease.ts';
import { PoolSync } from '../src/pools/pool-sync.ts';
import { SqlitePoolStore } from '../src/pools/sqlite-pool-store.ts';
import { AgentService, isProvider } from './agent-service.ts';
import type { ObjectsEnv, PoolStub } from './env.ts';
import { SCHEDULER_CELL } from './env.ts';
import type { Served } from './object-namespace.ts';
import { WaitingAgents } from './waiting-agents.ts';

/** One pool: its agents, and which attempt each of them holds. Speaks to the scheduler for all of them, in batches. */
export class PoolObject extends DurableObject<ObjectsEnv> implements Served<PoolStub> {
  readonly #store = new SqlitePoolStore(this.ctx.storage);
  readonly #waiting = new WaitingAgents();
  readonly #sync = new PoolSync({
    store: this.#store,
    exchange: (message) => this.env.SCHEDULER.get(this.env.SCHEDULER.idFromName(SCHEDULER_CELL)).exchange(message),
    clock: { nowMs: () => Date.now() },
    pause: (ms) => scheduler.wait(ms),
    onAssigned: (agentId) => this.#waiting.call(agentId),
    onGone: () => this.erase(),
    onRetired: (agentId) => this.#waiting.call(agentId),
    onScaled: () => this.#waiting.callAll(isProvider),
  });
  readonly #agents = new AgentService({
    store: this.#store,
    waiting: this.#waiting,
    sync: this.#sync,
    arm: () => this.#arm(),
    later: (work) => this.ctx.waitUntil(work),
  });
  /** When the alarm is known to ring; in the past when that is not known. */
  #alarmAtMs = 0;

  create(id: PoolId, tokenMac: string): void {
    this.#store.create({ id, tokenMac });
  }

  /** Whether the pool exists and this is the digest of a token of its agents. */
  knows(tokenMac: string): boolean {
    return this.#store.accepts(tokenMac, Date.now());
  }

  /** Replaces the token; the former is accepted for the grace: until when. */
  rotateToken(tokenMac: string, graceMs: number): Outcome<number> {
    return this.ctx.storage.transactionSync(() => this.#store.rotateToken(tokenMac, graceMs, Date.now()));
  }

  /** The pool was deleted: nothing of it stays, and its agents are turned away. */
  async erase(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#store.forget();
    this.#waiting.callAll();
  }

  register(node: Omit<PoolNode, 'id'>): Outcome<AgentId> {
    return this.#agents.register(node);
  }

  lease(agentId: AgentId, waitMs: number, holding?: readonly AttemptId[]): Promise<Outcome<Grant | null>> {
    return this.#agents.lease(agentId, waitMs, holding);
  }

  heartbeat(...heartbeat: Parameters<AgentService['heartbeat']>): Outcome<HeartbeatReply> {
    return this.#agents.heartbeat(...heartbeat);
  }

  held(attemptId: AttemptId, fence: number): Outcome<Grant> {
    return this.#agents.held(attemptId, fence);
  }

  meet(...meeting: Parameters<AgentService['meet']>): Outcome<readonly string[] | null> {
    return this.#agents.meet(...meeting);
  }

  saved(attemptId: AttemptId, fence: number, checkpoint: Checkpoint): Promise<Outcome<null>> {
    return this.#agents.saved(attemptId, fence, checkpoint);
  }

  end(attemptId: AttemptId, fence: number, ending: AttemptEnding): Promise<Outcome<null>> {
    return this.#agents.end(attemptId, fence, ending);
  }

  demand(provider: string, known: number | undefined, waitMs: number): Promise<number> {
    return this.#agents.demand(provider, known, waitMs);
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
    if (this.#alarmAtMs > nowMs || this.#store.identity() === undefined || !this.#store.isBusy()) return;
    this.#alarmAtMs = nowMs + LIMITS.poolSyncMs;
    await this.ctx.storage.setAlarm(this.#alarmAtMs);
  }
}
