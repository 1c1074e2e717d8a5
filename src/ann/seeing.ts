import type { ShardHeader } from './shard-header.ts';

/**
 * The header with its LSN raised to the highest that the writer has seen (a Lamport clock). Only a write may raise it: readers take the LSN
 * for that of the vectors.
 */
export const seeing = (lsnSeen: number | undefined, header: ShardHeader): ShardHeader =>
  lsnSeen === undefined || lsnSeen <= header.lsn ? header : { ...header, lsn: lsnSeen };
