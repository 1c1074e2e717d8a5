import type { JobId } from '../../../kernel/ids.ts';
import type { ModelWeights } from './model-weights.ts';
import type { ScalingPolicy } from './scaling-policy.ts';
import type { ResourceOption } from './resource-option.ts';

/** A job as its owner describes it: work and what it accepts, not where it runs. Plain data. */
export interface JobSpec {
  readonly id: JobId;
  /** The queue it waits in: a leaf of the cohort tree. */
  readonly queue: string;
  readonly kind: 'training' | 'batch_inference' | 'online_inference' | 'index_build' | 'distillation' | 'command';
  /** Higher goes first. */
  readonly priority: number;
  readonly preemptible: boolean;
  /** At least one. */
  readonly options: readonly ResourceOption[];
  readonly limits: JobLimits;
  readonly checkpoint: CheckpointPolicy;
  readonly retry: RetryLimits;
  /** Jobs that must have succeeded first. */
  readonly dependsOn: readonly JobId[];
  /** How online inference follows its load; null for other kinds. */
  readonly scaling: ScalingPolicy | null;
  /** Weights it works with; null when it needs none. It goes where they are, and they stay there for the next, as far as memory allows. */
  readonly weights: ModelWeights | null;
  /** Regions that hold its data: elsewhere it is placed only if nowhere else has room. Empty when that is all the same. */
  readonly dataRegions: readonly string[];
}

/** Null is no limit. */
export interface JobLimits {
  /** The job must have finished by then. */
  readonly deadlineAtMs: number | null;
  /** Of one attempt; also what others may expect it to take. */
  readonly durationMaxMs: number | null;
  /** Of all attempts together. */
  readonly costMaxNanoDollars: number | null;
  /** Of the whole allocation. */
  readonly priceMaxNanoDollarsPerHour: number | null;
}

export interface CheckpointPolicy {
  /** How often it saves by itself; null when never. */
  readonly intervalMs: number | null;
  /** How long it needs, once asked to stop, to save. */
  readonly graceMs: number;
  /** What a start costs before work goes on, counted as lost work when it is evicted. */
  readonly restartMs: number;
}

export interface RetryLimits {
  /** Attempts that may fail by the job's own fault or that of an agent. Evictions do not count. */
  readonly attemptsMax: number;
}
