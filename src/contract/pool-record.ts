import type { PoolId } from '../kernel/ids.ts';

/** A pool as registered. Plain data: it crosses RPC and is stored as one row. */
export interface PoolRecord {
  readonly id: PoolId;
  readonly name: string;
  /** The team that owns it. */
  readonly owner: string;
  readonly createdAtMs: number;
}
