import * as z from 'zod';

import type { AttemptId, PoolId } from '../../kernel/ids.ts';
import { attemptIdIn } from '../../contract/jobs/attempt.ts';
import type { ClusterEnd, ClusterJob, ClusterPhase, ClusterTask } from './cluster.ts';
import { shellCommand } from './cluster.ts';

// Requests and answers of Ray's Jobs API. Of what it answers only what is read here is checked: versions add fields.

/** In the metadata of a job: by this it is known as one of the pool. Anybody may name a job like an attempt. */
const POOL_KEY = 'sluice.dev/pool';

export interface RayJobSettings {
  readonly poolId: PoolId;
  /** What the job's shell runs, and its arguments. */
  readonly runner: readonly string[];
  /** Fields of its runtime environment: `env_vars`, `working_dir`, `container`. */
  readonly runtimeEnv: Readonly<Record<string, unknown>>;
  /** Further fields of the job, as Ray names them: `entrypoint_num_cpus`, `entrypoint_num_gpus`, `entrypoint_resources`. */
  readonly job: Readonly<Record<string, unknown>>;
}

export const RAY_JOBS = '/api/jobs/';
export const rayJobPath = (attemptId: AttemptId): string => `${RAY_JOBS}${attemptId}`;

/** The body of a submission. Its id is the attempt's: Ray takes an id once (P101). */
export function rayJob(task: ClusterTask, { poolId, runner, runtimeEnv, job }: RayJobSettings): object {
  return {
    // A job that reserves nothing runs on the head node at once, however many are there.
    entrypoint_num_cpus: 1,
    ...job,
    submission_id: task.attemptId,
    entrypoint: shellCommand(runner),
    metadata: { [POOL_KEY]: poolId },
    runtime_env: { ...runtimeEnv, env_vars: { ...(runtimeEnv['env_vars'] as object | undefined), ...task.environment } },
    // The scheduler tries again itself, with a higher fence (P68).
    retry_policy: undefined,
  };
}

const submission = z.object({ submission_id: z.string() });

/** The id of a submission that was taken. */
export const raySubmissionId = (answer: unknown): string | undefined => submission.safeParse(answer).data?.submission_id;

const record = z.object({
  type: z.string(),
  submission_id: z.string().nullish(),
  status: z.string(),
  message: z.string().nullish(),
  error_type: z.string().nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
});
type JobDetails = z.infer<typeof record>;

/** A job of the pool; undefined: one of another user, or of a program that joined the cluster by itself. */
export function rayRecord(value: unknown, poolId: PoolId): ClusterJob | undefined {
  const found = record.parse(value);
  const attemptId = attemptIdIn(found.submission_id ?? '');
  const isOurs = found.type === 'SUBMISSION' && found.metadata?.[POOL_KEY] === poolId && attemptId !== undefined;
  return isOurs ? { id: attemptId, attemptId, phase: phaseOf(found) } : undefined;
}

/** The jobs of the pool in a listing of all. */
export const rayRecords = (answer: unknown, poolId: PoolId): readonly ClusterJob[] =>
  z
    .array(z.unknown())
    .parse(answer)
    .flatMap((value) => rayRecord(value, poolId) ?? []);

/** Why a job failed that ran nothing wrong: the node that held it is gone, or no node had room for it in Ray's time. */
const LOST = new Set(['JOB_SUPERVISOR_ACTOR_DIED', 'JOB_SUPERVISOR_ACTOR_START_TIMEOUT']);

const ENDS: Readonly<Record<string, ClusterEnd>> = { SUCCEEDED: 'succeeded', STOPPED: 'cancelled', FAILED: 'failed' };

function phaseOf({ status, error_type, message }: JobDetails): ClusterPhase {
  const how = ENDS[status];
  if (how === undefined) return { kind: status === 'PENDING' ? 'queued' : 'running' };
  // The message of a failure ends with the last lines of the job's log.
  const detail = [status, error_type, message].filter((part) => part !== undefined && part !== null).join(': ');
  return { kind: 'ended', how: LOST.has(error_type ?? '') ? 'node_lost' : how, detail };
}
