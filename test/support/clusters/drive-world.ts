import { Seeded } from '../../../src/kernel/seeded.ts';
import type { PoolId } from '../../../src/kernel/ids.ts';
import { fenceOf } from '../../../src/contract/jobs/attempt.ts';
import type { Cluster } from '../../../src/pools/clusters/cluster.ts';
import { ClusterAway } from '../../../workers/drivers/cluster-client.ts';
import { ClusterDrive } from '../../../workers/drivers/cluster-drive.ts';
import { KubernetesCluster } from '../../../workers/drivers/kubernetes-cluster.ts';
import { RayCluster } from '../../../workers/drivers/ray-cluster.ts';
import { SlurmCluster } from '../../../workers/drivers/slurm-cluster.ts';
import { VirtualTime } from '../worlds/virtual-time.ts';
import type { BatchJob } from './batch-system.ts';
import { BatchSystem } from './batch-system.ts';
import { FakeKubernetes } from './fake-kubernetes.ts';
import { FakeRay } from './fake-ray.ts';
import { FakeSlurm } from './fake-slurm.ts';
import { PoolDouble } from './pool-double.ts';

export const CLUSTER_KINDS = ['slurm', 'kubernetes', 'ray'] as const;
type ClusterKind = (typeof CLUSTER_KINDS)[number];

/** What befalls a call to the cluster: it does not arrive, or its answer does not. */
export type Fault = 'lost' | 'unanswered';

const POOL_ID = 'pool_0123456789' as PoolId;
const SLOTS_PER_NODE = 4;

/** A driver between a pool and a cluster, both in memory, in virtual time. The processes of the cluster do what `run-once.ts` does. */
export class DriveWorld {
  readonly time = new VirtualTime();
  readonly pool = new PoolDouble(this.time);
  readonly cluster: BatchSystem;
  readonly kubernetes: FakeKubernetes;
  readonly slurm: FakeSlurm;
  readonly ray: FakeRay;
  /** Attempts whose processes were allowed to work, in order. */
  readonly worked: string[] = [];
  /** What an attempt takes in the environment of its job. */
  taskBytes = 100;
  /** How long the cluster takes to answer. */
  callMs = 5;
  /** How long a process works. */
  workMs = 3_000;
  /** Decides on each call to the cluster. */
  fault: (method: string, path: string) => Fault | undefined = () => undefined;
  readonly logged: string[] = [];
  /** Submissions to the cluster that are under way, and how many have been at most. */
  readonly submissions = { now: 0, most: 0 };
  readonly #kind: ClusterKind;
  readonly #slots: number;
  readonly #rng: Seeded;
  #stop = new AbortController();
  #driver: Promise<void> = Promise.resolve();
  #runs = 0;

  constructor(kind: ClusterKind, { slots = 8, nodes = 2, seed = 1 } = {}) {
    this.#kind = kind;
    this.#slots = slots;
    this.#rng = new Seeded(seed);
    this.cluster = new BatchSystem(nodes, SLOTS_PER_NODE, (job, exited) => this.#process(job, exited));
    this.kubernetes = new FakeKubernetes(this.cluster);
    this.slurm = new FakeSlurm(this.cluster);
    this.ray = new FakeRay(this.cluster);
  }

  startDriver(): void {
    this.#stop = new AbortController();
    const drive = new ClusterDrive({
      cluster: this.connect(),
      pool: this.pool,
      nowMs: () => this.time.nowMs(),
      sleep: (ms, signal) => this.#sleep(ms, signal),
      random: () => this.#rng.next(),
      log: (line) => this.logged.push(line),
      environmentOf: () => ({ SLUICE_ASSIGNMENT: 'x'.repeat(this.taskBytes) }),
      name: 'driver',
      slots: this.#slots,
      pollMs: 500,
    });
    this.#driver = drive.run(this.#stop.signal);
    this.#driver.catch(() => undefined);
  }

  async stopDriver(): Promise<void> {
    this.#stop.abort();
    await this.#driver;
  }

  /** Runs a scenario; the driver ends with it. */
  async play(scenario: () => Promise<void>): Promise<void> {
    await this.time.run(
      (async () => {
        this.startDriver();
        await scenario();
        await this.stopDriver();
      })(),
    );
  }

  /** Waits in virtual time; throws after a quarter of an hour. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    for (let waitedMs = 0; waitedMs < 900_000; waitedMs += 50) {
      if (isSo()) return;
      await this.time.sleep(50);
    }
    throw new Error(`${what}: not in a quarter of an hour; the driver said: ${this.logged.slice(-5).join('; ')}`);
  }

  /** All jobs of the pool are over, and nothing is left in the cluster. */
  async settled(): Promise<void> {
    await this.until('all jobs are over', () => this.pool.isIdle);
    const isLive = ({ state }: BatchJob): boolean => state === 'queued' || state === 'running';
    await this.until('the cluster is empty', () => ![...this.cluster.jobs.values()].some(isLive) && this.cluster.processCount === 0);
  }

  /** The adapter under test, connected to the double. */
  connect(): Cluster {
    const fake = this[this.#kind];
    const call = async (method: string, path: string, json?: object) => {
      const fault = this.fault(method, path);
      const isSubmission = method === 'POST' && !path.endsWith('/stop');
      if (isSubmission) this.submissions.most = Math.max(this.submissions.most, (this.submissions.now += 1));
      await this.time.sleep(this.callMs);
      if (isSubmission) this.submissions.now -= 1;
      if (fault === 'lost') throw new ClusterAway('no connection');
      const reply = await fake.call(method, path, json);
      if (fault === 'unanswered') throw new ClusterAway('the answer was lost');
      return reply;
    };
    const send = async (method: string, path: string, { signal }: { readonly signal: AbortSignal }): Promise<Response> => {
      if (this.fault(method, path) !== undefined) throw new ClusterAway('no connection');
      return this.kubernetes.send(method, path, { signal });
    };
    if (this.#kind === 'slurm') {
      const settings = { poolId: POOL_ID, partition: 'low', timeLimitMinutes: 10, directory: '/tmp', runner: ['run'], job: {} };
      return new SlurmCluster({ client: { call }, settings, slotsPerNode: SLOTS_PER_NODE, nowMs: () => this.time.nowMs() });
    }
    if (this.#kind === 'ray') {
      const settings = { poolId: POOL_ID, runner: ['run'], runtimeEnv: {}, job: {} };
      return new RayCluster({ client: { call }, settings, nowMs: () => this.time.nowMs() });
    }
    const settings = { poolId: POOL_ID, image: 'i', queue: 'q', timeLimitS: 600, tokenSecret: 's', resources: {}, pod: {} };
    return new KubernetesCluster({ client: { call, send }, namespace: 'default', settings });
  }

  /** What `run-once.ts` does: takes the attempt, works under its lease, completes. A signal leaves the report to the driver. */
  #process(job: BatchJob, exited: (how: 'succeeded' | 'failed') => void): () => void {
    const [run, attempt] = [`run-${(this.#runs += 1)}`, job.name];
    let isStopped = false;
    const work = async (): Promise<void> => {
      await this.time.sleep(200);
      for (let workedMs = 0; workedMs < this.workMs; workedMs += 1_000) {
        if (isStopped) return;
        const { command } = this.pool.beat(attempt, fenceOf(attempt as never), run);
        if (workedMs === 0) this.worked.push(attempt);
        if (command !== 'continue')
          return this.pool.giveUp(attempt, fenceOf(attempt as never), command === 'cancel' ? 'cancelled' : 'released');
        await this.time.sleep(Math.min(1_000, this.workMs - workedMs));
      }
      if (!isStopped) this.pool.complete(attempt, fenceOf(attempt as never));
    };
    // A refusal means that the attempt is another's, or over: the process has nothing to report.
    void work()
      .catch(() => undefined)
      .then(() => (isStopped ? undefined : exited('succeeded')));
    return () => (isStopped = true);
  }

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.time.after(ms, resolve);
      signal.addEventListener('abort', () => (cancel(), resolve()), { once: true });
    });
  }
}
