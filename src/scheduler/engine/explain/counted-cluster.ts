import type { JobId } from '../../../kernel/ids.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import type { RunsAs } from '../cell/run-times.ts';
import { affordablePools } from '../admission/candidate-plans.ts';
import { resourceClass } from '../cell/feasibility.ts';
import type { CohortNode } from '../fairness/quota-tree.ts';
import { belowRoot, ceiling, rootOf } from '../fairness/quota-tree.ts';
import type { JobSpec } from '../model/job-spec.ts';
import { WHOLE_MILLI } from '../model/pool-spec.ts';

/** A job that waits or comes, by what it asks for alone. */
export interface Counted {
  readonly job: RunsAs;
  /** Index of its queue. */
  readonly queue: number;
  readonly nodes: number;
  /** Of each node: thousandths of accelerators, or of cores where it asks for none. */
  readonly unitsEach: number;
  readonly priority: number;
  readonly sequence: number;
  /** The same for all of a queue that ask for the same. */
  readonly shape: number;
}

/** A job that has nodes. */
export interface CountedRun extends Omit<Counted, 'nodes' | 'priority' | 'shape'> {
  readonly on: readonly number[];
  readonly fromMs: number;
  /** When it will have left, where it was asked to. */
  readonly leavesMs: number | null;
}

/** Nodes that are kept for a job that did not fit, until these have ended. */
interface CountedHold {
  readonly jobId: JobId;
  readonly nodes: readonly number[];
  readonly after: readonly JobId[];
  readonly startMs: number | null;
}

/** A queue, and the member of the root that it belongs to: itself, or the cohort of its tenant. */
interface CountedQueue {
  readonly member: number;
  /** The most that it can have, were it alone. */
  readonly ceiling: number;
  /** What it has without borrowing. */
  readonly own: number;
}

interface CountedMember {
  readonly weight: number;
  /** What it has without borrowing. */
  readonly own: number;
  readonly historyShare: number;
}

/** Jobs of a class, and of all classes, that are counted one by one. */
const OF_A_CLASS_MAX = 1_024;
const LINE_MAX = 1_024;

/** What the jobs of one tree ask for and have of one resource, and what is free of it on each node. Changes with the cell; read at once. */
export class CountedCluster {
  /** Free units of each node that takes work. */
  readonly free: Float64Array;
  readonly nodeCount: number;
  readonly queues: CountedQueue[] = [];
  readonly members: CountedMember[] = [];
  readonly running: CountedRun[] = [];
  /** By queue: jobs that wait, first to last, as far as they are counted. */
  readonly lines: (readonly Counted[])[] = [];
  readonly hold: CountedHold | undefined;
  /** The most that all have together. */
  readonly ceiling: number;
  /** The sum of what members' shares are parts of. */
  readonly total: number;
  /** The least that any job asks for of a node. */
  leastUnits = Infinity;
  readonly #cell: Cell;
  readonly #resource: string;
  readonly #root: CohortNode;
  readonly #queueIndexes = new Map<CohortNode, number>();
  readonly #shapes = new Map<string, number>();
  readonly #memberIndexes = new Map<CohortNode, number>();

  constructor(cell: Cell, job: JobRecord) {
    this.#cell = cell;
    this.#resource = resourceClass(job, 0);
    this.#root = rootOf(cell.holdings.queueOf(job.spec));
    this.nodeCount = cell.fleet.nodeCount;
    this.free = this.#freeOfNodes(job);
    this.ceiling = ceiling(this.#root, this.#resource);
    const limited = this.#root.accounts.get(this.#resource)?.subtree ?? 0;
    for (const other of cell.jobs.inOrder(cell.jobs.placed)) this.#countRun(other);
    this.total = limited > 0 ? limited : Math.max(1, this.#unitsOfAll);
    this.#countLines(job);
    this.hold = cell.reservations.of(this.#root.spec.name, this.#resource);
  }

  /** What a job asks for at least; undefined where it asks for nothing of this, or its queue is of another tree. */
  counted(job: RunsAs, sequence: number): Counted | undefined {
    const { queue: name, options, priority, limits } = job.spec;
    const option = options.findIndex(({ accelerator }) => (accelerator ?? 'cpu') === this.#resource);
    const queue = this.#cell.tree.queue(name);
    const wanted = options[option];
    if (wanted === undefined || queue === undefined || rootOf(queue) !== this.#root) return undefined;
    const unitsEach = this.#unitsEach(wanted.perNode);
    this.leastUnits = Math.min(this.leastUnits, unitsEach);
    const index = this.#indexOf(queue);
    const key = `${index} ${wanted.nodes.min} ${unitsEach} ${limits.durationMaxMs}`;
    const shape = this.#shapes.get(key) ?? this.#shapes.size;
    this.#shapes.set(key, shape);
    return { job, queue: index, nodes: wanted.nodes.min, unitsEach, priority, sequence, shape };
  }

  get #unitsOfAll(): number {
    return this.free.reduce((sum, units) => sum + Math.max(0, units), 0) + this.#unitsHeld;
  }

  #unitsHeld = 0;

  #unitsEach({ acceleratorCount, milliEach, cpuMilli }: JobSpec['options'][number]['perNode']): number {
    return this.#resource === 'cpu' ? Math.max(1, cpuMilli) : Math.max(1, acceleratorCount * milliEach);
  }

  /** Of the nodes that are there, and where the job may be: indexes of others stand for nodes that have left, or were only supposed. */
  #freeOfNodes({ spec }: JobRecord): Float64Array {
    const { cluster, pools } = this.#cell.fleet;
    const affordable = affordablePools(this.#cell, spec, 0);
    const free = new Float64Array(cluster.length).fill(-Infinity);
    for (const pool of 'kind' in affordable ? pools : affordable.map((priced) => priced.pool))
      for (const node of this.#cell.fleet.nodesOf(pool.spec.id)) {
        const { accelerator, acceleratorCount, cpuMilli } = cluster.spec(node);
        if (!cluster.isAdmitting(node)) continue;
        if (this.#resource === 'cpu') free[node] = cpuMilli;
        else if (accelerator === this.#resource) free[node] = acceleratorCount * WHOLE_MILLI;
      }
    return free;
  }

  #countRun(job: JobRecord): void {
    const { attempt } = job;
    if (attempt === null) return;
    const { demand, slots } = attempt.placement;
    const unitsEach = this.#resource === 'cpu' ? demand.cpuMilli : demand.acceleratorCount * demand.milliEach;
    const isHere = this.#resource === 'cpu' || resourceClass(job, attempt.option) === this.#resource;
    if (!isHere || unitsEach === 0) return;
    const on = slots.map(({ node }) => node);
    for (const node of on) this.free[node] = (this.free[node] ?? 0) - unitsEach;
    this.#unitsHeld += unitsEach * on.length;
    this.running.push({
      job,
      queue: this.#indexOf(this.#cell.holdings.queueOf(job.spec)),
      unitsEach,
      on,
      fromMs: attempt.runningAtMs ?? attempt.startedAtMs ?? this.#cell.nowMs,
      sequence: job.sequence,
      leavesMs: attempt.leaving?.graceEndsAtMs ?? null,
    });
  }

  /** The jobs of each queue that are first, and of that of the job all before it, as far as they are counted. */
  #countLines(job: JobRecord): void {
    const own = this.#cell.holdings.queueOf(job.spec);
    const lines = new Map<number, Counted[]>();
    for (const pending of this.#cell.pending.below(this.#root)) {
      if (this.#cell.isStopped(pending.queue)) continue;
      for (const id of pending.jobs.firstFew(OF_A_CLASS_MAX)) {
        const one = this.#cell.jobs.get(id);
        const counted = this.counted(one, one.sequence);
        if (counted === undefined) break;
        const line = lines.get(counted.queue) ?? [];
        lines.set(counted.queue, line);
        line.push(counted);
      }
    }
    const mine = this.#indexOf(own);
    if (lines.get(mine)?.some((one) => one.job.spec.id === job.spec.id) !== true) {
      const counted = this.counted(job, job.sequence);
      if (counted !== undefined) lines.set(mine, [...(lines.get(mine) ?? []), counted]);
    }
    for (let queue = 0; queue < this.queues.length; queue++) this.lines.push(this.#shortened(lines.get(queue) ?? [], job));
  }

  /** In order; the job itself stays. */
  #shortened(line: Counted[], job: JobRecord): readonly Counted[] {
    line.sort(inLine);
    const at = line.findIndex((one) => one.job.spec.id === job.spec.id);
    return at < LINE_MAX ? line.slice(0, LINE_MAX) : [...line.slice(0, LINE_MAX - 1), ...line.slice(at, at + 1)];
  }

  #indexOf(queue: CohortNode): number {
    const known = this.#queueIndexes.get(queue);
    if (known !== undefined) return known;
    this.#queueIndexes.set(queue, this.queues.length);
    const member = belowRoot(queue).at(-1) ?? queue;
    const own = queue.accounts.get(this.#resource)?.subtree ?? 0;
    this.queues.push({ member: this.#memberOf(member), ceiling: ceiling(queue, this.#resource), own });
    return this.queues.length - 1;
  }

  #memberOf(member: CohortNode): number {
    const known = this.#memberIndexes.get(member);
    if (known !== undefined) return known;
    this.#memberIndexes.set(member, this.members.length);
    this.members.push({
      weight: member.spec.weightMilli / 1_000,
      own: member.accounts.get(this.#resource)?.subtree ?? 0,
      historyShare: this.#cell.queue(member.spec.name).history.averagePpm / 1_000_000,
    });
    return this.members.length - 1;
  }
}

/** By priority, then by submission. */
export const inLine = (a: Counted, b: Counted): number => b.priority - a.priority || a.sequence - b.sequence;
