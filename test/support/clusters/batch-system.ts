import { must } from '../../../src/kernel/assert.ts';
import type { ClusterEnd } from '../../../src/pools/clusters/cluster.ts';

/** A job of the double, in terms that Slurm and Kubernetes share. */
export interface BatchJob {
  readonly id: string;
  readonly name: string;
  /** What the API that it came through has said of it. */
  readonly spec: unknown;
  state: 'queued' | 'running' | ClusterEnd;
  node: string | undefined;
  /** Changes with each change of the job. */
  version: number;
}

interface Node {
  readonly name: string;
  isDrained: boolean;
}

/** Ends a process, as its signal would; a crash of its node's daemon leaves processes behind. */
type Process = { readonly job: BatchJob; stop: () => void };

/** Starts what a job runs: `exited` once it is over by itself. */
export type StartProcess = (job: BatchJob, exited: (how: 'succeeded' | 'failed') => void) => () => void;

/** A batch system in memory, which does to jobs what real ones do, when the test says so. */
export class BatchSystem {
  readonly jobs = new Map<string, BatchJob>();
  readonly nodes: readonly Node[];
  readonly #slotsPerNode: number;
  readonly #startProcess: StartProcess;
  readonly #onChange = new Set<(job: BatchJob, kind: 'changed' | 'deleted') => void>();
  #processes: Process[] = [];
  #nextId = 1;
  version = 1;
  /** Nothing starts while it is set. */
  isPaused = false;

  constructor(nodes: number, slotsPerNode: number, startProcess: StartProcess) {
    this.nodes = Array.from({ length: nodes }, (_, node) => ({ name: `node${node}`, isDrained: false }));
    this.#slotsPerNode = slotsPerNode;
    this.#startProcess = startProcess;
  }

  watch(listener: (job: BatchJob, kind: 'changed' | 'deleted') => void): () => void {
    this.#onChange.add(listener);
    return () => void this.#onChange.delete(listener);
  }

  submit(name: string, spec: unknown): BatchJob {
    const job: BatchJob = { id: String(this.#nextId++), name, spec, state: 'queued', node: undefined, version: 0 };
    this.jobs.set(job.id, job);
    this.#changed(job);
    this.schedule();
    return job;
  }

  /** The job of an attempt that is not over. */
  live(name: string): BatchJob {
    const isLive = (job: BatchJob): boolean => job.name === name && (job.state === 'queued' || job.state === 'running');
    return must([...this.jobs.values()].find(isLive), `a live job ${name}`);
  }

  /** Starts queued jobs where nodes have room. */
  schedule(): void {
    for (const job of this.isPaused ? [] : [...this.jobs.values()].filter(({ state }) => state === 'queued')) {
      const node = this.nodes.find(({ name, isDrained }) => !isDrained && this.#runningOn(name) < this.#slotsPerNode);
      if (node === undefined) return;
      this.#set(job, 'running', node.name);
      this.startProcess(job);
    }
  }

  /** Starts the process of a job: once more, where a controller has forgotten that it had. */
  startProcess(job: BatchJob): void {
    const process: Process = { job, stop: () => undefined };
    this.#processes.push(process);
    process.stop = this.#startProcess(job, (how) => {
      this.#processes = this.#processes.filter((other) => other !== process);
      if (job.state === 'running' && !this.#processes.some((other) => other.job === job)) this.end(job, how);
    });
  }

  /** Ends a job; `leaves`: its processes live on, and the cluster does not know it. */
  end(job: BatchJob, how: ClusterEnd, leaves = false): void {
    if (!leaves) this.#stopProcesses(job);
    if (job.state !== 'queued' && job.state !== 'running') return;
    this.#set(job, how, job.node);
    this.schedule();
  }

  /** Takes the nodes of a job, and puts it back into the queue. */
  requeue(job: BatchJob): void {
    this.#stopProcesses(job);
    this.#set(job, 'queued', undefined);
  }

  /** Forgets a job, as a controller does that was killed before it wrote the job down; its processes live on. */
  forget(job: BatchJob): void {
    this.jobs.delete(job.id);
    for (const listener of this.#onChange) listener(job, 'deleted');
  }

  /** A restarted controller counts from an older state. */
  reuseIds(from: number): void {
    this.#nextId = from;
  }

  get processCount(): number {
    return this.#processes.length;
  }

  #stopProcesses(job: BatchJob): void {
    const mine = this.#processes.filter((process) => process.job === job);
    this.#processes = this.#processes.filter((process) => process.job !== job);
    for (const { stop } of mine) stop();
  }

  #runningOn(node: string): number {
    return [...this.jobs.values()].filter((job) => job.state === 'running' && job.node === node).length;
  }

  #set(job: BatchJob, state: BatchJob['state'], node: string | undefined): void {
    Object.assign(job, { state, node });
    this.#changed(job);
  }

  #changed(job: BatchJob): void {
    job.version = this.version += 1;
    for (const listener of this.#onChange) listener(job, 'changed');
  }
}
