import type { Interruptions } from '../placement/interruptions.ts';
import type { PoolSpec } from '../model/pool-spec.ts';

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
