import { must } from '../../../kernel/assert.ts';
import type { JobId, PoolId } from '../../../kernel/ids.ts';
import type { CellSettings } from '../../engine/cell/cell-settings.ts';
import { Cell } from '../../engine/cell/cell.ts';
import type { JobRecord } from '../../engine/cell/job-record.ts';
import type { CellEvent } from '../../engine/cell/event.ts';
import { step } from '../../engine/machine/step.ts';
import { maskSize } from '../../engine/model/cluster-state.ts';
import type { JobSpec } from '../../engine/model/job-spec.ts';
import type { NodeSpec } from '../../engine/model/pool-spec.ts';
import { WHOLE_MILLI } from '../../engine/model/pool-spec.ts';
import { LeastWaste } from '../../engine/placement/least-waste.ts';
import type { TracedJob } from './traced-jobs.ts';
import { Heap } from '../../../kernel/heap.ts';

/** The cluster of a replay: nodes of one type, whose CPU and memory suffice for every job. */
export interface ReplayCluster {
  readonly nodes: number;
  readonly acceleratorsPerNode: number;
}

/** A stretch of time that a job had some accelerators of a node. */
export interface NodeStay {
  readonly job: number;
  readonly node: number;
  readonly mask: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What an observer of a replay is given: each job that waits, when it has come, and each that starts. Jobs are numbered as in the trace. */
export interface ReplayObserver {
  readonly stayed?: (stay: NodeStay) => void;
  readonly waits?: (job: number, cell: Cell, record: JobRecord) => void;
  readonly started?: (job: number, atMs: number) => void;
}

export interface ReplayResult {
  readonly finished: number;
  /** Jobs that ask for more than there is. */
  readonly impossible: number;
  readonly meanWaitMs: number;
  readonly p99WaitMs: number;
  readonly meanCompletionMs: number;
  /** Until the last end. */
  readonly makespanMs: number;
  readonly utilisation: number;
}

const POOL = 'pool_replay0000' as PoolId;
const TYPE = 'GPU';
const CPU_MILLI = 1_000_000;

type Happening =
  | { readonly kind: 'arrive'; readonly job: number }
  | { readonly kind: 'end'; readonly job: number; readonly fence: number }
  | { readonly kind: 'tick' };

/** Runs jobs through the engine itself: each owner has a queue, queues share by dominant resource, first in first out within each. */
export function replayJobs(jobs: readonly TracedJob[], cluster: ReplayCluster, observer: ReplayObserver = {}): ReplayResult {
  const replay = new Replay(jobs, cluster, observer);
  replay.run();
  return replay.result();
}

class Replay {
  readonly #jobs: readonly TracedJob[];
  readonly #cluster: ReplayCluster;
  readonly #observer: ReplayObserver;
  readonly #cell: Cell;
  readonly #agenda = new Agenda<Happening>();
  readonly #waitsMs: number[] = [];
  readonly #completionsMs: number[] = [];
  #impossible = 0;
  #usedMs = 0;
  #makespanMs = 0;

  constructor(jobs: readonly TracedJob[], cluster: ReplayCluster, observer: ReplayObserver) {
    this.#jobs = jobs;
    this.#cluster = cluster;
    this.#observer = observer;
    this.#cell = new Cell(settingsFor([...new Set(jobs.map(({ owner }) => owner))].toSorted(), cluster));
    step(this.#cell, { kind: 'add_nodes', nodes: nodesOf(cluster) }, 0);
    for (const [job, { arrivalMs }] of jobs.entries()) this.#agenda.add(arrivalMs, { kind: 'arrive', job });
  }

  run(): void {
    for (let next = this.#agenda.next(); next !== undefined; next = this.#agenda.next()) {
      const event = this.#eventOf(next.item);
      if (event !== undefined) this.#step(event, next.atMs);
    }
  }

  result(): ReplayResult {
    const waits = this.#waitsMs.toSorted((a, b) => a - b);
    const { nodes, acceleratorsPerNode } = this.#cluster;
    return {
      finished: this.#completionsMs.length,
      impossible: this.#impossible,
      meanWaitMs: mean(waits),
      p99WaitMs: waits[Math.floor(0.99 * waits.length)] ?? 0,
      meanCompletionMs: mean(this.#completionsMs),
      makespanMs: this.#makespanMs,
      utilisation: this.#makespanMs === 0 ? 0 : this.#usedMs / (this.#makespanMs * nodes * acceleratorsPerNode),
    };
  }

  #eventOf(item: Happening): CellEvent | undefined {
    if (item.kind === 'tick') return { kind: 'tick' };
    if (item.kind === 'end') return { kind: 'report', jobId: jobId(item.job), fence: item.fence, news: { kind: 'completed' } };
    const spec = specOf(item.job, must(this.#jobs[item.job], 'the job is in the trace'), this.#cluster);
    if (spec === undefined) this.#impossible += 1;
    return spec === undefined ? undefined : { kind: 'submit', spec };
  }

  #step(event: CellEvent, atMs: number): void {
    const { decisions, nextDueMs } = step(this.#cell, event, atMs);
    if (event.kind === 'report') this.#cell.jobs.forget(event.jobId);
    for (const decision of decisions) if (decision.kind === 'start') this.#start(decision.jobId, decision.fence, atMs);
    // Nothing but time can go on where a step had more to do than it does at once.
    if (nextDueMs <= atMs) this.#agenda.add(atMs, { kind: 'tick' });
    if (event.kind !== 'submit') return;
    const record = this.#cell.jobs.get(event.spec.id);
    if (record.attempt === null) this.#observer.waits?.(numberOf(event.spec.id), this.#cell, record);
  }

  #start(id: JobId, fence: number, atMs: number): void {
    const job = numberOf(id);
    const { arrivalMs, durationMs } = must(this.#jobs[job], 'the job is in the trace');
    const { placement } = must(this.#cell.jobs.get(id).attempt, 'a job that starts has an attempt');
    const toMs = atMs + durationMs;
    for (const { node, mask } of placement.slots) {
      this.#observer.stayed?.({ job, node, mask, fromMs: atMs, toMs });
      this.#usedMs += maskSize(mask) * durationMs;
    }
    this.#observer.started?.(job, atMs);
    this.#waitsMs.push(atMs - arrivalMs);
    this.#completionsMs.push(toMs - arrivalMs);
    this.#makespanMs = Math.max(this.#makespanMs, toMs);
    this.#agenda.add(toMs, { kind: 'end', job, fence });
  }
}

const numberOf = (id: JobId): number => Number(id.slice('job_'.length));

const jobId = (job: number): JobId => `job_${String(job).padStart(26, '0')}` as JobId;

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

const nodesOf = ({ nodes, acceleratorsPerNode }: ReplayCluster): readonly NodeSpec[] =>
  Array.from({ length: nodes }, (_, ordinal) => ({
    id: `node-${ordinal}`,
    poolId: POOL,
    accelerator: TYPE,
    acceleratorCount: acceleratorsPerNode,
    cpuMilli: CPU_MILLI,
    memoryMib: CPU_MILLI,
    domains: {},
    ordinal,
  }));

/** A job that needs more than a node has takes as many nodes as it needs, an equal part of each; undefined when there are not so many. */
function specOf(job: number, { accelerators, owner, limitMs }: TracedJob, cluster: ReplayCluster): JobSpec | undefined {
  const nodes = Math.ceil(accelerators / cluster.acceleratorsPerNode);
  if (nodes > cluster.nodes) return undefined;
  const perNode = { cpuMilli: 0, memoryMib: 0, acceleratorCount: Math.ceil(accelerators / nodes), milliEach: WHOLE_MILLI };
  return {
    id: jobId(job),
    queue: owner,
    kind: 'training',
    priority: 50,
    preemptible: false,
    options: [
      {
        accelerator: TYPE,
        perNode,
        nodes: { min: nodes, max: nodes, step: 1 },
        markets: ['reserved'],
        regions: null,
        topology: null,
        throughputHintMilli: WHOLE_MILLI,
      },
    ],
    limits: { deadlineAtMs: null, durationMaxMs: limitMs ?? null, costMaxNanoDollars: null, priceMaxNanoDollarsPerHour: null },
    checkpoint: { intervalMs: null, graceMs: 0, restartMs: 0 },
    retry: { attemptsMax: 1 },
    dependsOn: [],
    dataRegions: [],
    scaling: null,
    weights: null,
  };
}

function settingsFor(owners: readonly string[], { nodes, acceleratorsPerNode }: ReplayCluster): CellSettings {
  const all = { nominal: nodes * acceleratorsPerNode * WHOLE_MILLI, borrowingMax: null, lendingMax: null };
  const none = { ...all, nominal: 0 };
  const eviction = {
    victimOrder: 'least_lost_work' as const,
    runtimeMinMs: 0,
    graceMaxMs: 0,
    leavingMaxCount: 0,
    protectedPriority: null,
    protectedKinds: [],
    reclaimWithinCohort: false,
    preemptWithinQueue: false,
    preemptForFairShare: false,
  };
  return {
    accelerators: new Map([[TYPE, { name: TYPE, kind: 'gpu', memoryMib: 1, sharing: 'whole' }]]),
    cohorts: [
      { name: 'everybody', parent: null, weightMilli: 1_000, quotas: { [TYPE]: all }, eviction: null },
      ...owners.map((name) => ({ name, parent: 'everybody', weightMilli: 1_000, quotas: { [TYPE]: none }, eviction })),
    ],
    pools: [{ id: POOL, region: 'here', backend: 'agent', market: 'reserved', elasticity: null }],
    placer: (state, mix) => new LeastWaste(state, mix),
    order: 'fair',
    agingMs: 3_600_000,
    agingMax: 1,
    historyHalfLifeMs: 86_400_000,
    trustsObservedDurations: false,
    headPatienceMs: 0,
    segmentMaxMs: Number.MAX_SAFE_INTEGER,
    admissionsMaxCount: 1_000,
  };
}

interface Entry<Item> {
  readonly atMs: number;
  readonly order: number;
  readonly item: Item;
}

/** Things to happen at their times, soonest first; at one time, first in first out. */
export class Agenda<Item> {
  readonly #heap = new Heap<Entry<Item>>((a, b) => a.atMs - b.atMs || a.order - b.order);
  #count = 0;

  add(atMs: number, item: Item): void {
    this.#heap.push({ atMs, order: (this.#count += 1), item });
  }

  next(): { readonly atMs: number; readonly item: Item } | undefined {
    return this.#heap.pop();
  }
}
