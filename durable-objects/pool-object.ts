import { DurableObject } from 'cloudflare:workers';
import type { AttemptEnding, Checkpoint, Grant } from '../src/contract/jobs/attempt.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { LeasedWork, PoolNode } from '../src/contract/pools/pool-exchange.ts';
import type { AttemptId, PoolId } from '../src/kernel/ids.ts';
import type { AgentId, HeartbeatReply } from '../src/pools/agent-lease.ts';
import { PoolSync } from '../src/pools/pool-sync.ts';
import { SqlitePoolStore } from '../src/pools/sqlite-pool-store.ts';
import { SqlitePoolTokens } from '../src/pools/sqlite-pool-tokens.ts';
import { AgentService, isProvider } from './agent-service.ts';
import type { ObjectsEnv } from './env.ts';
import { SCHEDULER_CELL } from './env.ts';
import type { Served } from './object-namespace.ts';
import type { PartitionAnswers, PartitionQuestion, PoolStub, PoolSummary } from './pool-calls.ts';
import { PoolPartitions } from './pool-partitions.ts';
import { PoolRhythm } from './pool-rhythm.ts';
import { WaitingAgents } from './waiting-agents.ts';

/** A partition of a pool: its agents, and which attempt each of them holds. Speaks to the scheduler for all of them, in batches. */
export class PoolObject extends DurableObject<ObjectsEnv> implements Served<PoolStub> {
  readonly #store = new SqlitePoolStore(this.ctx.storage);
  readonly #tokens = new SqlitePoolTokens(this.ctx.storage, this.#store);
  readonly #partitions = new PoolPartitions(this.#store, this.#tokens, this.env.POOL);
  readonly #waiting = new WaitingAgents();
  readonly #rhythm = new PoolRhythm(this.ctx.storage, this.#store);
  readonly #sync = new PoolSync({
    store: this.#store,
    exchange: (message) => this.#rhythm.lag.during(this.env.SCHEDULER.get(this.env.SCHEDULER.idFromName(SCHEDULER_CELL)).exchange(message)),
    clock: { nowMs: () => Date.now() },
    pause: (ms) => scheduler.wait(ms),
    judgedMs: () => this.#rhythm.lag.judgedMs(),
    onAssigned: (agentId) => this.#waiting.call(agentId),
    onGone: () => this.erase(),
    onRetired: (agentId) => this.#waiting.call(agentId),
    onScaled: () => (this.#partitions.isRoot ? this.rescaled() : this.ctx.waitUntil(this.#partitions.root.rescaled())),
  });
  readonly #agents = new AgentService({
    store: this.#store,
    waiting: this.#waiting,
    sync: this.#sync,
    partitions: this.#partitions,
    rhythm: this.#rhythm,
    later: (work) => this.ctx.waitUntil(work),
  });

  /** Once; whether the token is the pool's: it may have been replaced since. */
  create(id: PoolId, tokenMac: string): boolean {
    this.#store.create({ id, tokenMac });
    return this.#tokens.accepted()?.mac === tokenMac;
  }

  /** Whether the pool exists and this is the digest of a token of its agents. */
  knows(tokenMac: string): Promise<boolean> {
    return this.#partitions.knows(tokenMac);
  }

  /** Replaces the token; the former is accepted for the grace: until when. */
  rotateToken(tokenMac: string, graceMs: number): Outcome<number> {
    return this.ctx.storage.transactionSync(() => this.#tokens.rotate(tokenMac, graceMs, Date.now()));
  }

  /** The pool was deleted: nothing of it stays, and its agents are turned away. */
  async erase(): Promise<void> {
    // One that cannot be reached learns of it when it next reports.
    await Promise.allSettled(this.#partitions.others.map((other) => other.erase()));
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#store.forget();
    this.#partitions.forget();
    this.#waiting.callAll();
  }

  register(node: Omit<PoolNode, 'id'>, former?: AgentId): Promise<Outcome<AgentId>> {
    return this.#partitions.register(node, former, () => this.#agents.register(node, former));
  }

  admit(poolId: PoolId, partition: number, node: Omit<PoolNode, 'id'>, former?: AgentId): Outcome<AgentId> {
    this.#store.create({ id: poolId, tokenMac: '', partition });
    return this.#agents.register(node, former);
  }

  lease(...args: Parameters<AgentService['lease']>): Promise<Outcome<LeasedWork>> {
    return this.#agents.lease(...args);
  }

  async heartbeat(...args: Parameters<AgentService['heartbeat']>): Promise<Outcome<HeartbeatReply>> {
    return (await this.#holderOf(args[0])).heartbeat(...args);
  }

  async held(attemptId: AttemptId, fence: number): Promise<Outcome<Grant>> {
    return (await this.#holderOf(attemptId)).held(attemptId, fence);
  }

  async meet(...args: Parameters<AgentService['meet']>): Promise<Outcome<readonly string[] | null>> {
    return (await this.#holderOf(args[0])).meet(...args);
  }

  async saved(attemptId: AttemptId, fence: number, checkpoint: Checkpoint): Promise<Outcome<null>> {
    return (await this.#holderOf(attemptId)).saved(attemptId, fence, checkpoint);
  }

  async end(attemptId: AttemptId, fence: number, ending: AttemptEnding): Promise<Outcome<null>> {
    return (await this.#holderOf(attemptId)).end(attemptId, fence, ending);
  }

  /** What other objects of the pool ask this one. */
  ask<Name extends PartitionQuestion>(name: Name, ...args: Parameters<PartitionAnswers[Name]>): ReturnType<PartitionAnswers[Name]> {
    return this.#partitions.answer(name, args);
  }

  rescaled(): void {
    this.#waiting.callAll(isProvider);
  }

  demand(provider: string, known: number | undefined, waitMs: number): Promise<number> {
    return this.#agents.demand(provider, known, waitMs);
  }

  summary(): Promise<PoolSummary> {
    return this.#partitions.summary();
  }

  /** The scheduler has something for the pool to do. */
  async nudge(): Promise<void> {
    if (this.#store.identity() === undefined) return;
    await this.#sync.run();
    await this.#rhythm.arm();
  }

  /** Takes attempts from silent agents, reports all news to the scheduler, and shows it that the pool is there. */
  override async alarm(): Promise<void> {
    if (this.#store.identity() === undefined) return;
    await this.#rhythm.rang();
    await this.#sync.run();
  }

  async #holderOf(attemptId: AttemptId): Promise<PoolStub | AgentService> {
    return (await this.#partitions.holderOf(attemptId)) ?? this.#agents;
  }
}
