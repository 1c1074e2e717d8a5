import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import type { RecentColumns } from '../engine/recent-columns.ts';
import type { Include, ShardQuery, VectorColumns } from '../shard-protocol.ts';
import { isBare } from '../shard-protocol.ts';
import type { PlacedId, Row } from '../stored-vector.ts';
import type { ShardHeader } from '../shard-header.ts';
import type { VectorReader } from '../store/vector-reader.ts';

type Columns = Pick<VectorReader, 'columns'>;

/** What an answer carries of some rows. Refuses with `limit_exceeded`. */
export function rowColumns(store: Columns, rows: readonly Row[], include: Include, header: ShardHeader): Outcome<VectorColumns> {
  const columns = store.columns(rows, include, header, VECTOR_LIMITS.retrievalReplyBytesMax);
  return columns === undefined ? replyTooLarge() : ok(columns);
}

/** The same of matches, whose ids are known: what carries nothing else is not read again. One of several shards answers bare rather than refuse. */
export function matchColumns(
  store: Columns,
  recent: Pick<RecentColumns, 'columns'>,
  matches: readonly PlacedId[],
  { include, columnsBytesMax }: Pick<ShardQuery, 'include' | 'columnsBytesMax'>,
  header: ShardHeader,
): Outcome<VectorColumns & { readonly isBare?: true }> {
  const bare = () => ({ ids: matches.map(({ id }) => id), values: null, metadata: null, texts: null });
  if (isBare(include)) return ok(bare());
  const rows = matches.map(({ row }) => row);
  const bytesMax = columnsBytesMax ?? VECTOR_LIMITS.retrievalReplyBytesMax;
  const rest = columnsBytesMax === undefined || !include.values ? bytesMax : bytesMax - 4 * header.dimensions * matches.length;
  const read = (missing: readonly Row[]) => store.columns(missing, include, header, rest);
  const isRemembered = !include.values && include.contents !== true;
  const columns = rest < 0 ? undefined : isRemembered ? recent.columns(rows, include, rest, read) : read(rows);
  if (columns !== undefined) return ok(columns);
  return columnsBytesMax === undefined ? replyTooLarge() : ok({ ...bare(), isBare: true });
}

/** Refuses an answer whose ids, metadata and texts are more than one answer holds. */
export const replyTooLarge = () =>
  refuseBeyond({
    limit: 'retrievalReplyBytesMax',
    what: 'the answer takes too many bytes',
    advice: 'ask for fewer vectors or less of each, or list them page by page',
  });
