import { attemptIdOf } from '../../../src/contract/jobs/attempt.ts';
import type { PoolNode } from '../../../src/contract/pools/pool-exchange.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { JobId, PoolId } from '../../../src/kernel/ids.ts';
import { migrate } from '../../../src/kernel/sql/migrate.ts';
import type { CellSettings } from '../../../src/scheduler/engine/cell/cell-settings.ts';
import { ANY_NODE } from '../../../src/scheduler/served/jobs/job.ts';
import { DurableCell } from '../../../src/scheduler/served/durable-cell.ts';
import type { JobRequest } from '../../../src/scheduler/served/jobs/job.ts';
import { JOB_MIGRATIONS } from '../../../src/scheduler/served/migrations.ts';
import { SERVED_SETTINGS } from '../../../src/scheduler/served/served-settings.ts';
import type { GavelTrace } from '../../../src/scheduler/simulator/gavel/read-gavel.ts';
import type { GavelRun } from '../../../src/scheduler/simulator/gavel/rounds.ts';
import { jobRequest } from '../fixtures/job-request.ts';
import { NodeSql } from '../fakes/node-sql.ts';

interface ServedGavelResult {
  /** Of the jobs measured, from arrival to end, in the order of their ends. */
  readonly completionS: readonly number[];
  /** Attempts that began after the first of their jobs. */
  readonly moves: number;
}

/** What an accelerator does for a job at the moment. */
interface Running {
  readonly poolId: PoolId;
  readonly fence: number;
  readonly sinceMs: number;
  readonly speed: number;
  readonly endsAtMs: number;
}

interface Progress {
  readonly arrivalMs: number;
  readonly speeds: readonly number[];
  leftMs: number;
  running: Running | null;
}

const ALIVE = { kind: 'progress', progress: { completed: 0, failed: 0, total: 1 } } as const;
const DONE = { kind: 'completed', progress: { completed: 1, failed: 0, total: 1 }, tokens: 1 } as const;
const RELEASED = { kind: 'failed', reason: 'released', message: 'as instructed' } as const;

/** The places of a node: as many agents with an accelerator each as there are places of the type. */
const nodesOf = (poolId: PoolId, accelerator: string, count: number): readonly PoolNode[] =>
  Array.from({ length: count }, (_, n) => ({
    id: `${poolId}-${n}`,
    name: `${accelerator}-${n}`,
    capacity: { accelerator, acceleratorCount: 1, cpuMilli: 4_000, memoryMib: 16_384 },
    attemptsMax: 1,
    domains: {},
    ordinal: n,
    address: null,
    weights: [],
  }));

/**
 * Gavel's `continuous_single` as users of the API state it: a pool for each type, a job for each arrival with an option for each type, and one
 * queue whose jobs take turns. The cell is the one that is served, with every step stored; time is simulated, and no ledger answers in it.
 */
export class ServedGavel {
  readonly #trace: GavelTrace;
  readonly #run: GavelRun;
  readonly #pools: readonly PoolId[];
  readonly #cell: DurableCell;
  readonly #jobs = new Map<JobId, Progress>();
  readonly #carriedOut = new Map<PoolId, number>();
  #nowMs = 0;
  #moves = 0;

  constructor(trace: GavelTrace, run: GavelRun) {
    this.#trace = trace;
    this.#run = run;
    this.#pools = trace.types.map((_, n) => `pool_${String(n).padStart(10, '0')}` as PoolId);
    const storage = new NodeSql();
    migrate(storage, JOB_MIGRATIONS);
    const { prepay: _, ...settings }: CellSettings = SERVED_SETTINGS;
    this.#cell = new DurableCell(storage, { nowMs: () => this.#nowMs }, settings);
  }

  result(): ServedGavelResult {
    const { places, roundS, checkpointS, fromId, toId } = this.#run;
    const { tenantId } = jobRequest(0);
    for (const [type, poolId] of this.#pools.entries()) {
      this.#cell.addPool({ id: poolId, name: poolId.replaceAll('_', '-'), owner: 'team', createdAtMs: 0 });
      this.#exchange(poolId, [], nodesOf(poolId, must(this.#trace.types[type], 'a type'), places[type] ?? 0));
    }
    this.#cell.queues.createQueue(tenantId, 'turns', { timeSlice: { roundS, moveS: checkpointS } }, null);
    const completionS: number[] = [];
    let left = this.#trace.jobs.filter(({ id }) => id >= fromId && id < toId).length;
    for (let next = 0; left > 0;) {
      const arrival = this.#trace.jobs[next];
      this.#nowMs = this.#nextMs(arrival === undefined ? Infinity : this.#arrivalMs(arrival.arrivalUnit));
      for (let job = arrival; job !== undefined && this.#arrivalMs(job.arrivalUnit) <= this.#nowMs; job = this.#trace.jobs[next]) {
        next += 1;
        this.#submit(job);
      }
      for (const n of this.#endings()) {
        if (n < fromId || n >= toId) continue;
        left -= 1;
        completionS.push((this.#nowMs - this.#arrivalMs(must(this.#trace.jobs[n], 'a job').arrivalUnit)) / 1_000);
      }
      this.#settle();
    }
    return { completionS, moves: this.#moves };
  }

  #arrivalMs = (unit: number): number => Math.round((unit * 3_600_000) / this.#run.jobsPerHour);

  /** When something next happens: an arrival, an end or a round. */
  #nextMs(arrivalMs: number): number {
    const roundMs = this.#run.roundS * 1_000;
    let nextMs = Math.min(arrivalMs, (Math.floor(this.#nowMs / roundMs) + 1) * roundMs);
    for (const { running } of this.#jobs.values()) if (running !== null) nextMs = Math.min(nextMs, running.endsAtMs);
    return nextMs;
  }

  #submit({ id, speeds, workS, arrivalUnit }: GavelTrace['jobs'][number]): void {
    const options = this.#trace.types
      .map((accelerator, type) => ({
        ...ANY_NODE,
        accelerator,
        perNode: { cpuMilli: 1_000, memoryMib: 1_024, acceleratorCount: 1, milliEach: 1_000 },
        throughputHintMilli: Math.max(1, Math.round((speeds[type] ?? 0) * 1_000_000)),
      }))
      .toSorted((a, b) => b.throughputHintMilli - a.throughputHintMilli);
    const request: JobRequest = jobRequest(id, { queue: 'turns', options, attemptsMax: 1 });
    this.#jobs.set(request.id, { arrivalMs: this.#arrivalMs(arrivalUnit), speeds, leftMs: workS * 1_000, running: null });
    const submitted = this.#cell.submit(request);
    if (!submitted.ok) throw new Error(submitted.error.message);
  }

  /** Jobs that are done by now, by number. */
  #endings(): readonly number[] {
    const ended: number[] = [];
    for (const [jobId, { running }] of this.#jobs) {
      if (running === null || running.endsAtMs > this.#nowMs) continue;
      this.#exchange(running.poolId, [{ jobId, fence: running.fence, ...DONE }]);
      this.#jobs.delete(jobId);
      ended.push(Number(jobId.slice('job_'.length)));
    }
    return ended;
  }

  /** Lets the cell do what it has to, and the pools what they are asked, until nothing is left to do at this time. */
  #settle(): void {
    for (const poolId of this.#pools) this.#exchange(poolId);
    do {
      while (this.#cell.nextDueMs() <= this.#nowMs) this.#cell.wake();
      for (const poolId of this.#pools) this.#exchange(poolId);
    } while (this.#cell.takeNews().length > 0 || this.#cell.nextDueMs() <= this.#nowMs);
  }

  #exchange(poolId: PoolId, reports: Parameters<DurableCell['exchange']>[0]['reports'] = [], joined: readonly PoolNode[] = []): void {
    const nodeCount = this.#run.places[this.#pools.indexOf(poolId)] ?? 0;
    const carriedOut = this.#carriedOut.get(poolId) ?? 0;
    const { effects } = this.#cell.exchange({ poolId, reports, left: [], joined, nodeCount, carriedOut });
    const said: (typeof reports)[number][] = [];
    for (const { sequence, effect } of effects) {
      this.#carriedOut.set(poolId, sequence);
      if (effect.kind === 'start') said.push({ ...this.#started(poolId, effect.grant), ...ALIVE });
      if (effect.kind === 'stop') said.push({ ...this.#stopped(effect.attemptId), ...RELEASED });
    }
    if (effects.length > 0) this.#exchange(poolId, said);
  }

  #started(poolId: PoolId, { jobId, fence }: { readonly jobId: JobId; readonly fence: number }) {
    const job = must(this.#jobs.get(jobId), 'a job that runs');
    const speed = must(job.speeds[this.#pools.indexOf(poolId)], 'a type');
    if (fence > 1) this.#moves += 1;
    const endsAtMs = Math.round(this.#nowMs + this.#run.checkpointS * 1_000 + job.leftMs / speed);
    job.running = { poolId, fence, sinceMs: this.#nowMs, speed, endsAtMs };
    return { jobId, fence };
  }

  /** It has saved what it has done. */
  #stopped(attemptId: string) {
    for (const [jobId, job] of this.#jobs) {
      const { running } = job;
      if (running === null || attemptIdOf(jobId, running.fence) !== attemptId) continue;
      const workedMs = Math.max(0, this.#nowMs - running.sinceMs - this.#run.checkpointS * 1_000);
      job.leftMs -= workedMs * running.speed;
      job.running = null;
      return { jobId, fence: running.fence };
    }
    throw new Error(`no job has attempt ${attemptId}`);
  }
}
