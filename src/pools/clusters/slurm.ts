import * as z from 'zod';

import type { AttemptId, PoolId } from '../../kernel/ids.ts';
import type { ClusterEnd, ClusterJob, ClusterPhase, ClusterTask, Submission } from './cluster.ts';
import { attemptIdIn } from '../../contract/jobs/attempt.ts';
import { shellCommand } from './cluster.ts';

// Requests and answers of slurmrestd, v0.0.40 to v0.0.46. Of what it answers only what is read here is checked: versions add fields.

/** The newest first. */
const VERSIONS = ['v0.0.46', 'v0.0.45', 'v0.0.44', 'v0.0.43', 'v0.0.42', 'v0.0.41', 'v0.0.40'] as const;

const openApi = z.object({ paths: z.record(z.string(), z.unknown()) });

/** The newest version of its API that both sides know, by the document at `/openapi/v3`; undefined: none. */
export function slurmVersion(document: unknown): string | undefined {
  const { paths } = openApi.parse(document);
  return VERSIONS.find((version) => paths[`/slurm/${version}/job/submit`] !== undefined);
}

export interface SlurmJobSettings {
  readonly poolId: PoolId;
  readonly partition?: string | undefined;
  readonly timeLimitMinutes: number;
  /** Where the batch script starts, on the node. */
  readonly directory: string;
  /** What the batch script runs, and its arguments. */
  readonly runner: readonly string[];
  /** Further fields of the job, as slurmrestd names them: `tres_per_node`, `cpus_per_task`, `account`, `qos`. */
  readonly job: Readonly<Record<string, unknown>>;
}

/** By this a job is known as one of the pool. Anybody may name a job like an attempt. */
const markOf = (poolId: PoolId): string => `sluice ${poolId}`;

/** The body of `job/submit`. */
export function slurmJob(task: ClusterTask, settings: SlurmJobSettings): object {
  const { poolId, partition, timeLimitMinutes, directory, runner, job } = settings;
  return {
    job: {
      standard_output: '/dev/null',
      standard_error: '/dev/null',
      tasks: 1,
      ...job,
      ...(partition === undefined ? {} : { partition }),
      name: task.attemptId,
      comment: markOf(poolId),
      time_limit: { set: true, infinite: false, number: timeLimitMinutes },
      // Who runs it again, and with a higher fence, is the scheduler (P68).
      requeue: false,
      current_working_directory: directory,
      environment: Object.entries({ PATH: '/usr/local/bin:/usr/bin:/bin', ...task.environment }).map(([name, value]) => `${name}=${value}`),
      script: `#!/bin/sh\n${shellCommand(runner)}\n`,
    },
  };
}

const faults = z.object({
  errors: z
    .array(z.object({ error_number: z.int().optional(), error: z.string().optional(), description: z.string().optional() }))
    .optional(),
});
const submitted = z.object({ job_id: z.int().min(1) });

/** Errors from here on are the controller's; below, it was not reached or did not know the caller. */
const CONTROLLER_ERROR_MIN = 2_000;

/** What became of a submission; undefined where its answer does not say. */
export function slurmSubmission(status: number, answer: unknown): Submission | undefined {
  const taken = submitted.safeParse(answer);
  if (status === 200 && taken.success) return { kind: 'accepted', id: String(taken.data.job_id) };
  const error = faults.safeParse(answer).data?.errors?.[0];
  if (error === undefined || (error.error_number ?? 0) < CONTROLLER_ERROR_MIN) return undefined;
  return { kind: 'refused', message: `slurm: ${error.description ?? error.error ?? 'no reason'} (${error.error_number})` };
}

const states = z.object({ jobs: z.array(z.object({ job_id: z.coerce.string(), state: z.array(z.string()) })) });

/** Every job of the cluster by its id, with its state as one text. */
export const slurmStates = (answer: unknown): ReadonlyMap<string, string> =>
  new Map(states.parse(answer).jobs.map(({ job_id, state }) => [job_id, state.join('+')]));

const number = z.object({ set: z.boolean(), number: z.number() }).optional();
const job = z.object({
  job_id: z.coerce.string(),
  name: z.string(),
  comment: z.string(),
  job_state: z.array(z.string()),
  state_reason: z.string().optional(),
  exit_code: z.object({ return_code: number, signal: z.object({ id: number }).optional() }).optional(),
});
const jobs = z.object({ jobs: z.array(job) });

export interface SlurmRecord {
  readonly id: string;
  /** As `slurmStates` has it. */
  readonly state: string;
  /** Undefined: a job that is not of the pool. */
  readonly job: ClusterJob | undefined;
}

/** The jobs in the answer of `jobs/` or `job/{id}`. */
export const slurmRecords = (answer: unknown, poolId: PoolId): readonly SlurmRecord[] =>
  jobs.parse(answer).jobs.map((record) => {
    const attemptId: AttemptId | undefined = record.comment === markOf(poolId) ? attemptIdIn(record.name) : undefined;
    const found = attemptId === undefined ? undefined : { id: record.job_id, attemptId, phase: phaseOf(record) };
    return { id: record.job_id, state: record.job_state.join('+'), job: found };
  });

const ENDS: Readonly<Record<string, ClusterEnd>> = {
  COMPLETED: 'succeeded',
  FAILED: 'failed',
  OUT_OF_MEMORY: 'failed',
  TIMEOUT: 'time_limit',
  DEADLINE: 'time_limit',
  CANCELLED: 'cancelled',
  REVOKED: 'cancelled',
  PREEMPTED: 'preempted',
  NODE_FAIL: 'node_lost',
  BOOT_FAIL: 'node_lost',
};

const HAS_NODES = new Set(['RUNNING', 'SUSPENDED', 'STOPPED', 'SIGNALING', 'RESIZING']);

/** A state is a base state and flags. A job that goes back into the queue is flagged with why while its processes end. */
function phaseOf({ job_state, state_reason, exit_code }: z.infer<typeof job>): ClusterPhase {
  if (job_state.some((state) => state === 'PENDING' || state === 'REQUEUED' || state === 'REQUEUE_HOLD')) return { kind: 'queued' };
  const ended = job_state.find((state) => ENDS[state] !== undefined);
  if (ended === undefined) return { kind: job_state.some((state) => HAS_NODES.has(state)) ? 'running' : 'queued' };
  const [code, signal] = [exit_code?.return_code, exit_code?.signal?.id];
  const exit = signal?.set === true && signal.number > 0 ? `, signal ${signal.number}` : code?.set === true ? `, exit ${code.number}` : '';
  return { kind: 'ended', how: ENDS[ended] ?? 'failed', detail: `${ended} (${state_reason ?? 'None'}${exit})` };
}

const nodes = z.object({
  nodes: z.array(z.object({ name: z.string(), state: z.array(z.string()), partitions: z.array(z.string()).optional() })),
});

/** A node in any of these starts no new job. */
const CLOSED = new Set(['DOWN', 'DRAIN', 'FAIL', 'NOT_RESPONDING', 'MAINTENANCE', 'POWERING_DOWN', 'REBOOT_REQUESTED', 'UNKNOWN', 'ERROR']);

/** The nodes of a partition, or of all, that start new jobs. */
export function slurmUsableNodes(answer: unknown, partition?: string): number {
  const isMeant = (node: { partitions?: readonly string[] | undefined }): boolean =>
    partition === undefined || (node.partitions ?? []).includes(partition);
  return nodes.parse(answer).nodes.filter((node) => isMeant(node) && !node.state.some((flag) => CLOSED.has(flag))).length;
}
