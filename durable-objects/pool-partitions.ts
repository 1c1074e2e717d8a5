import { JOB_LIMITS } from '../src/contract/jobs/job-limits.ts';
import { TENANCY_LIMITS } from '../src/contract/tenancy/tenancy-limits.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import { refuse } from '../src/contract/api/outcome.ts';
import { refuseBeyond } from '../src/contract/limits/limit-refusal.ts';
import type { PoolNode } from '../src/contract/pools/pool-exchange.ts';
import { partitionName, partitionOfAgent, ROOT_PARTITION } from '../src/contract/pools/pool-partition.ts';
import { assert, must } from '../src/kernel/assert.ts';
import type { AttemptId, PoolId } from '../src/kernel/ids.ts';
import type { AgentId, AgentLease } from '../src/pools/agent-lease.ts';
import type { SqlitePoolStore } from '../src/pools/sqlite-pool-store.ts';
import type { AcceptedTokens, SqlitePoolTokens } from '../src/pools/sqlite-pool-tokens.ts';
import { isAccepted } from '../src/pools/sqlite-pool-tokens.ts';
import type { ObjectNamespace } from './object-namespace.ts';
import type { GangKey, PartitionAnswers, PartitionQuestion, PoolStub, PoolSummary } from './pool-calls.ts';

/** As many as all agents of a pool fill. */
const PARTITIONS_MAX = JOB_LIMITS.agentsMaxCount / JOB_LIMITS.agentsPerPartitionMaxCount;

/**
 * The objects of a pool, as one of them sees the others. The root opens them and answers for all; each has agents of its own, and speaks for
 * them to the scheduler.
 */
export class PoolPartitions implements PartitionAnswers {
  readonly #store: SqlitePoolStore;
  readonly #own: SqlitePoolTokens;
  readonly #pools: ObjectNamespace<PoolStub>;
  #tokens: { readonly tokens: AcceptedTokens | null; readonly atMs: number } | undefined;
  /** The partition that had room for an agent last. */
  #roomy = ROOT_PARTITION;

  constructor(store: SqlitePoolStore, own: SqlitePoolTokens, pools: ObjectNamespace<PoolStub>) {
    this.#store = store;
    this.#own = own;
    this.#pools = pools;
  }

  get isRoot(): boolean {
    return (this.#store.identity()?.partition ?? ROOT_PARTITION) === ROOT_PARTITION;
  }

  get root(): PoolStub {
    return this.#at(this.#poolId, ROOT_PARTITION);
  }

  /** Of a root: its other partitions. */
  get others(): readonly PoolStub[] {
    const pool = this.#store.identity();
    if (pool === undefined || pool.partition !== ROOT_PARTITION) return [];
    return Array.from({ length: pool.partitionCount - 1 }, (_, n) => this.#at(pool.id, n + 1));
  }

  /**
   * Registers an agent: one that comes back in the partition that it was in, and any other in the first that has room; a new one is opened once all
   * are full. `here`: in the root. [P32] [P94]
   */
  async register(node: Omit<PoolNode, 'id'>, former: AgentId | undefined, here: () => Outcome<AgentId>): Promise<Outcome<AgentId>> {
    if (this.#store.identity() === undefined) return refuse('pool_not_found', 'the pool was deleted', 'pool');
    for (const number of this.#inOrder(former)) {
      const answer = number === ROOT_PARTITION ? here() : await this.#admit(number, node, former);
      if (!answer.ok) continue;
      if (answer.value !== former) this.#roomy = number;
      return answer;
    }
    return refuseBeyond({ limit: 'agentsMaxCount', value: JOB_LIMITS.agentsMaxCount + 1, what: 'all partitions of the pool are full' });
  }

  /** Where an agent was, if that is open; then those that are open, from where there was room last; and then others. */
  #inOrder(former: AgentId | undefined): readonly number[] {
    const open = must(this.#store.identity(), 'the pool exists').partitionCount;
    const was = former === undefined ? PARTITIONS_MAX : partitionOfAgent(former);
    const all = Array.from({ length: PARTITIONS_MAX }, (_, n) => (n < open ? (this.#roomy + n) % open : n));
    return was < open ? [was, ...all.filter((number) => number !== was)] : all;
  }

  #admit(number: number, node: Omit<PoolNode, 'id'>, former: AgentId | undefined): Promise<Outcome<AgentId>> {
    // Counted first: a partition that has agents is known to its root.
    this.#store.countPartition(number);
    return this.#at(this.#poolId, number).admit(this.#poolId, number, node, former);
  }

  /** Whether a token is accepted; other partitions know what the root has accepted within the last `keyFreshMs`. [P34] */
  async knows(tokenMac: string): Promise<boolean> {
    const pool = this.#store.identity();
    if (pool === undefined) return false;
    const tokens = pool.partition === ROOT_PARTITION ? this.#own.accepted() : await this.#freshTokens();
    return tokens !== null && isAccepted(tokens, tokenMac, Date.now());
  }

  async #freshTokens(): Promise<AcceptedTokens | null> {
    const nowMs = Date.now();
    const ageMs = nowMs - (this.#tokens?.atMs ?? 0);
    if (this.#tokens === undefined || ageMs < 0 || ageMs >= TENANCY_LIMITS.keyFreshMs)
      this.#tokens = { tokens: await this.root.ask('tokens'), atMs: nowMs };
    return this.#tokens.tokens;
  }

  /** The partition that has an attempt, where the caller did not say which; undefined: this object, or none. */
  async holderOf(attemptId: AttemptId): Promise<PoolStub | undefined> {
    const { others } = this;
    if (others.length === 0 || this.#store.find(attemptId) !== undefined) return undefined;
    const has = await Promise.all(others.map((other) => other.ask('has', attemptId)));
    return others[has.indexOf(true)];
  }

  /** All members of a gang of an attempt, wherever their agents are. [P35] */
  async membersOf({ jobId, fence }: GangKey): Promise<readonly AgentLease[]> {
    if (!this.isRoot) return this.root.ask('membersOf', { jobId, fence });
    const elsewhere = await Promise.all(this.others.map((other) => other.ask('membersHere', { jobId, fence })));
    return [...this.membersHere({ jobId, fence }), ...elsewhere.flat()];
  }

  async summary(): Promise<PoolSummary> {
    const here = this.#isThere ? { agents: this.#store.agentCount(), running: this.#store.leaseCount() } : { agents: 0, running: 0 };
    const all = [here, ...(await Promise.all(this.others.map((other) => other.summary())))];
    return { agents: all.reduce((sum, { agents }) => sum + agents, 0), running: all.reduce((sum, { running }) => sum + running, 0) };
  }

  /** The nodes of a provider in the other partitions. */
  async joinedElsewhere(provider: string): Promise<number> {
    const counts = await Promise.all(this.others.map((other) => other.ask('joinedHere', provider)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Of the root; null: the pool was deleted. */
  tokens(): AcceptedTokens | null {
    return this.#own.accepted();
  }

  has(attemptId: AttemptId): boolean {
    return this.#isThere && this.#store.find(attemptId) !== undefined;
  }

  membersHere(gang: GangKey): readonly AgentLease[] {
    return this.#isThere ? this.#store.membersOf(gang) : [];
  }

  joinedHere(provider: string): number {
    return this.#isThere ? this.#store.joinedOf(provider) : 0;
  }

  /** Answers another object of the pool, by the name of the question as it comes in a call. */
  answer<Name extends PartitionQuestion>(name: Name, args: Parameters<PartitionAnswers[Name]>): ReturnType<PartitionAnswers[Name]> {
    assert(QUESTIONS.includes(name), 'a question has a name');
    const reply = this[name] as (...args: Parameters<PartitionAnswers[Name]>) => ReturnType<PartitionAnswers[Name]>;
    return reply.apply(this, args);
  }

  get #isThere(): boolean {
    return this.#store.identity() !== undefined;
  }

  forget(): void {
    this.#tokens = undefined;
    this.#roomy = ROOT_PARTITION;
  }

  get #poolId(): PoolId {
    return must(this.#store.identity(), 'the pool exists').id;
  }

  #at(poolId: PoolId, number: number): PoolStub {
    return this.#pools.get(this.#pools.idFromName(partitionName(poolId, number)));
  }
}

const QUESTIONS = ['tokens', 'has', 'membersOf', 'membersHere', 'joinedHere'] as const satisfies readonly PartitionQuestion[];
