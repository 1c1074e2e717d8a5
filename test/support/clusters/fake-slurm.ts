import type { ClusterReply } from '../../../workers/drivers/cluster-client.ts';
import type { BatchJob, BatchSystem } from './batch-system.ts';

interface Spec {
  readonly name: string;
  readonly comment: string;
  readonly requeue: boolean;
}

const STATES = {
  queued: ['PENDING', 'None'],
  running: ['RUNNING', 'None'],
  succeeded: ['COMPLETED', 'None'],
  failed: ['FAILED', 'NonZeroExitCode'],
  time_limit: ['TIMEOUT', 'TimeLimit'],
  cancelled: ['CANCELLED', 'None'],
  preempted: ['PREEMPTED', 'None'],
  node_lost: ['NODE_FAIL', 'None'],
} as const;

const VERSION = '/slurm/v0.0.42/';

/** Answers as slurmrestd 24.11 does, in shapes that were recorded from it. */
export class FakeSlurm {
  readonly #cluster: BatchSystem;
  /** The sizes of full listings that were asked for. */
  readonly listings: number[] = [];

  constructor(cluster: BatchSystem) {
    this.#cluster = cluster;
  }

  async call(method: string, path: string, json?: object): Promise<ClusterReply> {
    if (path === '/openapi/v3') return ok({ paths: { [`${VERSION}job/submit`]: {}, '/slurm/v0.0.40/job/submit': {} } });
    if (!path.startsWith(VERSION)) return { status: 404, body: undefined };
    return this.#answer(`${method} ${path.slice(VERSION.length)}`, json);
  }

  #answer(call: string, json?: object): ClusterReply {
    const { jobs, nodes } = this.#cluster;
    if (call === 'POST job/submit') return this.#submit((json as { job: Spec }).job);
    if (call === 'GET jobs/state/')
      return ok({ jobs: [...jobs.values()].map(({ id, state }) => ({ job_id: id, state: [STATES[state][0]] })) });
    if (call === 'GET jobs/') {
      this.listings.push(jobs.size);
      return ok({ jobs: [...jobs.values()].map(shown) });
    }
    if (call === 'GET nodes/')
      return ok({
        nodes: nodes.map(({ name, isDrained }) => ({ name, state: isDrained ? ['IDLE', 'DRAIN'] : ['IDLE'], partitions: ['low'] })),
      });
    const job = jobs.get(call.split('/').at(-1) ?? '');
    if (call.startsWith('GET '))
      return job === undefined ? { status: 404, body: errors(2017, 'Invalid job id specified') } : ok({ jobs: [shown(job)] });
    if (job !== undefined) this.#cluster.end(job, 'cancelled');
    return ok({ ...errors(2017, 'Invalid job id specified') });
  }

  #submit(spec: Spec): ClusterReply {
    if (spec.requeue) return { status: 500, body: errors(2_000, 'a test wants no job requeued') };
    return ok({ job_id: Number(this.#cluster.submit(spec.name, spec).id), step_id: 'batch', errors: [], warnings: [] });
  }
}

const ok = (body: object): ClusterReply => ({ status: 200, body });
const errors = (error_number: number, description: string) => ({ errors: [{ error_number, description, error: description }] });

function shown({ id, state, spec }: BatchJob): object {
  const [name, reason] = STATES[state];
  const { comment, name: jobName } = spec as Spec;
  const exit = {
    return_code: { set: true, infinite: false, number: state === 'failed' ? 1 : 0 },
    signal: { id: { set: false, number: 0 } },
  };
  return { job_id: Number(id), name: jobName, comment, job_state: [name], state_reason: reason, exit_code: exit };
}
