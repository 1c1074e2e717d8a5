import type { PoolId, JobId } from '../../../kernel/ids.ts';
import type { Destination } from './job-record.ts';
import type { PoolRecord } from './records.ts';

/** A placement a job could have now. */
export interface Offer extends Destination {
  /** Of all of it. */
  readonly nanoDollarsPerHour: number;
}

/** Why a job has no placement by one of its options. */
export type Blocker =
  /** No pool is of a market and region it accepts, and has what it needs. */
  | { readonly kind: 'no_pool'; readonly option: number }
  /** All pools in question cost more than it may pay, or are not sold now. */
  | { readonly kind: 'price'; readonly option: number; readonly nanoDollarsPerHour: number | null; readonly limit: number | null }
  /** It asks for more than its queue may ever have. */
  | Quota<'exceeds_quota'>
  /** Its queue and cohort have no more left now. */
  | Quota<'quota'>
  /** It would run for so long there, and not be done by its deadline; by another option it still can. */
  | { readonly kind: 'too_late'; readonly option: number; readonly runMs: number }
  /** It would not have room even in an empty cell. */
  | { readonly kind: 'exceeds_capacity'; readonly option: number }
  /** The nodes are taken. */
  | { readonly kind: 'no_room'; readonly option: number; readonly lack: Lack | null }
  /** Its nodes are other queues' for some time: what it would take is booked from then, or since then. */
  | {
      readonly kind: 'reserved';
      readonly option: number;
      readonly bookingId: string;
      readonly queue: string;
      readonly fromMs: number;
      readonly untilMs: number;
    }
  /** What is free is held for a job that comes first. */
  | { readonly kind: 'held'; readonly option: number; readonly forJob: JobId };

interface Quota<Kind extends string> {
  readonly kind: Kind;
  readonly option: number;
  readonly resource: string;
  readonly needed: number;
  readonly available: number;
}

/** What is lacking in the pool that comes closest. */
export interface Lack {
  readonly poolId: PoolId;
  /** What the fewest nodes have enough of; `topology` when enough nodes are free, but not together. */
  readonly dimension: 'accelerators' | 'cpu' | 'memory' | 'topology' | 'nodes';
  readonly nodesFree: number;
  readonly nodesNeeded: number;
}

/** The pools for an option, or why there are none. */
export type PoolChoice = readonly PricedPool[] | Blocker;

/** A pool a job could run in, and what each node's worth would cost there. */
export interface PricedPool {
  readonly pool: PoolRecord;
  readonly nanoDollarsPerNodeHour: number;
}
