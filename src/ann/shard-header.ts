import type { ShardIdentity } from './shard-protocol.ts';
import type { Row } from './stored-vector.ts';

/** A shard's identity and where it stands. */
export interface ShardHeader extends ShardIdentity {
  /** Number of the last write. */
  readonly lsn: number;
  readonly count: number;
  /** The row of the next vector: all there ever were are lower. */
  readonly nextRow: Row;
}

/**
 * The header with its LSN raised to the highest that the writer has seen (a Lamport clock). Only a write may raise it: readers take the LSN
 * for that of the vectors.
 */
export const seeing = (lsnSeen: number | undefined, header: ShardHeader): ShardHeader =>
  lsnSeen === undefined || lsnSeen <= header.lsn ? header : { ...header, lsn: lsnSeen };
