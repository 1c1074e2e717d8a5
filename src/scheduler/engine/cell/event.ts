import type { JobId, PoolId } from '../../../kernel/ids.ts';
import type { JobSpec, ModelWeights } from '../model/job-spec.ts';
import type { CohortSpec } from '../fairness/quota-tree.ts';
import type { AcceleratorType, NodeSpec, PoolSpec } from '../model/pool-spec.ts';
import type { PriceRow } from '../model/price-book.ts';
import type { Booking } from './records.ts';

/** News of an attempt. News under a fence that is not the job's live one changes nothing. */
export type AttemptNews =
  /** It has begun to run. */
  | { readonly kind: 'running' }
  /** Its work up to now is safe. */
  | { readonly kind: 'saved' }
  /** Its nodes together have done so many thousandths of its own unit of work in that time, since it last said so. */
  | { readonly kind: 'progress'; readonly workMilli: number; readonly overMs: number }
  | { readonly kind: 'completed' }
  | { readonly kind: 'failed'; readonly isPermanent: boolean; readonly by?: EndedMember }
  /** It has stopped, on request or of its own accord; what it saved stays. */
  | { readonly kind: 'released'; readonly by?: EndedMember }
  /** It has ended, and its payer cannot pay for what it used: nothing of it counts. */
  | { readonly kind: 'unpaid' }
  /** It has left the nodes it was asked to give up. */
  | { readonly kind: 'shed' }
  /** Of online inference: its part on one node has ended, by its own fault or not; the others go on. */
  | { readonly kind: 'replica_lost'; readonly nodeId: string; readonly isCounted: boolean; readonly isSilent?: boolean }
  /** A node would not take it. */
  | { readonly kind: 'rejected'; readonly nodeId: string };

/** The member of an attempt that an end is of. */
export interface EndedMember {
  /** Its place among the nodes of the attempt. */
  readonly place: number;
  /** It said nothing any more, or never did. */
  readonly isSilent: boolean;
}

/** Everything that can happen to a cell. */
export type CellEvent =
  | { readonly kind: 'submit'; readonly spec: JobSpec }
  | { readonly kind: 'cancel'; readonly jobId: JobId }
  /** Its owner lets the job wait, or lets it go on. */
  | { readonly kind: 'hold'; readonly jobId: JobId; readonly isHeld: boolean }
  /** A placed job shall give its nodes back, and wait again. */
  | { readonly kind: 'preempt'; readonly jobId: JobId }
  | { readonly kind: 'reprioritise'; readonly jobId: JobId; readonly priority: number }
  | { readonly kind: 'report'; readonly jobId: JobId; readonly fence: number; readonly news: AttemptNews }
  /** The grant that an attempt asked for: accelerator time that is paid, as of `paidAtMs`. */
  | {
      readonly kind: 'funded';
      readonly jobId: JobId;
      readonly fence: number;
      readonly grant: number;
      readonly acceleratorMs: number;
      readonly paidAtMs: number;
    }
  /** It is refused: to its payer, for now; or, for good, to the job, which has had what it may cost. */
  | {
      readonly kind: 'unfunded';
      readonly jobId: JobId;
      readonly fence: number;
      readonly grant: number;
      readonly refusedTo: 'payer' | 'job';
      /** What the payer has left, nano-dollars; absent: nothing, or what it lacks is not money. */
      readonly leftNano?: number;
    }
  /** The payer may have more than before. */
  | { readonly kind: 'release_payer'; readonly payer: string }
  /** How many nodes the job should have; none lets it leave until there is something to do. */
  | { readonly kind: 'scale'; readonly jobId: JobId; readonly nodes: number }
  /** What online inference is asked to do. */
  | { readonly kind: 'load'; readonly jobId: JobId; readonly load: Load }
  /** The queue's tenant may not run jobs, or may again. */
  | { readonly kind: 'suspend'; readonly queue: string; readonly isSuspended: boolean }
  /** A queue below a cohort that there is, without quotas of its own: what it uses it borrows. */
  | { readonly kind: 'add_queue'; readonly spec: CohortSpec }
  /** A queue that came after the settings, if no unfinished job is in it; nothing is remembered of it. */
  | { readonly kind: 'remove_queue'; readonly name: string }
  /**
   * Cohorts and queues as they are from now on, and the names of those that are no more: queues without unfinished jobs. What runs goes on, under
   * the quotas of now. No queue comes under another root.
   */
  | { readonly kind: 'change_cohorts'; readonly saved: readonly CohortSpec[]; readonly gone: readonly string[] }
  | { readonly kind: 'add_pool'; readonly spec: PoolSpec }
  /** What a pool is from now on. What runs there goes on. */
  | { readonly kind: 'change_pool'; readonly spec: PoolSpec }
  /** The pool is no more, and its prices; one that has nodes stays. */
  | { readonly kind: 'remove_pool'; readonly poolId: PoolId }
  /** Types of accelerators that jobs may ask for from now on; those that are known stay as they are. */
  | { readonly kind: 'add_accelerators'; readonly types: readonly AcceleratorType[] }
  | {
      readonly kind: 'add_nodes';
      readonly nodes: readonly NodeSpec[];
      /** What is in their memory when they come, by node. */
      readonly weights?: Readonly<Record<string, readonly ModelWeights[]>>;
      /** Those that fell silent when they were last there. */
      readonly doubted?: readonly string[];
    }
  /** What a node holds of weights now, as measured there. */
  | { readonly kind: 'weights'; readonly nodeId: string; readonly weights: readonly ModelWeights[] }
  /** No new work for the node; the eviction of the jobs there is requested. */
  | { readonly kind: 'drain'; readonly nodeId: string }
  /** No new work for the node; what is there goes on. */
  | { readonly kind: 'cordon'; readonly nodeId: string }
  /** The node, if it is drained or cordoned, takes new work again. */
  | { readonly kind: 'uncordon'; readonly nodeId: string }
  /** The node will be taken away at that time. */
  | { readonly kind: 'spot_notice'; readonly nodeId: string; readonly goneAtMs: number }
  /** The node is gone, and whatever ran there. */
  | { readonly kind: 'node_lost'; readonly nodeId: string }
  /** Nodes are one queue's alone for some time: jobs of others that are there when it begins are asked to leave. */
  | { readonly kind: 'book'; readonly booking: Booking }
  | { readonly kind: 'cancel_booking'; readonly id: string }
  | { readonly kind: 'price'; readonly row: PriceRow }
  /** A node that was asked for will not come. */
  | { readonly kind: 'provision_failed'; readonly poolId: PoolId; readonly count: number }
  /** Time has passed. */
  | { readonly kind: 'tick' };

/** What online inference has to do. */
export interface Load {
  /** Thousandths of requests under way on all its nodes together, on average. */
  readonly outstandingMilli: number;
}
