import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import type { PoolId } from '../../src/kernel/ids.ts';
import type { Cluster, ClusterJob, ClusterTask, Submission } from '../../src/pools/clusters/cluster.ts';
import type { KubernetesJobSettings } from '../../src/pools/clusters/kubernetes.ts';
import {
  jobPath,
  kubernetesEvent,
  kubernetesJob,
  kubernetesPage,
  kubernetesRecord,
  labelSelector,
} from '../../src/pools/clusters/kubernetes.ts';
import type { ClusterClient } from './cluster-client.ts';
import { ClusterAway } from './cluster-client.ts';

interface KubernetesParts {
  readonly client: Pick<ClusterClient, 'call' | 'send'>;
  readonly namespace: string;
  readonly settings: KubernetesJobSettings;
}

const PAGE_COUNT = 500;
/** The API server ends a watch after this long: what was missed by then is listed. */
const WATCH_S = 240;

/** The Jobs of the pool, by uid, as a listing and the watch from its resource version on have shown them. */
interface View {
  readonly jobs: Map<string, ClusterJob>;
  readonly stop: AbortController;
  isLive: boolean;
}

/** Kubernetes by its API server: Jobs of one namespace, which Kueue may admit. */
export class KubernetesCluster implements Cluster {
  readonly #parts: KubernetesParts;
  #view: View | undefined;

  constructor(parts: KubernetesParts) {
    this.#parts = parts;
  }

  async submit(task: ClusterTask): Promise<Submission> {
    const { client, namespace, settings } = this.#parts;
    const { status, body } = await client.call('POST', jobPath(namespace), kubernetesJob(task, settings));
    if (status === 201 || status === 200 || status === 202) return this.#accepted(kubernetesRecord(body, settings.poolId));
    // Its name is the attempt's: what was asked for before is there.
    if (status === 409) {
      const found = await client.call('GET', jobPath(namespace, task.attemptId));
      if (found.status === 200) return this.#accepted(kubernetesRecord(found.body, settings.poolId));
    }
    const message = `kubernetes: ${(body as { message?: string } | undefined)?.message ?? status}`;
    if (status === 400 || status === 403 || status === 404 || status === 422) return { kind: 'refused', message };
    throw new ClusterAway(`POST ${jobPath(namespace)} answered ${status}`);
  }

  async list(): Promise<readonly ClusterJob[]> {
    if (this.#view?.isLive !== true) this.#view = await this.#open();
    return [...this.#view.jobs.values()];
  }

  async cancel({ id, attemptId }: ClusterJob): Promise<void> {
    const { client, namespace } = this.#parts;
    // Only this very object: not one of the same name that was made after it.
    const options = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background', preconditions: { uid: id } };
    const { status } = await client.call('DELETE', jobPath(namespace, attemptId), options);
    if (status >= 500) throw new ClusterAway(`DELETE of ${attemptId} answered ${status}`);
  }

  /** Its own queue holds what does not fit, and knows quotas that a driver does not. */
  async usableSlots(): Promise<number> {
    return Infinity;
  }

  /** Ends the watch. */
  close(): void {
    this.#view?.stop.abort();
    this.#view = undefined;
  }

  #accepted(job: ClusterJob | undefined): Submission {
    if (job === undefined) return { kind: 'refused', message: 'kubernetes: an object of that name belongs to somebody else' };
    // The watch may be behind; what it shows later is newer.
    if (this.#view?.jobs.has(job.id) === false) this.#view.jobs.set(job.id, job);
    return { kind: 'accepted', id: job.id };
  }

  async #open(): Promise<View> {
    this.close();
    const { namespace, settings } = this.#parts;
    const jobs = new Map<string, ClusterJob>();
    const query = `labelSelector=${encodeURIComponent(labelSelector(settings.poolId))}`;
    let resourceVersion = '';
    for (let next: string | undefined = ''; next !== undefined;) {
      const from: string = next === '' ? '' : `&continue=${encodeURIComponent(next)}`;
      const { status, body } = await this.#parts.client.call('GET', `${jobPath(namespace)}?${query}&limit=${PAGE_COUNT}${from}`);
      // 410: the pages of this listing are not kept any more.
      if (status !== 200) throw new ClusterAway(`the listing of jobs answered ${status}`);
      const page = kubernetesPage(body);
      for (const item of page.items) keep(jobs, item, settings.poolId);
      ({ resourceVersion, next } = page);
    }
    const view: View = { jobs, stop: new AbortController(), isLive: true };
    await this.#watch(view, `${query}&watch=1&allowWatchBookmarks=true&timeoutSeconds=${WATCH_S}&resourceVersion=${resourceVersion}`);
    return view;
  }

  /** Begins a watch; its events change the view until it ends. */
  async #watch(view: View, query: string): Promise<void> {
    const { client, namespace } = this.#parts;
    // Headers come within the time of a call, events whenever there are some.
    const late = setTimeout(() => view.stop.abort(), POOL_LIMITS.clusterCallMsMax);
    // A connection that died without a word ends with its time.
    const signal = AbortSignal.any([view.stop.signal, AbortSignal.timeout(2 * WATCH_S * 1_000)]);
    const response = await client.send('GET', `${jobPath(namespace)}?${query}`, { signal });
    clearTimeout(late);
    if (!response.ok || response.body === null) throw new ClusterAway(`the watch of jobs answered ${response.status}`);
    void follow(view, response.body, this.#parts.settings.poolId);
  }
}

function keep(jobs: Map<string, ClusterJob>, item: unknown, poolId: PoolId): void {
  const job = kubernetesRecord(item, poolId);
  if (job !== undefined) jobs.set(job.id, job);
}

/** Applies the lines of a watch until it ends, however it does: then the next listing starts anew. */
async function follow(view: View, body: ReadableStream<Uint8Array<ArrayBuffer>>, poolId: PoolId): Promise<void> {
  try {
    let rest = '';
    for await (const text of body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > POOL_LIMITS.clusterReplyBytesMax) return;
      for (const line of lines) {
        if (line !== '' && !apply(view, JSON.parse(line), poolId)) return;
      }
    }
  } catch {
    // Cut off, or not a watch's lines.
  } finally {
    view.isLive = false;
    view.stop.abort();
  }
}

/** False: the watch cannot go on. */
function apply({ jobs }: View, line: unknown, poolId: PoolId): boolean {
  const event = kubernetesEvent(line, poolId);
  if (event.kind === 'over') return false;
  if (event.kind === 'deleted' || (event.kind === 'changed' && event.job === undefined)) jobs.delete(event.uid);
  else if (event.kind === 'changed' && event.job !== undefined) jobs.set(event.uid, event.job);
  return true;
}
