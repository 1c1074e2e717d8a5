import type { ShardIdentity } from './shard-protocol.ts';
import type { Row } from './vector-engine.ts';

/** A shard's identity and where it stands. */
export interface ShardHeader extends ShardIdentity {
  /** Number of the last write. */
  readonly lsn: number;
  readonly count: number;
  /** The row of the next vector: all there ever were are lower. */
  readonly nextRow: Row;
}
