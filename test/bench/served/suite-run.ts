import { must } from '../../../src/kernel/assert.ts';
import type { JobId } from '../../../src/kernel/ids.ts';
import type { JobRequest } from '../../../src/scheduler/served/jobs/job.ts';
import type { Size, Suite, Workload } from '../scheduler/kueue-suite.ts';
import { quotaOf, SIZES, workloadsOf } from '../scheduler/kueue-suite.ts';
import type { ServedParts } from './stub-agents.ts';
import { accepted, StubAgents } from './stub-agents.ts';
import { requestOf } from './suite-cell.ts';

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
  /** Attempts that were another agent's before they ended; their jobs ran again. */
  readonly dropped: number;
  /** Submissions that were to come again later, as the scheduler was behind. */
  readonly refused: number;
}

export interface SuiteParts extends ServedParts {
  readonly suite: Suite;
  readonly agentsPerPool: number;
  /** The run ends after so long, whatever is left. */
  readonly limitMs: number;
}

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
  readonly #agents: StubAgents;
  #startMs = 0;
  #ended = 0;
  #unitMs = 0;
  #refused = 0;
  #isOver = false;
  #end: () => void = () => {};
  readonly #allDone = new Promise<void>((resolve) => (this.#end = resolve));

  constructor(parts: SuiteParts) {
    this.#parts = parts;
    const workloadOf = (id: JobId): Workload => must(this.#workloads.get(id), 'a job of the suite');
    this.#agents = new StubAgents({
      served: parts,
      runtimeMsOf: ({ jobId }) => workloadOf(jobId).set.runtimeMs,
      began: ({ jobId }, atMs) => {
        const { set, arrivalMs } = workloadOf(jobId);
        this.#waits[set.size].push(atMs - this.#startMs - arrivalMs);
      },
      ended: ({ jobId }, tookMs) => {
        this.#unitMs += workloadOf(jobId).set.units * tookMs;
        if (++this.#ended === this.#workloads.size) this.#end();
      },
    });
  }

  async result(): Promise<SuiteResult> {
    const { suite, agentsPerPool, limitMs, nowMs, sleep } = this.#parts;
    const requests = [...workloadsOf(suite)].map((workload) => ({ workload, request: requestOf(workload) }));
    for (const { workload, request } of requests) this.#workloads.set(request.id, workload);
    this.#startMs = nowMs();
    await this.#agents.work(suite.cohorts, agentsPerPool);
    this.#startMs = nowMs();
    const submitted = this.#submit(requests.toSorted((a, b) => a.workload.arrivalMs - b.workload.arrivalMs));
    // A refused agent or submitter ends the run.
    await Promise.race([this.#allDone, sleep(limitMs), Promise.all([submitted, this.#agents.working])]);
    const wallMs = nowMs() - this.#startMs;
    this.#isOver = true;
    this.#agents.stop();
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
    const submits = this.#submitsMs.toSorted((a, b) => a - b);
    return {
      workloads: requests.length,
      done: this.#agents.done,
      wallMs,
      waitMs: Object.fromEntries(SIZES.map((size) => [size, mean(this.#waits[size])])) as Record<Size, number>,
      quotaUse: this.#unitMs / (quotaOf(suite) * wallMs),
      submitP99Ms: submits[Math.floor(0.99 * submits.length)] ?? 0,
      dropped: this.#agents.dropped,
      refused: this.#refused,
    };
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
}

/** Submissions that wait for their answers; a crowd of callers behind one gateway. */
const SUBMITS_AT_ONCE = 64;
