import type { JobId } from '../../../kernel/ids.ts';
import type { JobKind, Market, PoolSpec } from './pool-spec.ts';

/** A job as its owner describes it: work and what it accepts, not where it runs. Plain data. */
export interface JobSpec {
  readonly id: JobId;
  /** The queue it waits in: a leaf of the cohort tree. */
  readonly queue: string;
  /** Whose money it takes, where jobs are prepaid; absent: that of its queue. */
  readonly payer?: string;
  readonly kind: JobKind;
  /** Higher goes first. */
  readonly priority: number;
  readonly preemptible: boolean;
  /** At least one. */
  readonly options: readonly ResourceOption[];
  readonly limits: JobLimits;
  /** How much work it is, as its owner states it: the time that one node of throughput 1 takes. Absent: nothing is said. */
  readonly workMs?: number;
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

export const payerOf = ({ payer, queue }: Pick<JobSpec, 'payer' | 'queue'>): string => payer ?? queue;

/** Null is no limit. */
interface JobLimits {
  /** The job must have finished by then. */
  readonly deadlineAtMs: number | null;
  /** Of one attempt; also what others may expect it to take. */
  readonly durationMaxMs: number | null;
  /** Of all attempts together. */
  readonly costMaxNanoDollars: number | null;
  /** Of the whole allocation. */
  readonly priceMaxNanoDollarsPerHour: number | null;
}

interface CheckpointPolicy {
  /** How often it saves by itself; null when never. */
  readonly intervalMs: number | null;
  /** How long it needs, once asked to stop, to save. */
  readonly graceMs: number;
  /** What a start costs before work goes on, counted as lost work when it is evicted. */
  readonly restartMs: number;
}

interface RetryLimits {
  /** Attempts that may fail by the job's own fault or that of an agent. Evictions do not count. */
  readonly attemptsMax: number;
}

/** One way to run a job. Of those it accepts, a job has the one where its own work costs least; of equals, one that wastes least. */
export interface ResourceOption {
  /** The type it needs; null when it needs none. */
  readonly accelerator: string | null;
  readonly perNode: NodeDemand;
  readonly nodes: NodeRange;
  readonly markets: readonly Market[];
  /** Regions its data may be processed in; null when anywhere. */
  readonly regions: readonly string[] | null;
  readonly topology: TopologyRequest | null;
  /** Thousandths of the job's own unit of work that one node does in an hour, as far as its owner knows. */
  readonly throughputHintMilli: number;
}

/** `min` nodes start together or not at all; more are taken and given back in steps, up to `max`. */
export interface NodeRange {
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

export interface TopologyRequest {
  /** The level of `NodeSpec.domains` in one domain of which all nodes shall lie. */
  readonly level: string;
  readonly mode: 'required' | 'preferred';
  /** The nodes form an aligned block of neighbours, as TPU slices do. */
  readonly block: boolean;
}

/** What a job takes of one node. */
export interface NodeDemand {
  readonly cpuMilli: number;
  readonly memoryMib: number;
  readonly acceleratorCount: number;
  /** Of each accelerator: `WHOLE_MILLI`, or less where the type can be shared. */
  readonly milliEach: number;
}

/** Whether a job may run in a pool by this option, as far as market and region go. */
export const acceptsPool = ({ markets, regions }: ResourceOption, { market, region }: PoolSpec): boolean =>
  markets.includes(market) && (regions === null || regions.includes(region));

/** Weights of a model that a job works with. They lie in the memory of each of its nodes, and are a part of what it asks for there. */
export interface ModelWeights {
  readonly model: string;
  readonly memoryMib: number;
  /** To load them onto a node that has not got them. */
  readonly loadMs: number;
}

/** How nodes follow the load. */
export interface ScalingPolicy {
  /** Thousandths of requests that one node is to have under way, on average. */
  readonly outstandingPerNodeMilli: number;
  /** Nodes that it has whatever the load; 0: without load it leaves. */
  readonly nodesMin: number;
  readonly nodesMax: number;
  /** Fewer nodes only after the load has asked for fewer for so long. */
  readonly cooldownMs: number;
}
