import { setTimeout as sleep } from 'node:timers/promises';

import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import { partitionName } from '../../../src/contract/pools/pool-partition.ts';
import type { PoolId } from '../../../src/kernel/ids.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { AdminClient } from '../../../workers/local/admin-client.ts';
import type { Agent } from '../deployment/agent.ts';
import { startAgent } from '../deployment/agent.ts';
import { ApiClient } from '../deployment/api-client.ts';
import type { BadNetwork } from '../deployment/bad-network.ts';
import { badNetwork } from '../deployment/bad-network.ts';
import type { Evictable, ReachableDeployment } from '../deployment/deployment.ts';
import { deployEvictable } from '../deployment/deployment.ts';
import { killWorkerd, persistently, revived } from '../deployment/kill-workerd.ts';
import { createTenant } from '../deployment/tenant.ts';
import { Progress } from './progress.ts';

/** Answers that clients got, and answers that were lost on their way to them. */
interface Answers {
  readonly passed: Progress;
  readonly lost: Progress;
}

interface Member {
  agent: Agent;
  readonly network: BadNetwork;
}

/** What can go wrong. */
export const FAULTS = ['workerd', 'pause', 'agent', 'freeze', 'clock', 'cut', 'unanswered', 'delay'] as const;
export type Fault = (typeof FAULTS)[number];

const RATES = [0.8, 0.9, 1, 1.1, 1.25] as const;
const HOUR_MS = 3_600_000;

/** An object loses its memory after at most so many answers, one object at a time, so that none of them keeps its memory for long. */
const ANSWERS_BETWEEN_EVICTIONS_MAX = 8;
/** A fault begins after at most so many answers since the one before. */
const ANSWERS_BETWEEN_FAULTS_MAX = 12;
/** Without answers for so long nothing is under way, or all is cut off: the next fault waits no longer. */
const IDLE_MS = 1_000;
/** Agents that are brought into a partition at once. */
const REGISTERED_AT_ONCE = 32;

/**
 * A deployment and the agents of one pool, each with a clock and a network of its own; tenants have a network, too. The pool has two partitions,
 * with agents in both: the first is full of agents that never ask for work. All the while its objects, and the scheduler, lose their memory.
 */
export class FailingDeployment {
  readonly #server: ReachableDeployment;
  readonly #pool: { readonly id: string; readonly agent_token: string };
  readonly #front: BadNetwork;
  readonly #members: Member[] = [];
  readonly #answers: Answers;
  #isStopping = false;
  #evicting: Promise<void> = Promise.resolve();

  private constructor(
    server: ReachableDeployment,
    pool: { readonly id: string; readonly agent_token: string },
    front: BadNetwork,
    answers: Answers,
  ) {
    this.#server = server;
    this.#pool = pool;
    this.#front = front;
    this.#answers = answers;
  }

  static async start(agents: number): Promise<FailingDeployment> {
    const server = await deployEvictable();
    const url = server.urls[0] ?? '';
    const admin = new AdminClient(url, server.secrets.SLUICE_ADMIN_KEY);
    const pool = await admin.create<{ id: string; agent_token: string }>('/v1/pools', { name: 'chaos', owner: 'testers' });
    const answers = { passed: new Progress(), lost: new Progress() };
    const failing = new FailingDeployment(server, pool, await badNetwork(url, answers), answers);
    await failing.#fillRoot(JOB_LIMITS.agentsPerPartitionMaxCount - 1);
    for (let n = 0; n < agents; n += 1) {
      const network = await badNetwork(url, answers);
      failing.#members.push({ network, agent: failing.#start(network, { aheadS: 3_600 * (n - 1), rate: [0.8, 1, 1.25][n % 3] ?? 1 }) });
    }
    failing.#evicting = failing.#evictAllTheWhile();
    return failing;
  }

  /** Leaves room for one agent in the first partition. */
  async #fillRoot(count: number): Promise<void> {
    const client = new ApiClient(this.#server.urls[0] ?? '', this.#pool.agent_token);
    for (let done = 0; done < count; done += REGISTERED_AT_ONCE) {
      const some = Array.from({ length: Math.min(REGISTERED_AT_ONCE, count - done) }, (_, n) => `idle-${done + n}`);
      const answers = await Promise.all(some.map((name) => client.post(`/v1/pools/${this.#pool.id}/agents`, { name })));
      for (const { status, body } of answers) if (status !== 200) throw new Error(JSON.stringify(body));
    }
  }

  async #evictAllTheWhile(): Promise<void> {
    const { objects } = this.#server;
    const pool = this.#pool.id as PoolId;
    const evictable = [
      ...[0, 1].map((partition) => objects.stubOf<Evictable>('POOL', partitionName(pool, partition))),
      objects.stubOf<Evictable>('SCHEDULER', 'default'),
    ];
    for (const rng = new Seeded(1); !this.#isStopping;) {
      await this.#answers.passed.further(1 + Math.floor(ANSWERS_BETWEEN_EVICTIONS_MAX * rng.next()), IDLE_MS);
      // Also where workerd is dead just now.
      await evictable[Math.floor(rng.next() * evictable.length)]?.evict().catch(() => undefined);
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#evicting;
    for (const { agent } of this.#members) agent.kill();
    await Promise.all([this.#front, ...this.#members.map(({ network }) => network)].map((network) => network.close()));
    await this.#server.stop();
  }

  /** How many agents the pool knows, in all of its partitions. */
  async agentCount(): Promise<number> {
    const operator = new ApiClient(this.#server.urls[0] ?? '', this.#server.secrets.SLUICE_ADMIN_KEY);
    return (await persistently(() => operator.get(`/v1/pools/${this.#pool.id}`))).body.agents;
  }

  /** A client of a new tenant, over the network that fails. */
  async tenant(scopes: readonly string[]): Promise<ApiClient> {
    for (let tries = 0; ; tries += 1) {
      try {
        const { client } = await createTenant(this.#server, { scopes });
        return new ApiClient(this.#front.url, client.apiKey);
      } catch (error) {
        // Another seed's fault.
        if (tries > 300) throw error;
        await sleep(100);
      }
    }
  }

  /** Lets something go wrong once clients have got some further answers, and has it put right again. */
  async suffer(fault: Fault, rng: Seeded): Promise<void> {
    await this.#answers.passed.further(1 + Math.floor(ANSWERS_BETWEEN_FAULTS_MAX * rng.next()), IDLE_MS);
    await this.#faults[fault](rng);
  }

  readonly #faults: Record<Fault, (rng: Seeded) => Promise<void>> = {
    /** Gateway, scheduler and pools die together. One that another seed has just killed is killed. */
    workerd: async () => {
      killWorkerd(this.#server);
      await revived(new ApiClient(this.#server.urls[0] ?? '', ''));
    },
    // How long these last is what they test: leases, which run out by time.
    /** All of them do nothing for a while, as if their machine slept: leases run out meanwhile, at times. */
    pause: async (rng) => {
      const pid = this.#server.workerdPid();
      if (pid !== undefined) signal(pid, 'SIGSTOP');
      await sleep(rng.next() * 12_000);
      if (pid !== undefined && pid === this.#server.workerdPid()) signal(pid, 'SIGCONT');
    },
    /** Its successor has another clock: an hour off at most, fast or slow. */
    agent: async (rng) => {
      const member = this.#member(rng);
      member.agent.kill();
      const rate = RATES[Math.floor(rng.next() * RATES.length)] ?? 1;
      member.agent = this.#start(member.network, { aheadS: (2 * rng.next() - 1) * 3_600, rate });
    },
    /** For longer than a lease at times: what it then says is of an attempt that another agent has. */
    freeze: async (rng) => {
      const { agent } = this.#member(rng);
      agent.freeze();
      await sleep(rng.next() * 14_000);
      agent.thaw();
    },
    clock: async (rng) => this.#member(rng).agent.stepClock((2 * rng.next() - 1) * HOUR_MS),
    cut: async (rng) => {
      const networks = this.#networks(rng);
      for (const network of networks) network.cut();
      await sleep(rng.next() * (networks.length === 1 ? 12_000 : 2_000));
      for (const network of networks) network.mend();
    },
    unanswered: async (rng) => {
      const networks = this.#networks(rng);
      for (const network of networks) network.loseAnswers();
      // A network without traffic loses no answers.
      await this.#answers.lost.further(1 + Math.floor(rng.next() * 12), 4_000);
      for (const network of networks) network.mend();
    },
    delay: async (rng) => {
      const networks = this.#networks(rng);
      const ms = rng.next() * 400;
      for (const network of networks) network.delay(ms);
      await this.#answers.passed.further(1 + Math.floor(rng.next() * 30), 2_000);
      for (const network of networks) network.delay(0);
    },
  };

  #member(rng: Seeded): Member {
    return this.#members[Math.floor(rng.next() * this.#members.length)]!;
  }

  /** All networks, that of the tenants, or that of one agent. */
  #networks(rng: Seeded): readonly BadNetwork[] {
    const all = [this.#front, ...this.#members.map(({ network }) => network)];
    return all.slice(...([[0], [0, 1], ...all.map((_, n) => [n, n + 1])][Math.floor(rng.next() * (all.length + 2))] ?? [0]));
  }

  #start(network: BadNetwork, clock: { readonly aheadS: number; readonly rate: number }): Agent {
    return startAgent(this.#server, this.#pool, [], { url: network.url, clock });
  }
}

/** To a process that may have died just now. */
function signal(pid: number, name: 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is dead: another seed has killed it.
  }
}
