import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { beforeEach, expect, it } from 'vitest';
import { SCHEDULER_CELL } from '../../../durable-objects/env.ts';
import type { PoolObject } from '../../../durable-objects/pool-object.ts';
import type { Grant } from '../../../src/contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { partitionOfAgent, ROOT_PARTITION } from '../../../src/contract/pools/pool-partition.ts';
import type { PoolCalls } from '../../../src/gateway/pools/pool-calls.ts';
import type { AttemptId, PoolId } from '../../../src/kernel/ids.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { HOUR_MS } from '../../../src/kernel/time-units.ts';
import type { AgentId } from '../../../src/pools/agent-lease.ts';
import type { JobRequest } from '../../../src/scheduler/served/jobs/job.ts';
import { seeds } from '../../support/fixtures/effort.ts';
import {
  COMPLETED,
  deskOf,
  env,
  fill,
  inStore,
  jobState,
  named,
  newJob,
  newLargePool,
  partition,
  PROGRESS,
  startAlone,
  value,
} from './pool-world.ts';

beforeEach(startAlone);

const JOBS = 6;
const STEPS = 60;
const TRIES_MAX = 100;
const EVICTED = 'evicted by its test';
/** Agents in each of three partitions. */
const ROOM = [1, 2, 2] as const;

/** An attempt as its agent knows it. */
interface Held {
  readonly grant: Grant;
  readonly agent: AgentId;
  /** Its lease was made to end: whatever its agent says of it from now on changes nothing. */
  isTaken: boolean;
  /** When its agent last gave a sign of life. */
  seenAtMs: number;
  /** It may have lost its lease by the slowness of this machine. */
  wasSlow: boolean;
}

/** A pool of three partitions, its agents and their jobs, of which any object loses its memory between any two calls. */
class EvictedPool {
  readonly #random: Seeded;
  readonly #poolId: PoolId;
  readonly #agents: readonly AgentId[];
  readonly #requests: JobRequest[] = [];
  /** What agents hold. */
  readonly #holding = new Map<AgentId, Held>();
  /** All that agents were answered. */
  readonly #known = new Map<AttemptId, Held>();
  /** Attempts whose completion was acknowledged. */
  readonly #completed = new Set<AttemptId>();

  private constructor(random: Seeded, poolId: PoolId, agents: readonly AgentId[]) {
    this.#random = random;
    this.#poolId = poolId;
    this.#agents = agents;
  }

  static async open(seed: number): Promise<EvictedPool> {
    const { id, root } = await newLargePool(ROOM[0]);
    const agents: AgentId[] = [];
    for (const [number, room] of ROOM.entries()) {
      for (let n = 0; n < room; n++) agents.push(value(await root.register(named(`agent-${number}-${n}`))));
      if (number > 0) await fill(partition(id, number), JOB_LIMITS.agentsPerPartitionMaxCount - room);
    }
    expect(agents.map(partitionOfAgent)).toEqual([0, 1, 1, 2, 2]);
    return new EvictedPool(new Seeded(seed), id, agents);
  }

  async step(): Promise<void> {
    const agent = this.#agents[this.#below(this.#agents.length)]!;
    const held = this.#holding.get(agent);
    if (this.#requests.length < JOBS && this.#below(4) === 0) this.#requests.push(await newJob({ attemptsMax: 10 }));
    else if (held === undefined) await this.#ask(agent, this.#below(4) === 0);
    else if (this.#below(5) === 0) await this.#fallSilent(agent);
    else if (this.#below(3) === 0) await this.#end(held);
    else await this.#beat(held);
    await this.#evict();
    await this.#repeatOld();
    await this.#evict();
  }

  /** Lets all agents work until the jobs are over. */
  async finish(): Promise<void> {
    while (this.#requests.length < JOBS) this.#requests.push(await newJob({ attemptsMax: 10 }));
    const left = async () => {
      for (const agent of this.#agents) {
        if (!this.#holding.has(agent)) await this.#ask(agent, false);
        const held = this.#holding.get(agent);
        if (held !== undefined) await this.#end(held);
        await this.#evict();
      }
      const states = await Promise.all(this.#requests.map(async (request) => (await jobState(request)).state));
      return states.filter((state) => state !== 'succeeded');
    };
    await expect.poll(left, { timeout: 60_000 }).toEqual([]);
  }

  /** How each job ended: no attempt was lost, none completed twice, and every fence held. */
  async outcomes(): Promise<readonly Awaited<ReturnType<typeof jobState>>[]> {
    const jobs = await Promise.all(this.#requests.map(jobState));
    for (const { id, ended, fence } of jobs) {
      const known = [...this.#known.values()].filter(({ grant }) => grant.jobId === id);
      expect(ended.map((attempt) => attempt.fence)).toEqual(Array.from({ length: fence }, (_, n) => n + 1));
      expect(known.filter(({ grant }) => this.#completed.has(grant.attemptId)).map(({ grant }) => grant.fence)).toEqual([fence]);
      for (const { fence: number, outcome, endedAtMs } of ended.slice(0, -1)) {
        const held = known.find(({ grant }) => grant.fence === number);
        const isLost = held !== undefined && (held.isTaken || endedAtMs - held.seenAtMs >= JOB_LIMITS.agentLeaseMs);
        expect(isLost ? ['lease_expired', 'never_started'] : ['released'], `${id}, fence ${number}`).toContain(outcome);
      }
    }
    const summary = await this.#call(ROOT_PARTITION, (desk) => desk.summary());
    expect(summary).toEqual({ agents: JOB_LIMITS.agentsPerPartitionMaxCount * ROOM.length, running: 0 });
    return jobs;
  }

  /** The agent asks for work; an answer that is lost is asked for again. */
  async #ask(agent: AgentId, isLost: boolean): Promise<void> {
    const { grant } = value(await this.#call(partitionOfAgent(agent), (desk) => desk.lease(agent, 0)));
    if (grant === null) return;
    const before = this.#known.get(grant.attemptId);
    // No two agents get the same attempt, and none gets one that was taken from it.
    expect([before?.agent ?? agent, before?.isTaken ?? false]).toEqual([agent, false]);
    const held: Held = before ?? { grant, agent, isTaken: false, seenAtMs: Date.now(), wasSlow: false };
    this.#known.set(grant.attemptId, held);
    if (!isLost) this.#holding.set(agent, held);
  }

  async #beat(held: Held): Promise<void> {
    this.#notices(held);
    this.#expectHeld(held, await this.#say(held, (desk, { attemptId, fence }) => desk.heartbeat(attemptId, fence, PROGRESS)));
  }

  /** It says so again where the answer is lost, and is answered the same. */
  async #end(held: Held): Promise<void> {
    const end = () => this.#say(held, (desk, { attemptId, fence }) => desk.end(attemptId, fence, COMPLETED));
    this.#notices(held);
    const answer = await end();
    this.#expectHeld(held, answer);
    this.#holding.delete(held.agent);
    if (!answer.ok) return;
    this.#completed.add(held.grant.attemptId);
    await this.#evict();
    if (this.#below(2) === 0) expect(await end()).toEqual(answer);
  }

  /** What a dead or sleeping agent has: its lease ends, as if time had passed. Its pool may lose its memory while it takes the attempt back. */
  async #fallSilent(agent: AgentId): Promise<void> {
    const held = this.#holding.get(agent)!;
    const { attemptId } = held.grant;
    await inStore(this.#partitionOf(agent), (store) => {
      const lease = store.find(attemptId);
      if (lease !== undefined) store.save({ ...lease, leaseUntilMs: Date.now() - HOUR_MS });
      store.stopsAsking(agent);
    });
    while (!held.isTaken) {
      const ringing = runDurableObjectAlarm(this.#partitionOf(agent)).catch(unlessEvicted);
      await this.#evict();
      await ringing;
      held.isTaken = await inStore(this.#partitionOf(agent), (store) => store.find(attemptId)?.lost ?? true);
    }
    this.#holding.delete(agent);
  }

  /** An agent that has slept goes on with what was taken from it, and one whose answer was lost repeats what it said. */
  async #repeatOld(): Promise<void> {
    const old = [...this.#known.values()].filter(({ isTaken }) => isTaken);
    const held = old[this.#below(Math.max(1, old.length))];
    if (held === undefined) return;
    const isEnd = this.#below(2) === 0;
    const late = await this.#say<unknown>(held, (desk, { attemptId, fence }) =>
      isEnd ? desk.end(attemptId, fence, COMPLETED) : desk.heartbeat(attemptId, fence, PROGRESS),
    );
    expect(late).toMatchObject({ ok: false, error: { code: 'stale_fence' } });
  }

  #expectHeld(held: Held, answer: Outcome<unknown>): void {
    if (!held.wasSlow) expect(answer).toMatchObject({ ok: true });
  }

  #notices(held: Held): void {
    const nowMs = Date.now();
    held.wasSlow ||= nowMs - held.seenAtMs > JOB_LIMITS.agentLeaseMs / 2;
    held.seenAtMs = nowMs;
  }

  /** What an agent says of an attempt; callers that do not say which agent they are reach it through the root. */
  #say<T>({ agent, grant }: Held, say: (desk: PoolCalls, grant: Grant) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const number = this.#below(2) === 0 ? partitionOfAgent(agent) : ROOT_PARTITION;
    return this.#call(number, (desk) => say(desk, grant));
  }

  /** A call of a partition, during which objects may lose their memory, repeated as agents do where it fails. */
  async #call<T>(number: number, work: (desk: PoolCalls) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      // Once its object has lost its memory, a stub reaches it no more.
      const working = work(deskOf(partition(this.#poolId, number)));
      const [answer] = await Promise.allSettled([working, this.#below(3) === 0 ? this.#evict() : null]);
      if (answer.status === 'fulfilled') return answer.value;
      if (tries === TRIES_MAX) throw answer.reason;
      unlessEvicted(answer.reason);
    }
  }

  #partitionOf(agent: AgentId): DurableObjectStub<PoolObject> {
    return partition(this.#poolId, partitionOfAgent(agent));
  }

  /** Each object of the pool, and the scheduler, as chance has it: at once, whatever it is doing. */
  async #evict(): Promise<void> {
    const partitions = ROOM.map((_, number): DurableObjectStub => partition(this.#poolId, number));
    const scheduler = env.SCHEDULER.get(env.SCHEDULER.idFromName(SCHEDULER_CELL)) as unknown as DurableObjectStub;
    for (const object of [...partitions, scheduler]) if (this.#below(2) === 0) await loseMemory(object);
  }

  #below(count: number): number {
    return Math.floor(this.#random.next() * count);
  }
}

function unlessEvicted(error: unknown): void {
  if (!String(error).includes(EVICTED)) throw error;
}

/** Unlike an eviction, it does not wait until the object's own calls have been answered. */
const loseMemory = async (stub: DurableObjectStub) => {
  await expect(runInDurableObject(stub, (_object, state) => state.abort(EVICTED))).rejects.toThrow(EVICTED);
};

it.each(seeds(2))(
  '[P116] [P33] a partitioned pool whose objects are evicted between any two calls runs each job once: seed %i',
  async (seed) => {
    const pool = await EvictedPool.open(seed);
    for (let n = 0; n < STEPS; n++) await pool.step();
    await pool.finish();
    const done = {
      state: 'succeeded',
      tokens: COMPLETED.tokens,
      ended: expect.arrayContaining([expect.objectContaining({ outcome: 'succeeded' })]),
    };
    expect(await pool.outcomes()).toMatchObject(Array.from({ length: JOBS }, () => done));
  },
);
