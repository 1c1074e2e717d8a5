import { DEFAULT_QUEUE } from '../../contract/queue-record.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { ResourceOption } from '../engine/model/job-spec.ts';
import type { JobRequest } from './job.ts';

/** An agent as a node, and what a job asks of it that names nothing else. */
export const ONE_ATTEMPT = { cpuMilli: 1_000, memoryMib: 1_024 };

/** A node anywhere, without accelerators. */
export const ANY_NODE: ResourceOption = {
  accelerator: null,
  perNode: { ...ONE_ATTEMPT, acceleratorCount: 0, milliEach: 0 },
  nodes: { min: 1, max: 1, step: 1 },
  markets: ['reserved', 'on_demand', 'spot'],
  regions: null,
  topology: null,
  throughputHintMilli: 1_000,
};

/** What a job asks for that says nothing of it; jobs from before they could say it have the same. */
export const DEFAULT_TERMS = {
  queue: DEFAULT_QUEUE,
  options: [ANY_NODE],
  deadlineAtMs: null,
  runtimeMaxMs: null,
  checkpointIntervalMs: null,
  graceMs: LIMITS.jobGraceMs,
  costMaxNanoDollars: null,
  priceMaxNanoDollarsPerHour: null,
  dependsOn: [],
  name: null,
  labels: {},
  batch: null,
} as const satisfies Partial<JobRequest>;
