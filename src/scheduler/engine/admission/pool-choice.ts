import type { PoolRecord } from '../machine/pool-record.ts';
import type { Blocker } from './blocker.ts';

/** The pools for an option, or why there are none. */
export type PoolChoice = readonly PricedPool[] | Blocker;

/** A pool a job could run in, and what each node's worth would cost there. */
export interface PricedPool {
  readonly pool: PoolRecord;
  readonly nanoDollarsPerNodeHour: number;
}
