import type { ReadConsistency } from '../../ann/replication/read-consistency.ts';
import type { Consistency } from '../../contract/reading.ts';

/** What a request asks for, as shards know it. */
export const consistencyOf = (asked: Consistency): ReadConsistency =>
  typeof asked === 'string' ? { kind: asked } : { kind: 'min-lsn', lsn: asked.min_lsn };
