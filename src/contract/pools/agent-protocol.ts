import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { FAILURE_REASONS } from '../jobs/attempt.ts';
import { progress } from '../jobs/attempt-report.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { name } from '../api/common.ts';
import type { Access, Endpoint } from '../api/endpoint.ts';
import { call, json } from '../api/endpoint.ts';
import { FILE_LIMITS } from '../files/file-limits.ts';
import { JOB_LIMITS } from '../jobs/job-limits.ts';
import { POOL_LIMITS } from './pool-limits.ts';
import { lineFaults } from '../jobs/attempt-report.ts';
import { heldWeights, nodeCapacity, nodeDomains } from '../jobs/node-capacity.ts';
import { agentId, poolId } from './pools.ts';
import { JOB_KINDS, WORK_SCHEMAS } from '../jobs/job-work.ts';
import { PROGRAM_ASSIGNMENT } from '../jobs/program.ts';
import { wholeText } from '../api/text-number.ts';

// Messages between a pool and its agents. Every message about an attempt carries the attempt's fence; once the fence is not the job's
// newest, or the lease is lost, the answer is `stale_fence` and the agent must drop the attempt.

const AGENT = { kind: 'agent' } as const satisfies Access;

const attemptId = z
  .string()
  .regex(/^att_[0-9a-z]{26}_\d{1,9}(_[1-9]\d{0,3})?$/, 'must be the id of an attempt')
  .meta(about('An attempt of a job.', 'att_0123456789abcdefghjkmnpqrs_1'));

export const fence = z.int().min(1);
/** As a query says it. */
export const fenceOfQuery = wholeText(1);
const poolParams = z.strictObject({ pool: poolId });
export const attemptParams = z.strictObject({ pool: poolId, attempt: attemptId });

/** Which of the inputs or outputs of the job. */
export const artifactIndex = wholeText(0, JOB_LIMITS.jobArtifactsMaxCount - 1);
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hex');

/** An output that was uploaded. */
const outputClaim = z.strictObject({
  index: z
    .int()
    .min(0)
    .max(JOB_LIMITS.jobArtifactsMaxCount - 1),
  bytes: z.int().min(0).max(JOB_LIMITS.jobOutputBytesMax),
  sha256,
});

export type OutputClaim = z.infer<typeof outputClaim>;

const registered = z.object({
  agent: agentId,
  lease_ms: z.int().meta(about('Silence after which an attempt is taken away.')),
  heartbeat_ms: z.int(),
});

const assigned = {
  attempt: z.string(),
  fence: z.int(),
  devices: z
    .array(
      z
        .int()
        .min(0)
        .max(JOB_LIMITS.nodeAcceleratorsMaxCount - 1),
    )
    .optional()
    .meta(about('Which accelerators of the machine it may use, from 0; absent: none. No other attempt has a whole one of them.', [0, 3])),
  device_milli: z.int().min(1).max(999).optional().meta(about('So many thousandths of that accelerator; absent: all of each.')),
};

const assignment = z.discriminatedUnion('kind', [
  z.object({ ...assigned, kind: z.literal('batch_embedding'), model: z.string(), format: z.literal('openai_batch').optional() }),
  z.object({ ...assigned, kind: z.literal('command'), ...PROGRAM_ASSIGNMENT }),
  z.object({
    ...assigned,
    kind: z.literal('training'),
    ...PROGRAM_ASSIGNMENT,
    rank: z.int(),
    world_size: z.int(),
    group_version: z.int(),
  }),
  z.object({
    ...assigned,
    kind: z.literal('online_inference'),
    model: z.string(),
    server: z.literal('openai').optional().meta(about('Present: the replica passes calls on to the server beside the agent.')),
    grace_ms: z.int().default(JOB_LIMITS.jobGraceMs).meta(about('How long it may take to answer what it has begun, once it is to stop.')),
  }),
  z.object({ ...assigned, kind: z.literal('index_build'), index: z.string(), shard: z.int() }),
  z.object({ ...assigned, ...WORK_SCHEMAS.quantize.shape }),
  z.object({ ...assigned, ...WORK_SCHEMAS.prune.shape }),
  z.object({ ...assigned, ...WORK_SCHEMAS.distill.shape }),
]);

export type Assignment = z.infer<typeof assignment>;

const run = z
  .string()
  .regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, `_`, `.` or `-`')
  .meta(about('The process that runs the attempt, where a cluster may start several: the first one named has it.'));

const command = z.object({
  command: z
    .enum(['continue', 'cancel', 'stop', 'leave'])
    .meta(
      about(
        '`cancel`: stop, the job is being cancelled. `stop`: stop and give the attempt back. `leave`: stop, the attempt goes on on other nodes.',
      ),
    ),
  run: z.string().nullable().meta(about('The process that runs the attempt; null until one has been named.')),
  group: z
    .object({ version: z.int(), rank: z.int(), world_size: z.int() })
    .meta(about('What this member of the attempt is among all of them. Once the version is another, all begin anew, with what was saved.')),
});
const throughput = z
  .strictObject({
    work_milli: z.int().min(0).max(Number.MAX_SAFE_INTEGER).meta(about('Thousandths of its own unit of work that the attempt has done.')),
    over_ms: z.int().min(1).max(POOL_LIMITS.throughputMsMax).meta(about('In that time.')),
  })
  .meta(
    about('How fast the attempt has been since it last said so: later jobs of its kind are placed where they are fastest for the money.'),
  );

const serving = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .max(JOB_LIMITS.replicaUrlCharsMax)
      .meta(about('Where the gateway reaches it.', 'http://10.0.0.7:41833')),
    key: z
      .string()
      .regex(/^[\w-]{32,128}$/, 'must be 32 to 128 letters, digits, `_` or `-`')
      .meta(about('The bearer key that it accepts.')),
    healthy: z.boolean(),
    outstanding_milli: z
      .int()
      .min(0)
      .max(JOB_LIMITS.replicaOutstandingReportedMax)
      .optional()
      .meta(about('Thousandths of requests that it has had under way since it last said so, on average.')),
  })
  .meta(about('Of a replica of online inference: where it serves, and whether it answers.'));

export type ServingSaid = z.infer<typeof serving>;

export const accepted = z.object({ accepted: z.literal(true) });

type Observed = 'lease_expired' | 'never_started' | 'budget_exhausted' | 'claim_refused' | 'registration_refused';
const OBSERVED: ReadonlySet<string> = new Set<Observed>([
  'lease_expired',
  'never_started',
  'budget_exhausted',
  'claim_refused',
  'registration_refused',
]);

/** The reasons an agent may give; the others are observed. */
const agentReason = z.enum(
  FAILURE_REASONS.filter((reason): reason is Exclude<(typeof FAILURE_REASONS)[number], Observed> => !OBSERVED.has(reason)),
);

/** Besides its name, all that an agent says of itself is optional: one that says nothing of its capacity runs one small attempt at a time. */
const registration = z.strictObject({
  name,
  agent: agentId
    .optional()
    .meta(
      about('The id that it has had of the pool before: it has the same again if it is the same machine, and what it runs stays with it.'),
    ),
  capacity: nodeCapacity.optional().meta(about('What the machine has; if absent, the agent runs one attempt of one core and 1 GiB.')),
  attempts: z
    .int()
    .min(1)
    .max(POOL_LIMITS.agentAttemptsMaxCount)
    .optional()
    .meta(about('Attempts that it runs at once, at most; 1 if absent. They have to fit its capacity, too.')),
  devices: z
    .array(z.string().min(1).max(API_LIMITS.nameCharsMax))
    .max(JOB_LIMITS.nodeAcceleratorsMaxCount)
    .optional()
    .meta(
      about(
        'The ids of its accelerators, as the system shows them: as many as `capacity` says. If absent, what there is was declared by its operator.',
        ['GPU-5c3a1b7e-0d0f-4a51-9a5c-000000000001'],
      ),
    ),
  domains: nodeDomains.optional(),
  ordinal: z
    .int()
    .min(0)
    .max(POOL_LIMITS.nodeOrdinalMax)
    .optional()
    .meta(about('Its place among its neighbours, as hosts of a TPU pod have one.')),
  address: z
    .string()
    .min(1)
    .max(POOL_LIMITS.agentAddressCharsMax)
    .optional()
    .meta(about('Where agents of the same pool reach this one, for jobs on several nodes.', '10.0.0.7')),
  kinds: z
    .array(z.enum(JOB_KINDS))
    .max(JOB_KINDS.length)
    .optional()
    .meta(about('Kinds of jobs that it runs; those that run no code of tenants if absent.', ['batch_embedding', 'command'])),
  weights: heldWeights.optional().meta(about('Weights that are in its memory already: jobs that need them are placed there.')),
  weights_max_mib: z
    .int()
    .min(0)
    .max(JOB_LIMITS.nodeMemoryMibMax)
    .optional()
    .meta(
      about(
        'What it has for weights, those in use counted in, whatever jobs claim of its memory. If absent, and without `weights`, it keeps none from one attempt to the next; with `weights`, as many as its memory has room for.',
      ),
    ),
});

export type Registration = z.output<typeof registration>;

export const agentCommon = { tag: 'Agent protocol', access: AGENT, meters: [], status: 200 } as const;

export const agentEndpoints = {
  registerAgent: {
    ...agentCommon,
    ...call('POST', '/v1/pools/:pool/agents', json(registration)),
    summary: 'Join the pool',
    params: poolParams,
    reply: json(registered),
  },
  leaseWork: {
    ...agentCommon,
    method: 'POST',
    path: '/v1/pools/:pool/lease',
    summary: 'Wait for work',
    description:
      'Without `holding`, an agent runs one attempt at a time: while it holds one, the answer is that one again. With it, the answer is an ' +
      'attempt that the agent has and does not name there; so one whose answer was lost is answered again. `weights` are all that it holds of ' +
      'models; the scheduler places jobs by them. `unload` names models that it has to forget, before it begins with the attempt, unless an attempt ' +
      'works with them: that it has, it says with the `weights` of its next call.',
    params: poolParams,
    body: json(
      z.strictObject({
        agent: agentId,
        wait_ms: z.int().min(0).max(JOB_LIMITS.longPollMsMax),
        holding: z.array(attemptId).max(POOL_LIMITS.agentAttemptsMaxCount).optional().meta(about('Attempts that the agent runs now.')),
        weights: heldWeights.optional().meta(about('Weights that it holds now; if absent, nothing is said of them.')),
      }),
    ),
    reply: json(
      z.object({
        assignment: assignment.nullable(),
        unload: z.array(z.string()).meta(about('Models whose weights it has to forget.')),
      }),
    ),
  },
  poolDemand: {
    ...agentCommon,
    method: 'POST',
    path: '/v1/pools/:pool/demand',
    summary: 'Wait for the number of nodes that the pool wants to change',
    description:
      'For what starts the machines of an elastic pool, its provider. Agents that a provider starts have names that begin with its own; those the ' +
      'pool wants no more are answered `agent_retired` when they ask for work. Answers at once where the number is not `nodes`.',
    params: poolParams,
    body: json(
      z.strictObject({
        provider: name,
        nodes: z.int().min(0).optional().meta(about('The number that was answered last.')),
        wait_ms: z.int().min(0).max(JOB_LIMITS.longPollMsMax),
      }),
    ),
    reply: json(z.object({ nodes: z.int().meta(about('So many of the provider should be there.')) })),
  },
  heartbeat: {
    ...agentCommon,
    method: 'POST',
    path: '/v1/pools/:pool/attempts/:attempt/heartbeat',
    summary: 'Extend the lease of an attempt',
    description:
      '`progress` is null while the attempt waits in the queue of a cluster. `stale_fence` where another `run` has it. With the header ' +
      '`x-sluice-agent` (the id of the agent), calls about attempts take the shortest way in a pool of many agents.',
    params: attemptParams,
    body: json(
      z.strictObject({
        fence,
        progress: progress.nullable(),
        run: run.optional(),
        throughput: throughput.optional(),
        serving: serving.optional(),
      }),
    ),
    reply: json(command),
  },
  readInput: {
    ...agentCommon,
    ...call('GET', '/v1/pools/:pool/attempts/:attempt/input'),
    summary: 'Download an input of an attempt',
    description: '`repr-digest` (RFC 9530) is the SHA-256 of what is stored, where it is known.',
    params: attemptParams,
    query: z.strictObject({ fence: fenceOfQuery, index: artifactIndex.default(0) }),
    reply: { kind: 'bytes', contentType: 'application/octet-stream' },
  },
  writeOutput: {
    ...agentCommon,
    ...call('PUT', '/v1/pools/:pool/attempts/:attempt/output', { kind: 'bytes', bytesMax: JOB_LIMITS.jobOutputBytesMax }),
    summary: 'Upload an output of an attempt',
    description:
      'Written once: another upload changes nothing. The output stays invisible until the completion is accepted. Nothing is stored whose SHA-256 is not the one given.',
    params: attemptParams,
    query: z.strictObject({ fence: fenceOfQuery, index: artifactIndex.default(0), sha256: sha256.optional() }),
    reply: json(accepted),
  },
  readCheckpoint: {
    ...agentCommon,
    ...call('GET', '/v1/pools/:pool/attempts/:attempt/checkpoint'),
    summary: 'Download what the attempts of the job have saved last',
    params: attemptParams,
    query: z.strictObject({ fence: fenceOfQuery }),
    reply: { kind: 'bytes', contentType: 'application/octet-stream' },
  },
  writeCheckpoint: {
    ...agentCommon,
    ...call('PUT', '/v1/pools/:pool/attempts/:attempt/checkpoint', { kind: 'bytes', bytesMax: JOB_LIMITS.jobOutputBytesMax }),
    summary: 'Save the work of an attempt',
    description: 'Once it is answered, later attempts of the job begin with it, and those before it are gone.',
    params: attemptParams,
    query: z.strictObject({ fence: fenceOfQuery, sha256 }),
    reply: json(accepted),
  },
  meetPeers: {
    ...agentCommon,
    method: 'POST',
    path: '/v1/pools/:pool/attempts/:attempt/peers',
    summary: 'Say where the other members of a gang reach this one',
    description:
      '`peers` are the addresses of all members of the group of this version, by rank, once each has said its own; null before: ask again.',
    params: attemptParams,
    body: json(
      z.strictObject({
        fence,
        address: z.string().min(1).max(POOL_LIMITS.agentAddressCharsMax),
        group_version: z.int().min(0).default(0),
      }),
    ),
    reply: json(z.object({ peers: z.array(z.string()).nullable() })),
  },
  appendLog: {
    ...agentCommon,
    ...call('POST', '/v1/pools/:pool/attempts/:attempt/logs', { kind: 'bytes', bytesMax: JOB_LIMITS.jobLogChunkBytesMax }),
    summary: 'Add to the log of an attempt',
    description: 'Answered once it is stored. Bytes that are stored already are not added again; a gap says that some were dropped.',
    params: attemptParams,
    query: z.strictObject({
      fence: fenceOfQuery,
      at: wholeText(0).meta(about('How many bytes of the log come before.')),
    }),
    reply: json(accepted),
  },
  completeAttempt: {
    ...agentCommon,
    method: 'POST',
    path: '/v1/pools/:pool/attempts/:attempt/complete',
    summary: 'Report that the outputs are uploaded',
    description: '`outputs` names each of them; the completion is refused (`state_conflict`) unless all are stored as named.',
    params: attemptParams,
    body: json(
      z.strictObject({
        fence,
        progress,
        tokens: z.int().min(0).max(FILE_LIMITS.uploadBytesMax),
        outputs: z.array(outputClaim).max(JOB_LIMITS.jobArtifactsMaxCount).optional(),
      }),
    ),
    reply: json(accepted),
  },
  failAttempt: {
    ...agentCommon,
    method: 'POST',
    path: '/v1/pools/:pool/attempts/:attempt/fail',
    summary: 'Report that the attempt ended without output, or give it back',
    params: attemptParams,
    body: json(
      z.strictObject({
        fence,
        reason: agentReason,
        message: z.string().max(1024),
        exit_code: z.int().min(0).max(255).optional(),
        lines: lineFaults.optional().meta(about('With `input_invalid`: the first faults of the input.')),
      }),
    ),
    reply: json(accepted),
  },
} as const satisfies Record<string, Endpoint>;
