import type { JobId, PoolId } from '../../../kernel/ids.ts';
import type { Cell } from '../cell/cell.ts';
import type { CohortSpec } from '../fairness/quota-tree.ts';
import type { Market, NodeTemplate } from '../model/pool-spec.ts';

/** Steps that start a waiting job, taken in their order, and the jobs that are asked to leave for it. Plain data. */
export interface Remedy {
  readonly steps: readonly RemedyStep[];
  readonly evicts: readonly JobId[];
}

export type RemedyStep =
  /** `owner`: the queue or cohort that has so much more nominal quota of the resource. */
  | { readonly kind: 'more_quota'; readonly option: number; readonly owner: string; readonly resource: string; readonly by: number }
  | {
      readonly kind: 'more_nodes';
      readonly option: number;
      readonly poolId: PoolId;
      readonly by: number;
      /** What each of them is. */
      readonly node: NodeTemplate;
      readonly domains: Readonly<Record<string, string>>;
    }
  /** Nodes that take no new work are let take it again. */
  | { readonly kind: 'uncordon'; readonly option: number; readonly poolId: PoolId; readonly nodeIds: readonly string[] }
  | { readonly kind: 'end_reservation'; readonly option: number; readonly bookingId: string }
  | { readonly kind: 'higher_priority'; readonly priority: number }
  /** Its queue takes back what others have borrowed, or lets its jobs evict those of less priority. */
  | { readonly kind: 'allow_eviction'; readonly queue: string; readonly of: 'borrowers' | 'lower_priority' }
  /** Another job lets it have its nodes. */
  | { readonly kind: 'suspend_job'; readonly jobId: JobId }
  // The job is cancelled, and submitted again with one term changed.
  /** Null: without a limit, as the pools have no price. */
  | { readonly kind: 'higher_price_limit'; readonly option: number; readonly nanoDollarsPerHour: number | null }
  | { readonly kind: 'shorter_duration'; readonly option: number; readonly durationMaxMs: number }
  | { readonly kind: 'accept_more_pools'; readonly option: number; readonly market: Market; readonly region: string }
  | { readonly kind: 'smaller_demand'; readonly option: number; readonly nodes: number; readonly perNode: NodeTemplate }
  // What keeps it from being looked at is lifted.
  | { readonly kind: 'resume' }
  | { readonly kind: 'start_queue'; readonly queue: string }
  | { readonly kind: 'lift_suspension' }
  | { readonly kind: 'more_budget' }
  | { readonly kind: 'finish_dependencies'; readonly jobs: readonly JobId[] };

/** A change of quotas that there is a call for. */
export interface QuotaChange {
  readonly owner: string;
  readonly saved: readonly CohortSpec[];
}

/** What the owner of a job and the operators of its cell can do. */
export interface RemedyWays {
  /** The highest priority that the job may be given. */
  readonly priorityMax: number;
  /** Changes by which a queue may come to have so much more of a resource, the nearest to it first. */
  readonly moreQuota: (queue: string, resource: string, by: number) => readonly QuotaChange[];
  /** Whether the owner of the job may suspend another. */
  readonly isOwn: (jobId: JobId) => boolean;
  /** The queues that are suspended, and let go, together with one. */
  readonly suspendedWith: (queue: string) => readonly string[];
  /** The payers that are asked again when the payer of the job has more. */
  readonly releasedWith: (payer: string) => readonly string[];
}

/** One thing that may help a waiting job. */
export interface Change {
  readonly step: RemedyStep;
  /** What it is a change of: two of the same are one, with more of it. */
  readonly target: string;
  /** Makes it, in a trial; answers which job to look at then, or undefined where it cannot be made. */
  readonly make: (cell: Cell) => JobId | undefined;
  /** The same with so many times as much; absent where there is no more or less of it. Undefined beyond what there can be. */
  readonly times?: (count: number) => Change | undefined;
  /** The least of it that may do; absent: 1. */
  readonly timesMin?: number;
}
