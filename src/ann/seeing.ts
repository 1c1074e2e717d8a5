import type { ShardHeader } from './vector-store.ts';

/** What a write goes by whose writer knows of an LSN. Only a write may raise it: what is known of the vectors is known by their LSN. */
export const seeing = (lsnSeen: number | undefined, header: ShardHeader): ShardHeader =>
  lsnSeen === undefined || lsnSeen <= header.lsn ? header : { ...header, lsn: lsnSeen };
