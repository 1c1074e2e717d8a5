import * as z from 'zod';

import { notBoth, onlyWith } from '../api/presence.ts';
import { about } from '../api/api-text.ts';
import { name } from '../api/common.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { JOB_LIMITS } from './job-limits.ts';
import { acceleratorName } from './node-capacity.ts';
import { dollarsIn } from '../tenancy/money.ts';
import { PRIORITY_NAMES } from './job-facts.ts';

// What a job asks of the scheduler, whatever it does: where it can run, what comes first, when it must be over and what it may cost.

export const priority = z
  .int('must be low, normal, high or a whole number')
  .min(0)
  .max(JOB_LIMITS.jobPriorityMax)
  .or(z.enum(PRIORITY_NAMES))
  .meta(
    about('Higher goes first: 0 to 100, or `low` (10), `normal` (50), `high` (100). It counts among the jobs of the same queue.', 'normal'),
  );

const count = (max: number) => z.int().min(1).max(max);

const nodeRange = z.strictObject({
  min: count(JOB_LIMITS.jobNodesMaxCount),
  max: count(JOB_LIMITS.jobNodesMaxCount),
  step: count(JOB_LIMITS.jobNodesMaxCount).default(1),
});

/** All nodes of a fixed number, or a range of them. */
const nodes = count(JOB_LIMITS.jobNodesMaxCount)
  .or(nodeRange.refine(({ min, max, step }) => max >= min && (max - min) % step === 0, 'max must be min plus whole steps'))
  .meta(
    about(
      'A number of nodes that start together or not at all, or a range: `min` start together, more are taken in steps as they are free.',
    ),
  );

export const MARKETS = ['reserved', 'on_demand', 'spot'] as const;

const topology = z.strictObject({
  level: name.meta(about('A level of the domains that nodes lie in, such as `rack`.', 'rack')),
  mode: z.enum(['required', 'preferred']).default('required'),
  block: z.boolean().default(false).meta(about('The nodes are neighbours that form an aligned block, as slices of TPUs do.')),
});

const option = notBoth(
  z.strictObject({
    accelerator: acceleratorName.optional().meta(about('A type that is well known, or that an agent has brought; none if absent.', 'l4')),
    accelerators_per_node: count(JOB_LIMITS.nodeAcceleratorsMaxCount).optional().meta(about('Whole ones; 1 if absent.')),
    accelerator_milli: count(1_000)
      .optional()
      .meta(about('Thousandths of one accelerator, which others may share; instead of `accelerators_per_node`.')),
    cpu_milli: count(JOB_LIMITS.nodeCpuMilliMax).default(1_000).meta(about('Thousandths of a core, on each node.')),
    memory_mib: count(JOB_LIMITS.nodeMemoryMibMax).default(1_024).meta(about('On each node.')),
    nodes: nodes.default(1),
    markets: z
      .array(z.enum(MARKETS))
      .min(1)
      .max(MARKETS.length)
      .default([...MARKETS])
      .meta(about('How the capacity may be bought. Leave out `spot` if the job must not lose its nodes at short notice.')),
    regions: z.array(name).min(1).max(JOB_LIMITS.jobRegionsMaxCount).optional().meta(about('Where it may run; anywhere if absent.')),
    topology: topology.optional(),
    throughput: z
      .number()
      .min(0.001)
      .max(JOB_LIMITS.jobThroughputMax)
      .default(1)
      .meta(
        about(
          'How much of the work a node does in a given time, compared with the other options: the option that does it for the least money is taken.',
        ),
      ),
  }),
  ['accelerators_per_node', 'accelerator_milli'],
  { path: ['accelerator_milli'], message: 'excludes accelerators_per_node' },
);
const ofWhole = onlyWith(option, 'accelerators_per_node', 'accelerator', {
  path: ['accelerators_per_node'],
  message: 'needs an accelerator',
});
const resourceOption = onlyWith(ofWhole, 'accelerator_milli', 'accelerator', {
  path: ['accelerator_milli'],
  message: 'needs an accelerator',
}).meta({ id: 'ResourceOption' });

export type ResourceOptionRequest = z.output<typeof resourceOption>;

const label = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9_./-]*[a-z0-9])?$/, 'must be lower-case letters, digits and inner - _ . /')
  .max(API_LIMITS.nameCharsMax);

const labels = z
  .record(label, z.string().max(API_LIMITS.nameCharsMax))
  .meta({ maxProperties: JOB_LIMITS.jobLabelsMaxCount })
  .refine(
    (entries) => Object.keys(entries).length <= JOB_LIMITS.jobLabelsMaxCount,
    `has too many labels: the limit is ${JOB_LIMITS.jobLabelsMaxCount}`,
  )
  .meta(about('Of your own, to find jobs by.', { team: 'search' }));

export const jobId = z
  .string()
  .regex(/^job_[0-9a-z]{26}$/, 'must be the id of a job')
  .meta(about('A job.', 'job_0123456789abcdefghjkmnpqrs'));

const seconds = (max: number) => z.int().min(1).max(max);

/**
 * Fields of a submission besides those of its work. Only the first two have defaults: a request that names none of the others is the same as
 * before there were those, so that its `Idempotency-Key` still finds its job.
 */
export const TERMS = {
  priority: priority.default('normal'),
  max_attempts: count(JOB_LIMITS.jobAttemptsMaxCount)
    .default(JOB_LIMITS.jobAttemptsDefaultCount)
    .meta(about('Attempts that may fail by the fault of the job or of an agent. Those taken away for others do not count.')),
  name: z
    .string()
    .min(1)
    .max(API_LIMITS.nameCharsMax)
    .optional()
    .meta(about('What you call it; shown, and nothing more.', 'nightly embeddings')),
  labels: labels.optional(),
  queue: name.optional().meta(about('The queue of the tenant that it waits in; `default` if absent.', 'default')),
  resources: z
    .array(resourceOption)
    .min(1)
    .max(JOB_LIMITS.jobOptionsMaxCount)
    .optional()
    .meta(about('Ways to run it, any of which will do. If absent: one core and 1 GiB of one node.')),
  deadline_at: z
    .int()
    .min(1)
    .optional()
    .meta(about('Seconds since the Unix epoch. A job that has not finished by then is stopped and fails.')),
  deadline_policy: z
    .enum(['refuse', 'best_effort'])
    .optional()
    .meta(
      about(
        'What becomes of a job whose `work_s` surely takes longer than until `deadline_at`, or than `max_runtime_s`, on the fastest of its `resources`: it is refused, which holds if absent, or taken all the same.',
        'refuse',
      ),
    ),
  work_s: seconds(JOB_LIMITS.jobWorkMaxS)
    .optional()
    .meta(
      about(
        'How much work it is, as you estimate it: the seconds that one node of `throughput` 1 takes. On n nodes of throughput t it takes `work_s` / (n t). What its deadline is judged by, and preferred to `max_runtime_s` for that.',
      ),
    ),
  max_runtime_s: seconds(JOB_LIMITS.jobRuntimeMaxS)
    .optional()
    .meta(about('The longest that one attempt may take. Also what lets a short job run before a large one that is waiting for its nodes.')),
  checkpoint_interval_s: seconds(JOB_LIMITS.jobRuntimeMaxS).optional().meta(about('How often it saves its work by itself.')),
  grace_s: z
    .int()
    .min(0)
    .max(JOB_LIMITS.jobGraceMaxS)
    .optional()
    .meta(about('How long it needs to save its work when asked to stop; 10 if absent.')),
  max_cost_usd: dollarsIn
    .optional()
    .meta(about('What all its attempts may cost together. It is stopped early enough to pay for its grace.')),
  max_usd_per_hour: dollarsIn
    .optional()
    .meta(about('What its nodes may cost together in an hour: it does not start where they cost more.')),
  depends_on: z
    .array(jobId)
    .max(JOB_LIMITS.jobDependenciesMaxCount)
    .optional()
    .meta(about('Jobs that must have succeeded first. If one ends otherwise, this one fails.')),
} as const;
