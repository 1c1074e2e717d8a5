import type { JobId, PoolId } from '../../../kernel/ids.ts';
import type { Blocker } from '../admission/blocker.ts';
import type { JobState } from '../machine/job-record.ts';

/** Why a job waits, and for how long at most. Plain data. */
export interface Explanation {
  readonly state: JobState;
  readonly why: Why;
  /** One for each option, in their order; empty when no option was looked at. */
  readonly blockers: readonly Blocker[];
  /** 1 is the first of its queue: by priority, then by submission. Null when it does not wait in the queue. */
  readonly position: number | null;
  /** The next few before it in its queue, first to last. */
  readonly ahead: readonly JobId[];
  /** When it will be placed if no job comes and all take as long as they may; null when some may take for ever. */
  readonly earliestStartMs: number | null;
  /** Any of these would bring it closer to a placement. */
  readonly remedies: readonly Remedy[];
}

export type Why =
  /** It is placed, or over. */
  | { readonly kind: 'not_waiting' }
  | { readonly kind: 'dependencies'; readonly jobs: readonly JobId[] }
  | { readonly kind: 'queue_suspended' }
  /** Its load asks for no nodes at the moment. */
  | { readonly kind: 'scaled_to_zero' }
  /** The jobs before it in its class will be examined first; in the present state it could be placed. */
  | { readonly kind: 'others_first' }
  /** None of its options gives a placement. */
  | { readonly kind: 'blocked' };

export type Remedy =
  | { readonly kind: 'more_quota'; readonly option: number; readonly resource: string; readonly by: number }
  | { readonly kind: 'higher_price_limit'; readonly option: number; readonly nanoDollarsPerHour: number }
  | { readonly kind: 'more_nodes'; readonly option: number; readonly poolId: PoolId; readonly by: number }
  /** Were it surely done before the job that comes first starts, it could pass it. */
  | { readonly kind: 'shorter_duration'; readonly option: number; readonly durationMaxMs: number }
  | { readonly kind: 'accept_more_pools'; readonly option: number }
  | { readonly kind: 'smaller_demand'; readonly option: number };
