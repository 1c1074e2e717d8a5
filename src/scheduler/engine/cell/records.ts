import type { JobId, PoolId } from '../../../kernel/ids.ts';
import type { UsageHistory } from '../fairness/dominant-share.ts';
import type { CohortSpec } from '../fairness/quota-tree.ts';
import type { LedgerEvent } from './segment.ts';
import type { AcceleratorType, NodeSpec, PoolSpec } from '../model/pool-spec.ts';
import type { PriceRow } from '../model/price-book.ts';
import type { Interruptions } from '../placement/work-cost.ts';
import type { ResidentWeights } from './resident-weights.ts';
import type { EvictionReason, JobRecord } from './job-record.ts';

/** What a cell wants done, in this order. All `save`s of one step belong in one transaction, with its ledger events. */
export type CellDecision =
  | { readonly kind: 'save'; readonly job: JobRecord }
  | { readonly kind: 'save_node'; readonly node: NodeRecord }
  /** The node is gone, and nothing is left there. */
  | { readonly kind: 'forget_node'; readonly index: number }
  | { readonly kind: 'save_queue'; readonly queue: QueueRecord }
  /** A queue that the settings do not name. */
  | { readonly kind: 'save_cohort'; readonly spec: CohortSpec }
  /** The queue is no more, nor what was remembered of it. */
  | { readonly kind: 'forget_cohort'; readonly name: string }
  | { readonly kind: 'save_pool'; readonly pool: PoolRecord }
  | { readonly kind: 'forget_pool'; readonly poolId: PoolId }
  | { readonly kind: 'save_price'; readonly row: PriceRow }
  /** The price will hold no more. */
  | { readonly kind: 'forget_price'; readonly row: PriceRow }
  | { readonly kind: 'save_accelerator'; readonly type: AcceleratorType }
  | { readonly kind: 'save_reservation'; readonly reservation: Reservation }
  /** Null: it is remembered no longer. */
  | { readonly kind: 'save_duration'; readonly classKey: string; readonly longestMs: number | null }
  /** Null: it is remembered no longer. */
  | { readonly kind: 'save_run_times'; readonly key: string; readonly counts: RunTimeRecord['counts'] | null }
  | { readonly kind: 'save_start_errors'; readonly record: StartErrorRecord }
  /** Null: it is remembered no longer. */
  | { readonly kind: 'save_throughput'; readonly key: string; readonly milliPerHour: number | null }
  | { readonly kind: 'forget_reservation'; readonly root: string; readonly resource: string }
  | { readonly kind: 'save_booking'; readonly booking: Booking }
  | { readonly kind: 'forget_booking'; readonly id: string }
  /** When to look again at all that wait, if nothing happens before. */
  | { readonly kind: 'save_wake'; readonly atMs: number | null }
  /** `payer`: a payer, or one and a class of its jobs. None of these is placed before then; null: nothing is remembered of it. */
  | { readonly kind: 'save_payer'; readonly payer: string; readonly hold: PayerHold | null }
  | { readonly kind: 'charge'; readonly event: LedgerEvent }
  /** Ask for a grant for an attempt that will use so many thousandths of accelerators. */
  | {
      readonly kind: 'fund';
      readonly jobId: JobId;
      readonly fence: number;
      readonly grant: number;
      readonly milli: number;
      /** What the time costs; null where it is not sold. */
      readonly priceId: string | null;
      /** Of the first: how long the job needs them to its end, as far as that is known. */
      readonly needMs: number | null;
    }
  /** Hand the attempt to its pool. */
  | {
      readonly kind: 'start';
      readonly jobId: JobId;
      readonly fence: number;
      readonly poolId: PoolId;
      readonly places: readonly AttemptPlace[];
    }
  /** Asks the attempt to save and stop by then. */
  | { readonly kind: 'notice'; readonly jobId: JobId; readonly fence: number; readonly reason: EvictionReason; readonly untilMs: number }
  /** Make the attempt leave now. */
  | { readonly kind: 'kill'; readonly jobId: JobId; readonly fence: number }
  /** Informs the attempt which nodes it has from now on. */
  | { readonly kind: 'resize'; readonly jobId: JobId; readonly fence: number; readonly places: readonly AttemptPlace[] }
  /** Let the node forget the weights: others need the memory. */
  | { readonly kind: 'unload'; readonly poolId: PoolId; readonly nodeId: string; readonly model: string }
  | { readonly kind: 'provision'; readonly poolId: PoolId; readonly count: number }
  | { readonly kind: 'retire'; readonly nodeId: string };

/** How long attempts ran, in logarithmic buckets. Plain data. */
export interface RunTimeRecord {
  /** A class of jobs; or jobs of a queue, or all, with or without a longest run time. */
  readonly key: string;
  /** Bucket, attempts that ended by themselves within it, and attempts that were taken away within it: these would have run for longer. */
  readonly counts: readonly (readonly [bucket: number, ended: number, cut: number])[];
}

/** How far starts of a tree lay from what was foreseen of them. Plain data. */
export interface StartErrorRecord {
  /** The root of the cohorts. */
  readonly tree: string;
  /** The last, oldest first: of the logarithm of the wait, in parts of the spread of what was played. */
  readonly errors: readonly number[];
  /** The part of what they make likely that an interval holds. */
  readonly aim: number;
}

/** A node of an attempt, and which of its accelerators the attempt has, from 0. */
export interface AttemptPlace {
  readonly nodeId: string;
  readonly devices: readonly number[];
}

/** A node as it is stored. */
export interface NodeRecord {
  readonly index: number;
  readonly spec: NodeSpec;
  readonly state: 'open' | 'draining' | 'gone';
  /** Since when nothing runs there; null while something does. */
  readonly idleSinceMs: number | null;
  /** In its memory. */
  readonly weights: readonly ResidentWeights[];
  /** When it will be taken away; absent: that is not known. */
  readonly goneAtMs?: number;
  /** It may be dead: until then other nodes are tried first. Absent: nothing speaks against it. */
  readonly doubtedUntilMs?: number;
}

/** What is remembered of a queue, or of a cohort of queues. */
export interface QueueRecord {
  readonly name: string;
  readonly isSuspended: boolean;
  readonly history: UsageHistory;
  /** When it last had a job placed; absent where queues do not take turns. */
  readonly servedAtMs?: number;
  /** When its jobs next take turns; absent where they do not, or none has nodes. */
  readonly roundAtMs?: number;
}

/** A payer who was refused a grant, for all of its jobs or for a class of them. */
export interface PayerHold {
  readonly untilMs: number;
  /** Refusals since the last grant; those of attempts that asked together are one. */
  readonly refusals: number;
  /** Whether one of its jobs is placed and asks. */
  readonly isProbed: boolean;
  /** What it had left then, nano-dollars; absent: nothing, or that is not known. */
  readonly leftNano?: number;
}

/** A pool as it is stored. */
export interface PoolRecord {
  readonly spec: PoolSpec;
  /** Nodes that were asked for and are not there yet. */
  readonly comingCount: number;
  /** When the last of them was asked for. */
  readonly askedAtMs: number | null;
  /** How often its nodes are taken away. */
  readonly interruptions: Interruptions;
}

/** A reservation of nodes for the first job without a placement. Plain data. */
export interface Reservation {
  /** The cohort tree: jobs of different trees compete for nodes, but not for quota. */
  readonly root: string;
  /** The type of accelerator, or `cpu`: each has one reservation at most in a tree. */
  readonly resource: string;
  readonly jobId: JobId;
  /** By which of its options it will start. */
  readonly option: number;
  /** The jobs that have to end first: once none of them is left, there is a placement. */
  readonly after: readonly JobId[];
  /** When that is, if all jobs take as long as they may; null when some may take for ever. */
  readonly startMs: number | null;
  /** Its expected placement when it was reserved. */
  readonly nodes: readonly number[];
}

/** Nodes that one queue has for itself for some time. Plain data. */
export interface Booking {
  readonly id: string;
  readonly queue: string;
  readonly fromMs: number;
  readonly untilMs: number;
  /** The pool of which it has so many nodes, whichever cost least to clear; null: the nodes that are named, and no others. */
  readonly poolId: PoolId | null;
  readonly count: number;
  /** Those that it has, or is expected to have. */
  readonly nodeIds: readonly string[];
  readonly hasBegun: boolean;
}

/** All a cell is built from: what its decisions said to save, the newest of each. */
export interface CellRecords {
  /** Finished ones may be left out that no unfinished one depends on. */
  readonly jobs: readonly JobRecord[];
  /** The sequence of the next job; 0 where that follows from the jobs. */
  readonly nextSequence: number;
  readonly nodes: readonly NodeRecord[];
  readonly queues: readonly QueueRecord[];
  /** Queues that came after the settings were made, in the order in which they came. */
  readonly cohorts: readonly CohortSpec[];
  /** Those that the settings do not name in the order in which they came. */
  readonly pools: readonly PoolRecord[];
  readonly prices: readonly PriceRow[];
  /** Types that the settings do not name. */
  readonly accelerators: readonly AcceleratorType[];
  readonly reservations: readonly Reservation[];
  readonly bookings: readonly Booking[];
  readonly durations: readonly { readonly classKey: string; readonly longestMs: number }[];
  readonly throughputs: readonly { readonly key: string; readonly milliPerHour: number }[];
  /** Absent in cells from before run times were kept. */
  readonly runTimes?: readonly RunTimeRecord[];
  /** Absent in cells from before starts were compared. */
  readonly startErrors?: readonly StartErrorRecord[];
  readonly payers: readonly { readonly payer: string; readonly hold: PayerHold }[];
  /** When to look again at all that wait. */
  readonly wakeAtMs: number | null;
}
