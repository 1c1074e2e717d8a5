import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import type { Cluster, ClusterJob, ClusterTask, Submission } from '../../src/pools/clusters/cluster.ts';
import type { SlurmJobSettings, SlurmRecord } from '../../src/pools/clusters/slurm.ts';
import { slurmJob, slurmRecords, slurmStates, slurmSubmission, slurmUsableNodes, slurmVersion } from '../../src/pools/clusters/slurm.ts';
import type { ClusterClient, ClusterReply } from './cluster-client.ts';
import { ClusterAway } from './cluster-client.ts';
import { AtOnce } from './each-at-once.ts';

interface SlurmParts {
  readonly client: Pick<ClusterClient, 'call'>;
  readonly settings: SlurmJobSettings;
  readonly slotsPerNode: number;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
}

/** Fewer jobs than this are read one by one, and more if they are few of all: a listing has 27 KB for each that there is. */
const SINGLE_READS_MIN = 16;
const SINGLE_READS_SHARE = 0.5;

/**
 * Slurm by slurmrestd. A job of its full listing takes 27 KB, and of the listing of states 80 bytes: each poll reads the states, and only the
 * jobs that are new or in another state. An id that a restarted controller used again shows in that, or in the next full listing.
 */
export class SlurmCluster implements Cluster {
  readonly #parts: SlurmParts;
  #version: string | undefined;
  /** The jobs of the last listing, those of others, too. */
  #records = new Map<string, SlurmRecord>();
  #fullAtMs = -Infinity;

  constructor(parts: SlurmParts) {
    this.#parts = parts;
  }

  async submit(task: ClusterTask): Promise<Submission> {
    const { status, body } = await this.#call('POST', 'job/submit', slurmJob(task, this.#parts.settings));
    const submission = slurmSubmission(status, body);
    if (submission === undefined) throw new ClusterAway(`job/submit answered ${status}: ${JSON.stringify(body)?.slice(0, 300)}`);
    // The id may have been another job's before the controller restarted.
    if (submission.kind === 'accepted') this.#records.delete(submission.id);
    return submission;
  }

  async list(): Promise<readonly ClusterJob[]> {
    try {
      await this.#refresh();
    } catch (error) {
      // Its controller may have restarted, and lost what it had acknowledged.
      this.#fullAtMs = -Infinity;
      throw error;
    }
    return [...this.#records.values()].flatMap(({ job }) => job ?? []).sort((a, b) => Number(a.id) - Number(b.id));
  }

  async cancel({ id, attemptId }: ClusterJob): Promise<void> {
    const now = (await this.#read(id)).find((record) => record.id === id)?.job;
    // Its id is another's by now: the next listing reads it anew.
    if (now?.attemptId !== attemptId) return void this.#records.delete(id);
    if (now.phase.kind === 'ended') return;
    // A job that is gone or over by now is answered 200 with an error in it, or 404: either is what was wanted.
    await this.#call('DELETE', `job/${id}`);
  }

  async usableSlots(): Promise<number> {
    const { settings, slotsPerNode } = this.#parts;
    return slurmUsableNodes(await this.#answer('nodes/'), settings.partition) * slotsPerNode;
  }

  async #refresh(): Promise<void> {
    const nowMs = this.#parts.nowMs();
    const states = slurmStates(await this.#answer('jobs/state/'));
    const unread = [...states].filter(([id, state]) => this.#records.get(id)?.state !== state).map(([id]) => id);
    const isMost = unread.length > Math.max(SINGLE_READS_MIN, SINGLE_READS_SHARE * states.size);
    const isFull = nowMs - this.#fullAtMs >= POOL_LIMITS.clusterFullListingMs || isMost;
    const read = isFull ? await this.#all() : await this.#readAll(unread);
    const kept = isFull ? [] : [...this.#records].filter(([id]) => states.has(id));
    this.#records = new Map([...kept, ...read.map((record) => [record.id, record] as const)]);
    if (isFull) this.#fullAtMs = nowMs;
  }

  async #all(): Promise<readonly SlurmRecord[]> {
    return slurmRecords(await this.#answer('jobs/'), this.#parts.settings.poolId);
  }

  async #readAll(ids: readonly string[]): Promise<readonly SlurmRecord[]> {
    const reads = new AtOnce(POOL_LIMITS.clusterCallsMaxCount);
    return (await Promise.all(ids.map((id) => reads.pass(() => this.#read(id))))).flat();
  }

  /** A job by its id; none where the controller does not know it any more. */
  async #read(id: string): Promise<readonly SlurmRecord[]> {
    const { status, body } = await this.#call('GET', `job/${id}`);
    if (status === 404) return [];
    if (status !== 200) throw new ClusterAway(`job/${id} answered ${status}`);
    return slurmRecords(body, this.#parts.settings.poolId);
  }

  async #answer(path: string): Promise<unknown> {
    const { status, body } = await this.#call('GET', path);
    if (status !== 200 || body === undefined) throw new ClusterAway(`${path} answered ${status}`);
    return body;
  }

  async #call(method: string, path: string, json?: object): Promise<ClusterReply> {
    this.#version ??= await this.#probe();
    return this.#parts.client.call(method, `/slurm/${this.#version}/${path}`, json);
  }

  /** Clusters run versions of its API that are years apart. */
  async #probe(): Promise<string> {
    const { status, body } = await this.#parts.client.call('GET', '/openapi/v3');
    if (status !== 200 || body === undefined) throw new ClusterAway(`/openapi/v3 answered ${status}`);
    const version = slurmVersion(body);
    if (version === undefined) throw new ClusterAway('its slurmrestd speaks none of v0.0.40 to v0.0.46');
    return version;
  }
}
