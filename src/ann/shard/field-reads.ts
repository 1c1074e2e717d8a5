import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { RecentColumns } from '../engine/recent-columns.ts';
import type { Selection } from '../filter/selection.ts';
import type { FieldMatches, RowFields } from '../row-fields.ts';
import { NO_COST } from '../search-cost.ts';
import type { ShardHeader } from '../shard-header.ts';
import type {
  CountedTerms,
  Explanation,
  HighlightedRows,
  Include,
  ShardFieldSearch,
  ShardHighlight,
  ShardMatches,
  ShardStatistics,
} from '../shard-protocol.ts';
import type { Row } from '../stored-vector.ts';
import type { VectorStore } from '../store/vector-store.ts';
import { matchColumns, replyTooLarge } from './included-columns.ts';

/** The rows of a namespace that a filter accepts; undefined `ordinal`: there is no such namespace. */
interface FieldScope {
  readonly header: ShardHeader;
  readonly ordinal: number | undefined;
  readonly among: Selection | undefined;
}

/** The rows of the best scores that hold what a leg asks for. */
export function searchFields(
  store: VectorStore,
  recent: Pick<RecentColumns, 'columns'>,
  search: ShardFieldSearch,
  { header, ordinal, among }: FieldScope,
): Outcome<ShardMatches & { readonly rows: readonly Row[] }> {
  const fields = fieldsOf(store);
  if (!fields.ok) return fields;
  const { query, topK, excludeIds } = search;
  const [namespace, rowsAmong] = [ordinal ?? NOWHERE, rowsOf(store, ordinal, among)];
  const filtered = search.statisticsOf === 'filter' && among !== undefined;
  const counted = filtered && search.statistics === undefined ? fields.value.statistics({ query, namespace, among: rowsAmong }) : undefined;
  if (counted?.ok === false) return counted;
  const statistics = search.statistics ?? counted?.value;
  const excluded = new Set(ordinal === undefined ? [] : store.rowsOf(ordinal, excludeIds));
  // Those to leave out are few, and may be among the first.
  const wanted = topK + excluded.size;
  const found = fields.value.search({
    query,
    namespace,
    topK: wanted,
    among: rowsAmong,
    statistics,
  });
  if (!found.ok) return found;
  const kept = [...found.value.rows.keys()].filter((at) => !excluded.has(found.value.rows[at]!)).slice(0, topK);
  const rows = kept.map((at) => found.value.rows[at]!);
  const bytesMax = VECTOR_LIMITS.retrievalReplyBytesMax;
  const named = recent.columns(rows, BARE, bytesMax, (missing) => store.columns(missing, BARE, header, bytesMax));
  if (named === undefined) return replyTooLarge();
  const matches = rows.map((row, at) => ({ row, id: must(named.ids[at], 'a row that is found is stored') }));
  const columns = matchColumns(store, recent, matches, search, header);
  if (!columns.ok) return columns;
  const answer = { ...columns.value, rows, scores: kept.map((at) => found.value.scores[at]!), lsn: header.lsn };
  return ok(search.explain === true ? { ...answer, explanation: explained(found.value, among) } : answer);
}

/** Refuses as a search does. */
export function termStatistics(
  store: VectorStore,
  { query }: Pick<ShardStatistics, 'query'>,
  { header, ordinal, among }: FieldScope,
): Outcome<CountedTerms> {
  const fields = fieldsOf(store);
  if (!fields.ok) return fields;
  const counted = fields.value.statistics({ query, namespace: ordinal ?? NOWHERE, among: rowsOf(store, ordinal, among) });
  return counted.ok ? ok({ ...counted.value, lsn: header.lsn }) : counted;
}

/** Ids that are not there are left out. */
export function highlight(
  store: VectorStore,
  { ids, ...asked }: ShardHighlight,
  { header, ordinal }: Omit<FieldScope, 'among'>,
): Outcome<HighlightedRows> {
  const fields = fieldsOf(store);
  if (!fields.ok) return fields;
  const rows = ordinal === undefined ? [] : store.rowsOf(ordinal, ids);
  const idOf = new Map(store.idsOf(rows).map(({ row, id }) => [row, id]));
  const highlighted = fields.value.highlight(store.contentsOf(rows), asked);
  if (!highlighted.ok) return highlighted;
  const shown = rows.map((row, at) => ({
    id: must(idOf.get(row), 'a row of an id is stored'),
    fields: Object.entries(highlighted.value[at] ?? {}).map(([name, fragments]) => ({ name, fragments })),
  }));
  return ok({ rows: shown, lsn: header.lsn });
}

const BARE: Include = { values: false, metadata: false, text: false };

/** The ordinal of no namespace. */
const NOWHERE = 0;

function fieldsOf(store: VectorStore): Outcome<RowFields> {
  return store.fields === undefined ? refuse('invalid_value', 'the index has no fields besides its vectors') : ok(store.fields);
}

const rowsOf = (store: VectorStore, ordinal: number | undefined, among: Selection | undefined) =>
  ordinal === undefined ? undefined : among?.within(() => store.liveRows(ordinal));

const explained = ({ work }: FieldMatches, among: Selection | undefined): Explanation => ({
  ...('postings' in work ? { ...NO_COST, engine: 'lists', postings: work } : { ...work, engine: 'flat' }),
  shardsAsked: 1,
  filter: among === undefined ? null : { estimatedRows: null, selectedRows: among.rows?.size ?? null, applied: 'scan' },
});
