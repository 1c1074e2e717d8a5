import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { VectorStore } from '../vector-store.ts';
import type { ShardChanges, ShardFollow } from './change-page.ts';

/** What changed in a shard behind a cursor; `since` is that of its routes. Refuses with `index_not_found`. */
export function tellChanges(
  store: VectorStore,
  { indexId, after, countMax, lsnMin = 0 }: ShardFollow,
  nowMs: number,
  since = 0,
): Outcome<ShardChanges> {
  const known = store.header();
  if (known?.indexId !== indexId) return refuse('index_not_found', 'the index was deleted', 'index');
  const lsn = Math.max(known.lsn, Math.min(lsnMin, known.lsn + LIMITS.lsnRaiseMax));
  if (known.lsn < lsn) store.raiseLsn(lsn);
  const header = { ...known, lsn };
  store.log.follow(header, nowMs);
  const page = store.log.page(after ?? store.log.start(header), countMax, header);
  if (page === undefined) return ok({ kind: 'snapshot-needed' });
  return ok({ ...page, since, isClosed: store.gate().gate === 'closed' });
}
