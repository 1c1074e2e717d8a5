import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import type { AttemptId } from '../../src/kernel/ids.ts';
import type { Cluster, ClusterJob, ClusterTask, Submission } from '../../src/pools/clusters/cluster.ts';
import type { RayJobSettings } from '../../src/pools/clusters/ray.ts';
import { RAY_JOBS, rayJob, rayJobPath, rayRecord, rayRecords, raySubmissionId } from '../../src/pools/clusters/ray.ts';
import type { ClusterClient, ClusterReply } from './cluster-client.ts';
import { ClusterAway } from './cluster-client.ts';
import { eachAtOnce } from './each-at-once.ts';

interface RayParts {
  readonly client: Pick<ClusterClient, 'call'>;
  readonly settings: RayJobSettings;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
}

/** Jobs that are deleted after one listing: the next is not to wait for long. */
const DELETED_AT_ONCE = 64;

/** Ray by the Jobs API of its head node. */
export class RayCluster implements Cluster {
  readonly #parts: RayParts;
  /** Jobs that were asked to stop while they waited. */
  readonly #leaving = new Set<AttemptId>();
  /** Since when a job has been listed as over. */
  #endedAtMs = new Map<AttemptId, number>();

  constructor(parts: RayParts) {
    this.#parts = parts;
  }

  async submit(task: ClusterTask): Promise<Submission> {
    const reply = await this.#parts.client.call('POST', RAY_JOBS, rayJob(task, this.#parts.settings));
    const id = reply.status === 200 ? raySubmissionId(reply.body) : undefined;
    if (id !== undefined) return { kind: 'accepted', id };
    // An id that is taken is answered like any other error, so what is there says what became of this call or an earlier one.
    if (reply.status === 400 || reply.status === 500) {
      const found = await this.#parts.client.call('GET', rayJobPath(task.attemptId));
      if (found.status === 200) {
        const job = rayRecord(found.body, this.#parts.settings.poolId);
        if (job === undefined) return { kind: 'refused', message: 'ray: a job of that submission_id belongs to another user' };
        return { kind: 'accepted', id: job.id };
      }
      if (reply.status === 400 && found.status === 404) return { kind: 'refused', message: `ray: ${reasonOf(reply)}` };
    }
    throw new ClusterAway(`POST ${RAY_JOBS} answered ${reply.status}: ${reasonOf(reply)}`);
  }

  async list(): Promise<readonly ClusterJob[]> {
    const { client, settings, nowMs } = this.#parts;
    const { status, body } = await client.call('GET', RAY_JOBS);
    if (status !== 200 || body === undefined) throw new ClusterAway(`the listing of jobs answered ${status}`);
    const jobs = rayRecords(body, settings.poolId);
    this.#note(jobs, nowMs());
    await this.#deleteOld(nowMs());
    return jobs.map((job) => this.#seen(job));
  }

  async cancel({ attemptId }: ClusterJob): Promise<void> {
    const { client, settings } = this.#parts;
    const found = await client.call('GET', rayJobPath(attemptId));
    if (found.status === 404) return;
    if (found.status !== 200) throw new ClusterAway(`${rayJobPath(attemptId)} answered ${found.status}`);
    const job = rayRecord(found.body, settings.poolId);
    if (job === undefined || job.phase.kind === 'ended') return;
    const { status } = await client.call('POST', `${rayJobPath(attemptId)}/stop`);
    if (status !== 200 && status !== 404) throw new ClusterAway(`the stop of ${attemptId} answered ${status}`);
    this.#leaving.add(attemptId);
  }

  /** Its own queue holds what does not fit. */
  async usableSlots(): Promise<number> {
    return Infinity;
  }

  /**
   * A job that waits reads the instruction to stop only once it has a node. It counts as over from then on: if it still starts, the pool
   * refuses its process (P60), and Ray ends it.
   */
  #seen(job: ClusterJob): ClusterJob {
    if (job.phase.kind !== 'queued' || !this.#leaving.has(job.attemptId)) return job;
    return { ...job, phase: { kind: 'ended', how: 'cancelled', detail: 'stopped before it had a node' } };
  }

  #note(jobs: readonly ClusterJob[], nowMs: number): void {
    const ended = jobs.filter(({ phase }) => phase.kind === 'ended').map(({ attemptId }) => attemptId);
    this.#endedAtMs = new Map(ended.map((id) => [id, this.#endedAtMs.get(id) ?? nowMs]));
    const live = new Set(jobs.filter(({ phase }) => phase.kind !== 'ended').map(({ attemptId }) => attemptId));
    for (const id of this.#leaving) if (!live.has(id)) this.#leaving.delete(id);
  }

  /** Ray keeps jobs that are over for ever, and lists all of them (P103). */
  async #deleteOld(nowMs: number): Promise<void> {
    const old = [...this.#endedAtMs].filter(([, atMs]) => nowMs - atMs >= POOL_LIMITS.clusterEndedKeptMs).map(([id]) => id);
    await eachAtOnce(POOL_LIMITS.clusterCallsMaxCount, old.slice(0, DELETED_AT_ONCE), async (id) => {
      // One that could not be deleted is still there at the next listing.
      await this.#parts.client.call('DELETE', rayJobPath(id)).catch(() => undefined);
    });
  }
}

/** Ray answers an error with the trace of a program, which ends with what went wrong. */
const reasonOf = ({ status, text }: ClusterReply): string => text?.trimEnd().split('\n').at(-1) ?? String(status);
