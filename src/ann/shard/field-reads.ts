import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Filter } from '../../contract/vectors/filter.ts';
import { assert, must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { Steps } from '../../kernel/stepped-work.ts';
import type { Addressed } from '../access-mode.ts';
import type { RecentColumns } from '../engine/recent-columns.ts';
import { RowSet } from '../filter/row-set.ts';
import type { Selection } from '../filter/selection.ts';
import { compareText } from '../id-order.ts';
import type { FieldMatches, FieldSearch, PostingsWork, RowFields, TermStatistics } from '../row-fields.ts';
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

interface FieldReadsParts {
  readonly store: VectorStore;
  readonly recent: () => Pick<RecentColumns, 'columns'>;
  /** What a call is about, as the shard is now. */
  readonly scopeOf: (call: FieldCall) => Outcome<FieldScope>;
}

interface FieldCall extends Addressed {
  readonly namespace: string;
  readonly filter: Filter | null;
}

/** What a leg asks the fields for, whichever rows they are. */
type Leg = Pick<FieldSearch, 'query' | 'topK' | 'statistics'>;

/** How often a search begins anew, as rows that it had found were removed, before it goes without those that they kept out. */
const ATTEMPTS_MAX = 3;

/**
 * Reads of the fields of a shard's rows. Each begins at once, where it may be refused, and goes on in steps of some milliseconds. What is written
 * meanwhile is in its answer: it is as of its end. [TX190]
 */
export class FieldReads {
  readonly #parts: FieldReadsParts;

  constructor(parts: FieldReadsParts) {
    this.#parts = parts;
  }

  /** The rows of the best scores. Refuses fields that the index does not have or that are still built, and with `limit_exceeded`. */
  search(search: ShardFieldSearch): Outcome<Steps<Outcome<ShardMatches>>> {
    return this.#begun(search, (fields, scope) => this.#search(fields, search, scope));
  }

  /** The counts of this shard: a row counts in one shard alone. Refuses as a search does. */
  statistics(asked: ShardStatistics): Outcome<Steps<Outcome<CountedTerms>>> {
    return this.#begun(asked, (fields, scope) => this.#statistics(fields, asked, scope));
  }

  /** Ids that are not there are left out. */
  highlight(asked: ShardHighlight): Outcome<Steps<Outcome<HighlightedRows>>> {
    return this.#begun({ ...asked, filter: null }, (fields, scope) => this.#highlight(fields, asked, scope));
  }

  #begun<T>(call: FieldCall, begin: (fields: RowFields, scope: FieldScope) => Steps<Outcome<T>>): Outcome<Steps<Outcome<T>>> {
    const scope = this.#parts.scopeOf(call);
    if (!scope.ok) return scope;
    const { fields } = this.#parts.store;
    if (fields === undefined) return refuse('invalid_value', 'the index has no fields besides its vectors');
    return ok(this.#whileOpen(call, begin(fields, scope.value)));
  }

  /** Ends as a call does that comes after everything was erased, if that happens between two steps. */
  *#whileOpen<T>(call: FieldCall, steps: Steps<Outcome<T>>): Steps<Outcome<T>> {
    const { store, scopeOf } = this.#parts;
    for (;;) {
      const { done, value } = steps.next();
      if (done === true) return value;
      yield undefined;
      const scope = store.header() === undefined ? scopeOf(call) : undefined;
      if (scope?.ok === false) return scope;
    }
  }

  *#search(fields: RowFields, search: ShardFieldSearch, begun: FieldScope): Steps<Outcome<ShardMatches>> {
    const { store, scopeOf } = this.#parts;
    const counted = search.statistics === undefined ? yield* this.#ownStatistics(fields, search, begun) : ok(search.statistics);
    if (!counted.ok) return counted;
    const { query, topK, excludeIds } = search;
    // Those to leave out are few, and may be among the first.
    const leg = { query, topK: topK + excludeIds.length, statistics: counted.value };
    let scope = begun;
    let found = yield* fields.search({ ...leg, ...this.#rowsOf(scope) });
    for (let attempts = 1; found.ok && store.header()?.lsn !== scope.header.lsn; attempts += 1) {
      const now = scopeOf(search);
      if (!now.ok) return now;
      found = yield* this.#caughtUp(fields, leg, found.value, { before: scope, now: now.value, mayBeginAnew: attempts < ATTEMPTS_MAX });
      scope = now.value;
    }
    return found.ok ? this.#answer(search, found.value, scope) : found;
  }

  /** What was found before, after rows were written. */
  *#caughtUp(
    fields: RowFields,
    leg: Leg,
    found: FieldMatches,
    { before, now, mayBeginAnew }: { readonly before: FieldScope; readonly now: FieldScope; readonly mayBeginAnew: boolean },
  ): Steps<Outcome<FieldMatches>> {
    const { store } = this.#parts;
    const there = new Set(store.idsOf(found.rows).map(({ row }) => row));
    // Some that came may have been found already.
    const isOld = (row: Row): boolean => row < before.header.nextRow && there.has(row);
    const mayLack = there.size < found.rows.length && found.rows.length === leg.topK;
    if (mayLack && mayBeginAnew) return yield* fields.search({ ...leg, ...this.#rowsOf(now) });
    const { namespace, among = now.ordinal === undefined ? new RowSet() : store.liveRows(now.ordinal) } = this.#rowsOf(now);
    const came = RowSet.of(among.firstBehind(before.header.nextRow - 1, Infinity));
    const more = yield* fields.search({ ...leg, namespace, among: came });
    if (!more.ok) return more;
    const left = [...found.rows.keys()].filter((at) => isOld(found.rows[at]!));
    const kept = { ...found, rows: left.map((at) => found.rows[at]!), scores: left.map((at) => found.scores[at]!) };
    return ok(this.#merged(kept, more.value, leg.topK));
  }

  #merged(found: FieldMatches, more: FieldMatches, topK: number): FieldMatches {
    const rows = [...found.rows, ...more.rows];
    const scores = [...found.scores, ...more.scores];
    const ids = new Map(this.#parts.store.idsOf(rows).map(({ row, id }) => [row, id]));
    const idAt = (at: number): string => ids.get(rows[at]!) ?? '';
    const order = [...rows.keys()].sort((a, b) => scores[b]! - scores[a]! || compareText(idAt(a), idAt(b))).slice(0, topK);
    const [before, after] = [postingsWork(found), postingsWork(more)];
    const work = {
      postings: before.postings + after.postings,
      postingsRead: before.postingsRead + after.postingsRead,
      scored: before.scored + after.scored,
    };
    return { rows: order.map((at) => rows[at]!), scores: order.map((at) => scores[at]!), work };
  }

  #ownStatistics(fields: RowFields, { query, statisticsOf }: ShardFieldSearch, scope: FieldScope): Steps<Outcome<TermStatistics>> {
    const { namespace, among } = this.#rowsOf(scope);
    return fields.statistics({ query, namespace, among: statisticsOf === 'filter' ? among : undefined });
  }

  #answer(search: ShardFieldSearch, found: FieldMatches, { header, ordinal, among }: FieldScope): Outcome<ShardMatches> {
    const { store } = this.#parts;
    const recent = this.#parts.recent();
    const excluded = new Set(ordinal === undefined ? [] : store.rowsOf(ordinal, search.excludeIds));
    const kept = [...found.rows.keys()].filter((at) => !excluded.has(found.rows[at]!)).slice(0, search.topK);
    const rows = kept.map((at) => found.rows[at]!);
    const bytesMax = VECTOR_LIMITS.retrievalReplyBytesMax;
    const named = recent.columns(rows, BARE, bytesMax, (missing) => store.columns(missing, BARE, header, bytesMax));
    if (named === undefined) return replyTooLarge();
    const matches = rows.map((row, at) => ({ row, id: must(named.ids[at], 'a row that is found is stored') }));
    const columns = matchColumns(store, recent, matches, search, header);
    if (!columns.ok) return columns;
    // Only a caller of several shards uses versions.
    const versions = (search.routeVersion ?? 0) === 0 ? {} : { versions: store.versionsOf(rows) };
    const answer = { ...columns.value, ...versions, scores: kept.map((at) => found.scores[at]!), lsn: header.lsn };
    return ok(search.explain === true ? { ...answer, explanation: explained(found, among) } : answer);
  }

  *#statistics(fields: RowFields, { query }: ShardStatistics, scope: FieldScope): Steps<Outcome<CountedTerms>> {
    const counted = yield* fields.statistics({ query, ...this.#rowsOf(scope) });
    return counted.ok ? ok({ ...counted.value, lsn: scope.header.lsn }) : counted;
  }

  *#highlight(fields: RowFields, { ids, ...asked }: ShardHighlight, { header, ordinal }: FieldScope): Steps<Outcome<HighlightedRows>> {
    const { store } = this.#parts;
    const shown: string[] = [];
    // Read one by one: all of them may be very long.
    const rows = function* rows() {
      for (const id of ordinal === undefined ? [] : new Set(ids)) {
        for (const contents of store.contentsOf(store.rowsOf(ordinal!, [id]))) {
          shown.push(id);
          yield contents;
        }
      }
    };
    const highlighted = yield* fields.highlight(rows(), asked);
    if (!highlighted.ok) return highlighted;
    const fieldsAt = (at: number) => Object.entries(highlighted.value[at] ?? {}).map(([name, fragments]) => ({ name, fragments }));
    return ok({ rows: shown.map((id, at) => ({ id, fields: fieldsAt(at) })), lsn: header.lsn });
  }

  /** Absent `among`: all of the namespace. */
  #rowsOf({ ordinal, among }: FieldScope): { readonly namespace: number; readonly among?: RowSet } {
    if (ordinal === undefined) return { namespace: NOWHERE };
    const rows = among?.within(() => this.#parts.store.liveRows(ordinal));
    return { namespace: ordinal, ...(rows === undefined ? {} : { among: rows }) };
  }
}

const BARE: Include = { values: false, metadata: false, text: false };

/** The ordinal of no namespace. */
const NOWHERE = 0;

function postingsWork({ work }: FieldMatches): PostingsWork {
  assert('postings' in work, 'vectors are searched in one step, which no write comes between');
  return work;
}

const explained = ({ work }: FieldMatches, among: Selection | undefined): Explanation => ({
  ...('postings' in work ? { ...NO_COST, engine: 'lists', postings: work } : { ...work, engine: 'flat' }),
  shardsAsked: 1,
  filter: among === undefined ? null : { estimatedRows: null, selectedRows: among.rows?.size ?? null, applied: 'scan' },
});
