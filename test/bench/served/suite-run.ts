import type { Grant } from '../../../src/contract/jobs/attempt.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { AttemptId, JobId, PoolId } from '../../../src/kernel/ids.ts';
import type { JobQueue } from '../../../src/gateway/jobs/job-queue.ts';
import type { PoolCalls } from '../../../src/gateway/pools/pool-calls.ts';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import { POOL_LIMITS } from '../../../src/contract/pools/pool-limits.ts';
import type { AgentId } from '../../../src/pools/agent-lease.ts';
import type { JobRequest } from '../../../src/scheduler/served/jobs/job.ts';
import type { Size, Suite, Workload } from '../scheduler/kueue-suite.ts';
import { quotaOf, SIZES, workloadsOf } from '../scheduler/kueue-suite.ts';
import { poolOf, requestOf, suiteAgent } from './suite-cell.ts';

/** What a run measures, by the clock of the caller. */
export interface SuiteResult {
  readonly workloads: number;
  readonly done: number;
  readonly wallMs: number;
  /** From the arrival as generated to the moment in which an agent has the attempt. */
  readonly waitMs: Readonly<Record<Size, number>>;
  /** The share of the quota that was in use, over the whole run. */
  readonly quotaUse: number;
  readonly submitP99Ms: number;
  /** Attempts whose agents were too slow for their leases; their jobs ran again. */
  readonly dropped: number;
  /** Submissions that were to come again later, as the scheduler was behind. */
  readonly refused: number;
}

/** What agents and their operator call of a pool. */
type Agents = Pick<PoolCalls, 'create' | 'register' | 'lease' | 'heartbeat' | 'end'>;

export interface SuiteParts {
  readonly suite: Suite;
  readonly agentsPerPool: number;
  readonly scheduler: Pick<JobQueue, 'submit' | 'addPool'>;
  readonly pool: (id: PoolId) => Agents;
  /** The run ends after so long, whatever is left. */
  readonly limitMs: number;
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

const PROGRESS = { completed: 0, failed: 0, total: 1 };
const COMPLETED = { kind: 'completed', progress: { completed: 1, failed: 0, total: 1 }, tokens: 1 } as const;

/** Runs a suite against the served scheduler: workloads arrive and run as generated, agents speak to their pools as real ones do. */
export async function runSuite(parts: SuiteParts): Promise<SuiteResult> {
  const run = new SuiteRun(parts);
  return run.result();
}

class SuiteRun {
  readonly #parts: SuiteParts;
  readonly #workloads = new Map<JobId, Workload>();
  readonly #waits: Record<Size, number[]> = { small: [], medium: [], large: [] };
  readonly #submitsMs: number[] = [];
  #startMs = 0;
  #done = 0;
  #unitMs = 0;
  #dropped = 0;
  #refused = 0;
  #isOver = false;
  #end: () => void = () => {};
  readonly #allDone = new Promise<void>((resolve) => (this.#end = resolve));

  constructor(parts: SuiteParts) {
    this.#parts = parts;
  }

  async result(): Promise<SuiteResult> {
    const { suite, limitMs, nowMs, sleep } = this.#parts;
    const requests = [...workloadsOf(suite)].map((workload) => ({ workload, request: requestOf(workload) }));
    for (const { workload, request } of requests) this.#workloads.set(request.id, workload);
    const pools = await this.#openPools();
    this.#startMs = nowMs();
    const working = Promise.all(pools.flatMap((pool) => pool.agents.map((agent) => this.#work(pool.desk, agent))));
    const submitted = this.#submit(requests.toSorted((a, b) => a.workload.arrivalMs - b.workload.arrivalMs));
    // A refused agent or submitter ends the run.
    await Promise.race([this.#allDone, sleep(limitMs), Promise.all([submitted, working])]);
    const wallMs = nowMs() - this.#startMs;
    this.#isOver = true;
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
    const submits = this.#submitsMs.toSorted((a, b) => a - b);
    return {
      workloads: requests.length,
      done: this.#done,
      wallMs,
      waitMs: Object.fromEntries(SIZES.map((size) => [size, mean(this.#waits[size])])) as Record<Size, number>,
      quotaUse: this.#unitMs / (quotaOf(suite) * wallMs),
      submitP99Ms: submits[Math.floor(0.99 * submits.length)] ?? 0,
      dropped: this.#dropped,
      refused: this.#refused,
    };
  }

  async #openPools(): Promise<readonly { readonly desk: Agents; readonly agents: readonly AgentId[] }[]> {
    const { suite, scheduler, pool, agentsPerPool, nowMs } = this.#parts;
    return Promise.all(
      Array.from({ length: suite.cohorts }, async (_, cohort) => {
        const id = poolOf(cohort);
        accepted(await scheduler.addPool({ id, name: `suite-${cohort}`, owner: 'bench', createdAtMs: nowMs() }));
        const desk = pool(id);
        await desk.create(id, `mac-${cohort}`);
        const agents: AgentId[] = [];
        for (let n = 0; n < agentsPerPool; n++) {
          agents.push(accepted(await desk.register(suiteAgent(`agent-${n}`, POOL_LIMITS.agentAttemptsMaxCount))));
        }
        return { desk, agents };
      }),
    );
  }

  /** Each workload at its time; one whose time has passed at once. */
  async #submit(requests: readonly { readonly workload: Workload; readonly request: JobRequest }[]): Promise<void> {
    const { nowMs, sleep } = this.#parts;
    const under: Promise<void>[] = [];
    for (const { workload, request } of requests) {
      if (this.#isOver) return;
      const aheadMs = this.#startMs + workload.arrivalMs - nowMs();
      if (aheadMs > 0) await sleep(aheadMs);
      under.push(this.#submitOne(request));
      if (under.length >= SUBMITS_AT_ONCE) await Promise.all(under.splice(0));
    }
    await Promise.all(under);
  }

  async #submitOne(request: JobRequest): Promise<void> {
    const { scheduler, nowMs, sleep } = this.#parts;
    const sentMs = nowMs();
    for (let answer = await scheduler.submit(request); !answer.ok; answer = await scheduler.submit(request)) {
      if (answer.error.code !== 'overloaded') accepted(answer);
      this.#refused += 1;
      await sleep(answer.error.retryAfterMs ?? 0);
      if (this.#isOver) return;
    }
    this.#submitsMs.push(nowMs() - sentMs);
  }

  /** An agent: asks for work as long as it has room, and runs what it gets. */
  async #work(desk: Agents, agent: AgentId): Promise<void> {
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

  /** An attempt: gives a sign of life, works for as long as was generated, reports the end. One that was given to another agent is dropped. */
  async #attempt(desk: Agents, grant: Grant): Promise<void> {
    if (await this.#runs(desk, grant)) this.#done += 1;
    else this.#dropped += 1;
    if (this.#done === this.#workloads.size) this.#end();
  }

  /** Whether the attempt was this agent's to its end. */
  async #runs(desk: Agents, { attemptId, jobId, fence }: Grant): Promise<boolean> {
    const { nowMs, sleep } = this.#parts;
    const { set, arrivalMs } = must(this.#workloads.get(jobId), 'a job of the suite');
    const startedMs = nowMs();
    if (isStale(await desk.heartbeat(attemptId, fence, PROGRESS))) return false;
    this.#waits[set.size].push(startedMs - this.#startMs - arrivalMs);
    await sleep(startedMs + set.runtimeMs - nowMs());
    if (isStale(await desk.end(attemptId, fence, COMPLETED))) return false;
    this.#unitMs += set.units * (nowMs() - startedMs);
    return true;
  }
}

/** Submissions that wait for their answers; a crowd of callers behind one gateway. */
const SUBMITS_AT_ONCE = 64;

/** Whether the attempt is another agent's by now. Any other refusal ends the run. */
function isStale(outcome: Outcome<unknown>): boolean {
  if (!outcome.ok && outcome.error.code === 'stale_fence') return true;
  accepted(outcome);
  return false;
}

function accepted<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
  return outcome.value;
}
