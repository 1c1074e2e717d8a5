import type { ClusterReply } from '../../../workers/drivers/cluster-client.ts';
import type { BatchJob, BatchSystem } from './batch-system.ts';

interface Manifest {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>>;
}

const JOBS = '/apis/batch/v1/namespaces/default/jobs';

/** Why a Job failed, by how it did. */
const FAILED = {
  failed: 'BackoffLimitExceeded',
  time_limit: 'DeadlineExceeded',
  preempted: 'PodFailurePolicy',
  node_lost: 'PodFailurePolicy',
} as const;

/** Answers as an API server of Kubernetes does to a driver, by its documented shapes: here is none to record from. */
export class FakeKubernetes {
  readonly #cluster: BatchSystem;
  readonly #watches = new Set<ReadableStreamDefaultController<Uint8Array>>();
  /** Watches begun, with the resource version of each. */
  readonly watched: string[] = [];

  constructor(cluster: BatchSystem) {
    this.#cluster = cluster;
    cluster.watch((job, kind) =>
      this.#tell(kind === 'deleted' ? 'DELETED' : job.version === this.#created.get(job.id) ? 'ADDED' : 'MODIFIED', shown(job)),
    );
  }

  readonly #created = new Map<string, number>();

  async call(method: string, path: string, json?: object): Promise<ClusterReply> {
    const [route = '', query] = path.split('?');
    const name = route.slice(JOBS.length + 1);
    if (!route.startsWith(JOBS)) return { status: 404, body: { message: 'no such resource' } };
    if (method === 'POST') return this.#create(json as Manifest);
    if (name === '') return this.#list(query ?? '');
    const job = [...this.#cluster.jobs.values()].find((other) => objectOf(other).metadata.name === name);
    if (job === undefined) return { status: 404, body: { message: `jobs.batch "${name}" not found` } };
    if (method === 'GET') return { status: 200, body: shown(job) };
    if ((json as { preconditions: { uid: string } }).preconditions.uid !== uidOf(job))
      return { status: 409, body: { message: 'Precondition failed: UID' } };
    this.#cluster.end(job, 'cancelled');
    this.#cluster.forget(job);
    return { status: 200, body: shown(job) };
  }

  async send(_method: string, path: string, { signal }: { readonly signal: AbortSignal }): Promise<Response> {
    this.watched.push(new URL(path, 'http://k').searchParams.get('resourceVersion') ?? '');
    let mine: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        mine = controller;
        this.#watches.add(controller);
        signal.addEventListener('abort', () => this.#watches.delete(controller));
      },
      cancel: () => void (mine !== undefined && this.#watches.delete(mine)),
    });
    return new Response(body);
  }

  /** Ends all watches, as a restarted API server does; `isGone`: with the event that says that the past is not kept. */
  endWatches(isGone = false): void {
    if (isGone) this.#tell('ERROR', { kind: 'Status', code: 410, reason: 'Expired' });
    for (const watch of this.#watches) watch.close();
    this.#watches.clear();
  }

  #create(manifest: Manifest): ClusterReply {
    const { jobs } = this.#cluster;
    if ([...jobs.values()].some((job) => objectOf(job).metadata.name === manifest.metadata.name)) {
      return { status: 409, body: { reason: 'AlreadyExists', message: 'already exists' } };
    }
    const attempt = (manifest.metadata as unknown as { annotations: Record<string, string> }).annotations['sluice.dev/attempt'] ?? '';
    return { status: 201, body: shown(this.#cluster.submit(attempt, manifest)) };
  }

  #list(query: string): ClusterReply {
    const [key, value] = (new URLSearchParams(query).get('labelSelector') ?? '').split('=');
    const mine = [...this.#cluster.jobs.values()].filter((job) => objectOf(job).metadata.labels[key ?? ''] === value);
    const limit = Number(new URLSearchParams(query).get('limit'));
    const from = Number(new URLSearchParams(query).get('continue') ?? 0);
    const next = from + limit < mine.length ? String(from + limit) : '';
    return {
      status: 200,
      body: {
        metadata: { resourceVersion: String(this.#cluster.version), continue: next },
        items: mine.slice(from, from + limit).map(shown),
      },
    };
  }

  #tell(type: string, object: object): void {
    const line = new TextEncoder().encode(`${JSON.stringify({ type, object })}\n`);
    // In two pieces, as networks deliver lines.
    for (const watch of this.#watches) for (const part of [line.slice(0, 30), line.slice(30)]) watch.enqueue(part);
  }
}

const objectOf = ({ spec }: BatchJob): Manifest => spec as Manifest;
const uidOf = ({ id }: BatchJob): string => `uid-${id}`;

function shown(job: BatchJob): object {
  const { metadata, spec } = objectOf(job);
  const { state } = job;
  const isFailed = state in FAILED;
  const conditions = [
    ...(state === 'succeeded' ? [{ type: 'Complete', status: 'True' }] : []),
    ...(isFailed ? [{ type: 'Failed', status: 'True', reason: FAILED[state as keyof typeof FAILED], message: 'why' }] : []),
  ];
  const isActive = state === 'running';
  return {
    metadata: {
      ...metadata,
      uid: uidOf(job),
      resourceVersion: String(job.version),
      ...(state === 'cancelled' ? { deletionTimestamp: '2026-11-27T00:00:00Z' } : {}),
    },
    // Kueue suspends what waits.
    spec: { ...spec, suspend: state === 'queued' },
    status: { ...(isActive ? { active: 1, ready: 1 } : {}), conditions },
  };
}
