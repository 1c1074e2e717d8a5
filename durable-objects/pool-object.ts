import { DurableObject } from 'cloudflare:workers';
import type { AttemptNews, Grant, Progress } from '../src/contract/attempt.ts';
import { jobOfAttempt } from '../src/contract/attempt.ts';
import { LIMITS } from '../src/contract/limits.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import { refuse, refuseBeyond } from '../src/contract/outcome.ts';
import { must } from '../src/kernel/assert.ts';
import { constantTimeEqual } from '../src/kernel/hmac.ts';
import { base32 } from '../src/kernel/ids.ts';
import type { AttemptId, PoolId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import { extended, holds, swept } from '../src/pools/agent-lease.ts';
import type { AgentId, AgentLease } from '../src/pools/agent-lease.ts';
import type { ObjectsEnv, PoolStub } from './env.ts';
import type { Served } from './object-namespace.ts';
import { SCHEDULER_CELL } from './env.ts';
import { LeaseNews } from '../src/pools/lease-news.ts';
import { SqlitePoolStore } from '../src/pools/sqlite-pool-store.ts';
import { WaitingAgents, WorkClaim } from './work-claim.ts';

const BATCH = LIMITS.schedulerBatchMaxCount;

/** One pool: its agents, and which attempt each of them holds. Speaks to the scheduler for all of them, in batches. */
export class PoolObject extends DurableObject<ObjectsEnv> implements Served<PoolStub> {
  readonly #store = new SqlitePoolStore(this.ctx.storage);
  readonly #waiting = new WaitingAgents();
  readonly #news = new LeaseNews(this.#store, (news) => this.#scheduler().report(this.#id(), news), { nowMs: () => Date.now() });
  readonly #claim = new WorkClaim({
    store: this.#store,
    waiting: this.#waiting,
    fetch: (count) => this.#scheduler().claim(this.#id(), count),
    onAssigned: () => this.#arm(),
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

  /** The attempt that the agent holds, or waits up to `waitMs` for one. Refuses an unknown agent with `state_conflict`. */
  async lease(agentId: AgentId, waitMs: number): Promise<Outcome<Grant | null>> {
    if (!this.#store.sawAgent(agentId, Date.now())) return refuse('state_conflict', 'the pool does not know this agent: register first');
    const deadlineMs = Date.now() + waitMs;
    for (let held = this.#store.heldBy(agentId); ; held = this.#store.heldBy(agentId)) {
      if (held !== undefined) return ok(held.grant);
      const leftMs = Math.max(0, deadlineMs - Date.now());
      const waiter = this.#waiting.join(agentId);
      try {
        await this.#claim.run();
        const called = await waiter.until(Math.min(leftMs, LIMITS.poolSyncMs));
        if (called || leftMs === 0) return ok(this.#store.heldBy(agentId)?.grant ?? null);
      } finally {
        this.#waiting.leave(waiter);
      }
    }
  }

  heartbeat(attemptId: AttemptId, fence: number, progress: Progress): Outcome<AgentLease['command']> {
    const lease = this.#store.find(attemptId);
    if (!holds(lease, fence)) return stale(attemptId);
    const alive = extended(lease, progress, Date.now());
    this.#store.save(alive);
    // The first sign of life makes the job `running`; later ones travel with the next sync.
    if (lease.progress === null) this.ctx.waitUntil(this.#news.tell([alive]));
    return ok(lease.command);
  }

  /** The attempt, if the fence shows that its agent still holds it. */
  held(attemptId: AttemptId, fence: number): Outcome<Grant> {
    const lease = this.#store.find(attemptId);
    return holds(lease, fence) ? ok(lease.grant) : stale(attemptId);
  }

  /** Ends an attempt; answered once the scheduler has it on record. A repeated end is answered as the first time. */
  async end(attemptId: AttemptId, fence: number, news: Exclude<AttemptNews, { kind: 'progress' }>): Promise<Outcome<null>> {
    const lease = this.#store.find(attemptId);
    if (lease !== undefined && !holds(lease, fence)) return stale(attemptId);
    const [verdict] = await this.#scheduler().report(this.#id(), [{ jobId: jobOfAttempt(attemptId), fence, ...news }]);
    this.#store.remove(attemptId);
    return verdict === 'accepted' ? ok(null) : stale(attemptId);
  }

  summary(): { readonly agents: number; readonly running: number } {
    if (this.#store.identity() === undefined) return { agents: 0, running: 0 };
    return { agents: this.#store.agentCount(), running: this.#store.leaseCount() };
  }

  /** There may be work, or news of attempts. */
  async nudge(about: 'work' | 'attempts'): Promise<void> {
    if (this.#store.identity() === undefined) return;
    if (about === 'work') await this.#claim.run();
    else await this.#news.tell(this.#store.unsynced(Date.now() + 1, BATCH));
  }

  /** Takes attempts from silent agents, and reports to the scheduler everything that has not been reported for half a period. */
  override async alarm(): Promise<void> {
    this.#alarmAtMs = 0;
    const nowMs = Date.now();
    for (const lease of this.#store.ended(nowMs, BATCH)) this.#store.save(swept(lease, nowMs));
    // Armed before the scheduler is asked: a failing call must not end the rhythm.
    await this.#arm();
    for (let leases; (leases = this.#store.unsynced(nowMs - LIMITS.poolSyncMs / 2, BATCH)).length > 0;) await this.#news.tell(leases);
  }

  /** Keeps the alarm ringing every `poolSyncMs` while there are leases. */
  async #arm(): Promise<void> {
    const nowMs = Date.now();
    if (this.#alarmAtMs > nowMs || !this.#store.hasLeases()) return;
    this.#alarmAtMs = nowMs + LIMITS.poolSyncMs;
    await this.ctx.storage.setAlarm(this.#alarmAtMs);
  }

  #scheduler() {
    return this.env.SCHEDULER.get(this.env.SCHEDULER.idFromName(SCHEDULER_CELL));
  }

  #id(): PoolId {
    return must(this.#store.identity(), 'only the agents of a pool that exists get here').id;
  }
}

const stale = (attemptId: AttemptId) => refuse('stale_fence', `attempt ${attemptId} was given to another agent: drop it`);
