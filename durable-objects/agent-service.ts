import type { AttemptEnding, Checkpoint, Grant, Serving, Throughput } from '../src/contract/jobs/attempt.ts';
import type { Progress } from '../src/contract/jobs/attempt-report.ts';
import { attemptIdOf, isNews, jobOfAttempt, rankOfAttempt } from '../src/contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../src/contract/jobs/job-limits.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import { refuse } from '../src/contract/api/outcome.ts';
import { refuseBeyond } from '../src/contract/limits/limit-refusal.ts';
import type { LeasedWork, NodeWeights, PoolNode } from '../src/contract/pools/pool-exchange.ts';
import { agentIdIn } from '../src/contract/pools/pool-partition.ts';
import type { AttemptId } from '../src/kernel/ids.ts';
import { base32 } from '../src/kernel/ids.ts';
import { must } from '../src/kernel/assert.ts';
import { ok } from '../src/kernel/result.ts';
import type { AgentId, AgentLease, HeartbeatReply } from '../src/pools/agent-lease.ts';
import { ended, renewed, holds, measured, placeOf } from '../src/pools/agent-lease.ts';
import type { PoolSync } from '../src/pools/pool-sync.ts';
import type { AgentStanding, SqlitePoolStore } from '../src/pools/sqlite-pool-store.ts';
import { GroupCommit } from './group-commit.ts';
import type { PoolPartitions } from './pool-partitions.ts';
import type { PoolRhythm } from './pool-rhythm.ts';
import type { WaitingAgents } from './waiting-agents.ts';

/** Providers wait as agents do. */
const PROVIDER = 'provider:';
const providerOf = (name: string): AgentId => `${PROVIDER}${name}` as AgentId;
export const isProvider = (id: AgentId): boolean => id.startsWith(PROVIDER);

interface AgentServiceParts {
  readonly store: SqlitePoolStore;
  readonly waiting: WaitingAgents;
  readonly sync: PoolSync;
  readonly partitions: PoolPartitions;
  /** Keeps the pool's lease at the scheduler while agents wait, and knows how late the object is. */
  readonly rhythm: PoolRhythm;
  /** Lets something go on after the answer. */
  readonly later: (work: Promise<unknown>) => void;
}

type Heartbeat = readonly [
  attemptId: AttemptId,
  fence: number,
  progress: Progress | null,
  run?: string,
  throughput?: Throughput,
  serving?: Serving,
];

/** What the agents of a pool call. What they write when many of them call at once is stored together. [P107] */
export class AgentService {
  readonly #parts: AgentServiceParts;
  readonly #commits = new GroupCommit();

  constructor(parts: AgentServiceParts) {
    this.#parts = parts;
  }

  /** `former`: the id that it has had before, of this partition or another. It has that of this one again, unless the machine is another. [P94] */
  register(node: Omit<PoolNode, 'id'>, former?: AgentId): Outcome<AgentId> {
    if (former !== undefined && this.#parts.store.isBack(former, node, Date.now())) return ok(former);
    this.#parts.store.forgetAgents(Date.now());
    const count = this.#parts.store.agentCount();
    if (count >= JOB_LIMITS.agentsPerPartitionMaxCount)
      return refuseBeyond({ limit: 'agentsPerPartitionMaxCount', value: count + 1, what: `the partition has ${count} agents already` });
    const { partition } = must(this.#parts.store.identity(), 'agents come to a pool');
    const id = agentIdIn(partition, base32(crypto.getRandomValues(new Uint8Array(16)))) as AgentId;
    this.#parts.store.addAgent(id, node, Date.now());
    return ok(id);
  }

  /**
   * An attempt that the agent has and does not name as one it runs, or waits up to `waitMs` for one; where it names none (undefined), it runs
   * one at a time. As long as it asks, it is a node of the scheduler; one that does not come back within `agentReturnMs` and runs nothing is none
   * any more. What it holds of models (undefined: nothing is said of it) travels with the next sync; what it has to forget is answered at once.
   * Refuses an unknown agent with `state_conflict`.
   */
  async lease(
    agentId: AgentId,
    waitMs: number,
    holding?: readonly AttemptId[],
    weights?: readonly NodeWeights[],
  ): Promise<Outcome<LeasedWork>> {
    const deadlineMs = Date.now() + waitMs;
    const besides = holding ?? [];
    const asking = await this.#commits.turn(() => {
      if (this.#isErased) return undefined;
      if (weights !== undefined) this.#parts.store.weights.said(agentId, weights);
      return this.#parts.store.asks(agentId, Date.now(), deadlineMs + JOB_LIMITS.agentReturnMs, holding !== undefined);
    });
    if (asking === undefined) return unknownAgent();
    await this.#others();
    if (this.#isErased) return unknownAgent();
    const waiter = this.#parts.waiting.join(agentId);
    try {
      if (this.#letsGo(agentId, asking)) return retired();
      if (!this.#hasAnswer(agentId, besides, asking)) {
        if (!asking.isJoined || this.#parts.store.hasEnded()) await this.#parts.sync.run();
        await this.#parts.rhythm.arm();
        await waiter.until(Math.max(0, deadlineMs - Date.now()));
      }
    } finally {
      this.#parts.waiting.leave(waiter);
    }
    if (this.#isErased) return unknownAgent();
    if (waitMs === 0 && this.#parts.store.heldBy(agentId, besides) === undefined) {
      // It asked whether there is work, and waits for none.
      this.#parts.store.stopsAsking(agentId);
      await this.#parts.sync.run();
      if (this.#isErased) return unknownAgent();
    }
    return this.#answer(agentId, besides, { isLate: waitMs > 0 && Date.now() > deadlineMs, saysWeights: weights !== undefined });
  }

  /** The pool may be deleted whenever a call waits: nothing is read or written behind that. [P24] */
  get #isErased(): boolean {
    return this.#parts.store.identity() === undefined;
  }

  #answer(
    agentId: AgentId,
    besides: readonly AttemptId[],
    { isLate, saysWeights }: { readonly isLate: boolean; readonly saysWeights: boolean },
  ): Outcome<LeasedWork> {
    // It can come again only once it is answered, however late that is.
    if (isLate) this.#parts.store.asksAgain(agentId, Date.now() + JOB_LIMITS.agentReturnMs);
    const standing = this.#parts.store.standing(agentId);
    if (this.#letsGo(agentId, standing)) return retired();
    const taken = this.#parts.store.take(agentId, besides, Date.now());
    if (taken?.isNew === true) this.#parts.sync.starts.took(Date.now());
    return ok({
      grant: taken?.grant ?? null,
      unload: standing.hasUnloads ? this.#parts.store.weights.takeUnloads(agentId, saysWeights) : [],
    });
  }

  /** Polls let go first what keeps attempts, while the object is behind: heartbeats, and ends. [P123] */
  async #others(): Promise<void> {
    const { lag } = this.#parts.rhythm;
    this.#parts.later(lag.keepKnown());
    const behindMs = lag.presentMs();
    if (behindMs > 0) await scheduler.wait(Math.min(behindMs, JOB_LIMITS.pollPauseMsMax));
  }

  /** Whether the pool has something to answer the agent at once, so that its poll need not wait. */
  #hasAnswer(agentId: AgentId, besides: readonly AttemptId[], { hasUnloads }: AgentStanding): boolean {
    const { store } = this.#parts;
    return store.heldBy(agentId, besides) !== undefined || (hasUnloads && store.weights.hasNewUnload(agentId));
  }

  /** Whether to answer the agent that the pool no longer needs it. True once per agent. */
  #letsGo(agentId: AgentId, { isRetired }: AgentStanding): boolean {
    return isRetired && this.#parts.store.takeRetirement(agentId);
  }

  heartbeat(...beat: Heartbeat): Promise<Outcome<HeartbeatReply>> {
    return this.#commits.turn(() => this.#heartbeat(...beat));
  }

  #heartbeat(...[attemptId, fence, progress, run, throughput, serving]: Heartbeat): Outcome<HeartbeatReply> {
    const lease = this.#parts.store.find(attemptId);
    const alive = holds(lease, fence) ? renewed(lease, progress, run, Date.now()) : undefined;
    if (lease === undefined || alive === undefined) return stale(attemptId);
    const isFirst = lease.progress === null && alive.progress !== null;
    const isServing = isNews(lease.serving, serving);
    if (alive !== lease) {
      const said = serving === undefined ? alive : { ...alive, serving };
      this.#parts.store.save(throughput === undefined ? said : measured(said, throughput));
      this.#parts.store.sawAgent(lease.agentId, Date.now());
    }
    // The first sign of life makes the job `running`, and callers find a replica where it says; all else travels with the next sync.
    if (isFirst || isServing) this.#parts.later(this.#parts.sync.run().catch(() => undefined));
    return ok({ command: alive.command, run: alive.run ?? null, place: placeOf(alive.grant) });
  }

  /** How many agents of a provider there should be, as soon as that is not `known`, or after the wait. */
  async demand(provider: string, known: number | undefined, waitMs: number): Promise<number> {
    const { store, waiting, sync } = this.#parts;
    const deadlineMs = Date.now() + waitMs;
    const waiter = waiting.join(providerOf(provider));
    try {
      await sync.run();
      for (let next = waiter; ; next = waiting.join(providerOf(provider))) {
        const wanted = store.identity() === undefined ? 0 : await this.#wantedOf(provider);
        if (wanted !== known || Date.now() >= deadlineMs || !(await next.until(deadlineMs - Date.now()))) return wanted;
      }
    } finally {
      waiting.leave(waiter);
    }
  }

  /** How many agents of a provider there should be: those that the scheduler counts, and those to come. */
  async #wantedOf(provider: string): Promise<number> {
    const { store, partitions } = this.#parts;
    return store.comingCount() + store.joinedOf(provider) + (await partitions.joinedElsewhere(provider));
  }

  /** The attempt, if the fence shows that its agent still holds it. */
  async held(attemptId: AttemptId, fence: number): Promise<Outcome<Grant>> {
    const { store } = this.#parts;
    const lease = store.find(attemptId);
    if (!holds(lease, fence)) return stale(attemptId);
    // What the attempt has saved meanwhile is with the member that speaks for it.
    const firstId = attemptIdOf(lease.grant.jobId, fence);
    const members = rankOfAttempt(attemptId) === 0 ? [] : await this.#parts.partitions.membersOf(lease.grant);
    const first = members.find(({ grant }) => grant.attemptId === firstId);
    return ok(first === undefined ? lease.grant : { ...lease.grant, checkpoint: first.grant.checkpoint ?? null });
  }

  /** The addresses of all members of a gang of this version, by rank; null until each has said its own. [J140] [J211] */
  async meet(attemptId: AttemptId, fence: number, address: string, version = 0): Promise<Outcome<readonly string[] | null>> {
    const { store } = this.#parts;
    const lease = store.find(attemptId);
    if (!holds(lease, fence)) return stale(attemptId);
    const place = placeOf(lease.grant);
    if (place.version !== version) return ok(null);
    if (lease.address !== address || (lease.metVersion ?? 0) !== version) store.save({ ...lease, address, metVersion: version });
    const addresses = addressesOf(await this.#parts.partitions.membersOf(lease.grant), version);
    return ok(addresses.length === place.worldSize ? addresses : null);
  }

  /** What the job's next attempts begin with; answered once the scheduler has it on record. */
  async saved(attemptId: AttemptId, fence: number, checkpoint: Checkpoint): Promise<Outcome<null>> {
    if (!holds(this.#parts.store.find(attemptId), fence)) return stale(attemptId);
    const verdict = await this.#parts.sync.ask({ ...subject(attemptId, fence), kind: 'saved', checkpoint });
    return verdict === 'accepted' ? ok(null) : stale(attemptId);
  }

  /** Ends an attempt; answered once the scheduler has it on record. A repeated end is answered as the first time. */
  end(attemptId: AttemptId, fence: number, ending: AttemptEnding): Promise<Outcome<null>> {
    return this.#commits.turn(() => this.#end(attemptId, fence, ending));
  }

  async #end(attemptId: AttemptId, fence: number, ending: AttemptEnding): Promise<Outcome<null>> {
    const lease = this.#parts.store.find(attemptId);
    if (lease?.lost === true ? lease.ending === undefined : lease !== undefined && !holds(lease, fence)) return stale(attemptId);
    if (holds(lease, fence)) {
      // Stored first: the pool reports it to the scheduler even if this call is cut off.
      this.#parts.store.save(ended(lease, ending));
      this.#parts.store.ends(lease.agentId, Date.now());
    }
    // The pool reports the ending that it stored first, whatever a repetition says. [P57]
    const recorded = lease?.ending ?? ending;
    if (recorded.kind !== ending.kind) return stale(attemptId);
    const verdict = await this.#parts.sync.ask({ ...subject(attemptId, fence), ...recorded });
    return verdict === 'accepted' ? ok(null) : stale(attemptId);
  }
}

/** Where the members of a group of this version are, by rank, as far as they have said so. */
function addressesOf(members: readonly AgentLease[], version: number): readonly string[] {
  const there = members.filter(({ grant, metVersion = 0 }) => placeOf(grant).version === version && metVersion === version);
  return there.toSorted((a, b) => placeOf(a.grant).rank - placeOf(b.grant).rank).flatMap(({ address }) => address ?? []);
}

const retired = () => refuse('agent_retired', 'the pool needs this agent no more: stop it');

const unknownAgent = () => refuse('state_conflict', 'the pool does not know this agent: register first');

const subject = (attemptId: AttemptId, fence: number) => ({ jobId: jobOfAttempt(attemptId), fence, rank: rankOfAttempt(attemptId) });

const stale = (attemptId: AttemptId) => refuse('stale_fence', `attempt ${attemptId} was given to another agent: drop it`);
