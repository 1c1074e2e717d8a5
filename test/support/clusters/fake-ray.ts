import type { ClusterReply } from '../../../workers/drivers/cluster-client.ts';
import type { BatchJob, BatchSystem } from './batch-system.ts';

interface Request {
  readonly submission_id: string;
  readonly entrypoint: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly runtime_env: { readonly env_vars: Readonly<Record<string, string>> };
}

const JOBS = '/api/jobs/';

/** How Ray has the end of a job on record: its status, and the type of its error. */
const STATES = {
  queued: ['PENDING', null],
  running: ['RUNNING', null],
  succeeded: ['SUCCEEDED', null],
  failed: ['FAILED', 'JOB_ENTRYPOINT_COMMAND_ERROR'],
  // Ray has no time limit for a job: it is the program that ends.
  time_limit: ['FAILED', 'JOB_ENTRYPOINT_COMMAND_ERROR'],
  cancelled: ['STOPPED', null],
  preempted: ['FAILED', 'JOB_SUPERVISOR_ACTOR_DIED'],
  node_lost: ['FAILED', 'JOB_SUPERVISOR_ACTOR_DIED'],
} as const;

/** A program that joined the cluster by itself: no job of the Jobs API, and in its listing. */
const DRIVER = { type: 'DRIVER', job_id: '01000000', submission_id: null, status: 'RUNNING', entrypoint: 'python x.py', metadata: {} };

/**
 * Answers as the Jobs API of Ray's head node does, after its documentation and its source: an id that is taken is answered 500 with the
 * trace of a program, a job that waits reads an instruction to stop only once it has a node, and only jobs that are over can be deleted.
 */
export class FakeRay {
  readonly #cluster: BatchSystem;
  readonly #toStop = new Set<string>();
  /** Requests to delete a job that was over. */
  deleted = 0;
  /** No node of it can take submissions. */
  isBroken = false;

  constructor(cluster: BatchSystem) {
    this.#cluster = cluster;
    cluster.watch((job) => {
      if (job.state !== 'running' || !this.#toStop.has(job.name)) return;
      // Its process is started, reads the instruction and ends.
      queueMicrotask(() => cluster.end(job, 'cancelled'));
    });
  }

  async call(method: string, path: string, json?: object): Promise<ClusterReply> {
    if (!path.startsWith(JOBS)) return { status: 404, body: undefined, text: '404: Not Found' };
    if (path === JOBS) return method === 'POST' ? this.#submit(json as Request) : ok([DRIVER, ...this.#submissions.map(shown)]);
    const [id = '', verb] = path.slice(JOBS.length).split('/');
    const job = this.#submissions.find(({ name }) => name === id);
    if (job === undefined) return { status: 404, body: undefined, text: `Job ${id} does not exist` };
    if (method === 'GET') return ok(shown(job));
    return verb === 'stop' ? this.#stop(job) : this.#delete(job);
  }

  get #submissions(): readonly BatchJob[] {
    return [...this.#cluster.jobs.values()];
  }

  #submit({ submission_id: id, ...request }: Request): ClusterReply {
    if (this.isBroken) return { status: 500, body: undefined, text: 'No available agent to submit job, please try again later.' };
    const texts = [id, request.entrypoint, ...Object.values(request.metadata), ...Object.values(request.runtime_env.env_vars)];
    if (texts.some((text) => typeof text !== 'string')) return trace(400, 'TypeError: must be a string');
    if (this.#submissions.some(({ name }) => name === id)) {
      return trace(500, `RuntimeError: Request failed with status code 400: Job with submission_id ${id} already exists.`);
    }
    this.#cluster.submit(id, request);
    return ok({ job_id: id, submission_id: id });
  }

  #stop(job: BatchJob): ClusterReply {
    const isLive = job.state === 'queued' || job.state === 'running';
    if (isLive) this.#toStop.add(job.name);
    if (job.state === 'running') this.#cluster.end(job, 'cancelled');
    return ok({ stopped: isLive });
  }

  #delete(job: BatchJob): ClusterReply {
    if (job.state === 'queued' || job.state === 'running') {
      return trace(500, `RuntimeError: Attempted to delete job '${job.name}', but it is in a non-terminal state ${STATES[job.state][0]}.`);
    }
    this.deleted += 1;
    this.#cluster.forget(job);
    return ok({ deleted: true });
  }
}

const ok = (body: object): ClusterReply => ({ status: 200, body });
const trace = (status: number, last: string): ClusterReply => ({
  status,
  body: undefined,
  text: `Traceback (most recent call last):\n  File "job_head.py"\n${last}\n`,
});

function shown({ name, state, spec }: BatchJob): object {
  const [status, error_type] = STATES[state];
  const { metadata, entrypoint, runtime_env } = spec as Request;
  const message = status === 'FAILED' ? 'why' : null;
  return { type: 'SUBMISSION', job_id: null, submission_id: name, status, error_type, message, metadata, entrypoint, runtime_env };
}
