import { workReply } from '../../../../src/contract/jobs/job-work.ts';
import type { JobCostReply } from '../../../../src/contract/jobs/job-control.ts';
import type { JobEventReply } from '../../../../src/contract/jobs/job-events.ts';
import type { JobReply } from '../../../../src/contract/jobs/jobs.ts';
import type { JobCost } from '../../../../src/gateway/jobs/job-cost.ts';
import { jobCostNano } from '../../../../src/gateway/jobs/job-cost.ts';
import type { ResourceOption } from '../../../../src/scheduler/engine/model/job-spec.ts';
import type { JobEvent } from '../../../../src/scheduler/served/jobs/sqlite-job-history.ts';
import type { Member } from '../../../../src/scheduler/served/jobs/attempt-group.ts';
import type { EndedAttempt, Job, LiveAttempt } from '../../../../src/scheduler/served/jobs/job.ts';
import { isFinished } from '../../../../src/scheduler/served/jobs/job.ts';
import { jobOutlook } from '../../../../src/scheduler/served/jobs/job-outlook.ts';
import { usd } from '../../../../src/tenancy/usage/price-book.ts';
import { outlookReply } from './deadline-reply.ts';
import { seconds } from '../wire.ts';

/** A job as the API shows it. */
export function jobReply(job: Job): JobReply {
  const work = workReply(job.work);
  return work.kind === 'online_inference'
    ? { ...work, ...fieldsReply(job), replicas: (job.attempt?.group?.members ?? []).map(replicaReply) }
    : { ...work, ...fieldsReply(job) };
}

const replicaReply = ({ number, nodeId, serving }: Member) => ({
  number,
  node: nodeId,
  address: serving?.url ?? null,
  health: serving === undefined ? ('starting' as const) : serving.isHealthy ? ('healthy' as const) : ('unhealthy' as const),
});

/** What is shown of jobs of every kind. */
function fieldsReply(job: Job) {
  const costNano = jobCostNano(job);
  const outlook = jobOutlook(job);
  return {
    id: job.id,
    object: 'job' as const,
    owner: job.owner,
    name: job.name,
    labels: job.labels,
    queue: job.queue,
    priority: job.priority,
    state: job.state,
    nodes: job.attempt?.nodes ?? 0,
    nodes_wanted: job.nodesWanted,
    resources: job.options.map(resourcesReply),
    deadline_at: secondsOrNull(job.deadlineAtMs),
    deadline: outlook && outlookReply(outlook),
    deadline_policy: job.isBestEffort === true ? ('best_effort' as const) : ('refuse' as const),
    work_s: job.workMs === undefined ? null : job.workMs / 1_000,
    max_runtime_s: secondsOrNull(job.runtimeMaxMs),
    checkpoint_interval_s: secondsOrNull(job.checkpointIntervalMs),
    grace_s: seconds(job.graceMs),
    max_cost_usd: usdOrNull(job.costMaxNanoDollars),
    max_usd_per_hour: usdOrNull(job.priceMaxNanoDollarsPerHour),
    depends_on: [...job.dependsOn],
    max_attempts: job.attemptsMax,
    attempts: attemptsReply(job),
    progress: job.progress,
    output_file: job.outputFile,
    outputs: [...(job.outputs ?? [])],
    registered_model: job.registeredModel ?? null,
    checkpoint: job.checkpoint === undefined ? null : { bytes: job.checkpoint.bytes, sha256: job.checkpoint.sha256 },
    error: errorReply(job.error),
    created_at: seconds(job.createdAtMs),
    started_at: secondsOrNull(job.startedAtMs),
    finished_at: secondsOrNull(job.finishedAtMs),
    usage: isFinished(job) ? { job_tokens: job.tokens, accelerator_ms: job.acceleratorMs } : null,
    cost_usd: costNano === undefined ? null : usd(costNano),
  };
}

function errorReply(error: Job['error']): JobReply['error'] {
  if (error === null) return null;
  const { exitCode = null, lines, ...rest } = error;
  return { ...rest, exit_code: exitCode, ...(lines === undefined ? {} : { lines: [...lines] }) };
}

export const secondsOrNull = (ms: number | null): number | null => (ms === null ? null : seconds(ms));
export const usdOrNull = (nano: number | null): string | null => (nano === null ? null : usd(nano));

const resourcesReply = ({ accelerator, perNode, nodes, markets, regions, topology, throughputHintMilli }: ResourceOption) => ({
  accelerator,
  accelerators_per_node: perNode.acceleratorCount,
  accelerator_milli: perNode.milliEach,
  cpu_milli: perNode.cpuMilli,
  memory_mib: perNode.memoryMib,
  nodes,
  markets: [...markets],
  regions: regions === null ? null : [...regions],
  topology,
  throughput: throughputHintMilli / 1_000,
});

/** The attempts at a job, oldest first. */
export const attemptsReply = ({ ended, attempt }: Job) => [...ended, ...(attempt === null ? [] : [attempt])].map(attemptReply);

const attemptReply = (attempt: EndedAttempt | LiveAttempt) => ({
  fence: attempt.fence,
  pool: attempt.poolId,
  started_at: seconds(attempt.startedAtMs),
  ended_at: 'endedAtMs' in attempt ? seconds(attempt.endedAtMs) : null,
  outcome: 'outcome' in attempt ? attempt.outcome : ('running' as const),
  exit_code: 'exitCode' in attempt ? (attempt.exitCode ?? null) : null,
  stopped_for: ('outcome' in attempt ? attempt.stoppedFor : attempt.stopping) ?? null,
});

export const jobEventReply = (job: Job['id'], event: JobEvent, isFinal: boolean): JobEventReply => ({
  id: event.sequence,
  object: 'job_event',
  job,
  kind: event.kind,
  created_at: seconds(event.atMs),
  state: event.state,
  priority: event.priority,
  attempt: event.attempt === null ? null : { fence: event.attempt.fence, pool: event.attempt.poolId, nodes: event.attempt.nodes },
  stopped_for: event.stopping,
  stop_by: event.stopByMs === undefined ? null : seconds(event.stopByMs),
  ended: event.ended === null ? null : attemptReply(event.ended),
  error: errorReply(event.error),
  deadline: event.deadline ?? null,
  final: isFinal,
});

export const costReply = (job: Job, { segments, earlierNano, tokensNano, totalNano }: JobCost): JobCostReply => ({
  job: job.id,
  object: 'job_cost',
  segments: segments.map(({ segment, nanoPerHour, amountNano }) => ({
    attempt: segment.fence,
    pool: segment.poolId,
    nodes: segment.nodes,
    accelerator: segment.accelerator,
    started_at: seconds(segment.fromMs),
    ended_at: seconds(segment.untilMs),
    ms: segment.untilMs - segment.fromMs,
    accelerator_ms: segment.acceleratorMs,
    usd_per_hour: usd(nanoPerHour),
    price: segment.priceId ?? null,
    amount_usd: usd(amountNano),
  })),
  earlier_usd: usd(earlierNano),
  job_tokens: job.tokens,
  job_tokens_usd: usd(tokensNano),
  accelerator_ms: job.acceleratorMs,
  total_usd: usd(totalNano),
});
