import type { Filter } from '../../contract/vectors/filter.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { assert, must } from '../../kernel/assert.ts';
import type { IndexId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Steps, Turn } from '../../kernel/stepped-work.ts';
import type { Addressed } from '../access-mode.ts';
import { ShardAccess } from './shard-access.ts';
import { diversified } from './mmr.ts';
import { matchColumns, rowColumns } from './included-columns.ts';
import { measureSlice } from './recall-slice.ts';
import { excluded, pointOf } from './query-point.ts';
import type { ShardEngine } from './shard-engine.ts';
import { RowSet, sampleRows } from '../filter/row-set.ts';
import { Selection } from '../filter/selection.ts';
import type { WideFilter } from '../filter/shard-selections.ts';
import { ShardSelections } from '../filter/shard-selections.ts';
import type { SelectionCache } from '../filter/selection.ts';
import { FieldReads } from './field-reads.ts';
import { listRows, sliceBehind } from './list-rows.ts';
import type { SearchCost } from '../search-cost.ts';
import { NO_COST } from '../search-cost.ts';
import type { Progress, ShardProgress } from '../shard-operations.ts';
import type {
  Counted,
  CountedTerms,
  Explanation,
  FilterUse,
  HighlightedRows,
  ListedVectors,
  NamespacePage,
  RecallSlice,
  Routed,
  SampledIds,
  SelectedIds,
  ShardCount,
  ShardFetch,
  ShardFieldSearch,
  ShardHighlight,
  ShardIdentity,
  ShardList,
  ShardMatches,
  ShardNamespaces,
  ShardQuery,
  ShardRecall,
  ShardSample,
  ShardSelect,
  ShardStatistics,
  ShardStats,
  ShardVectors,
} from '../shard-protocol.ts';
import type { Row, VectorMatch, VectorQuery } from '../stored-vector.ts';
import type { ShardHeader } from '../shard-header.ts';
import type { VectorStore } from '../store/vector-store.ts';

/**
 * The vectors of one index, without writes: a store that is the source of truth and an engine that follows it. Synchronous throughout, so that
 * no read sees half a write. Every call names the index id it is meant for and is refused with `index_not_found` when that is not this shard's.
 */
export class ReadableShard {
  protected readonly store: VectorStore;
  protected readonly engine: ShardEngine;
  readonly access: ShardAccess;
  readonly #selections: ShardSelections;
  readonly #fieldReads: FieldReads;
  #lastCost: SearchCost = NO_COST;

  constructor(store: VectorStore, engine: ShardEngine, name: string, selections: SelectionCache) {
    this.store = store;
    this.engine = engine;
    this.#selections = new ShardSelections(name, store.properties, selections);
    this.access = new ShardAccess(store);
    this.#fieldReads = new FieldReads({ store, recent: () => engine.columns, scopeOf: (call) => this.scopeOf(call) });
  }

  /** Makes this shard the given index's, whose fields may have changed since. Repeating it changes nothing. */
  open(identity: ShardIdentity): void {
    const header = this.store.header();
    if (header === undefined) return this.store.create(identity);
    assert(header.indexId === identity.indexId, 'a shard is named by its index id, so it never serves another one');
    this.store.define(identity.fields ?? {});
  }

  /** Before everything stored is erased: lets go of the engine and answers how many vectors there are. */
  close(indexId: IndexId): number {
    const header = this.store.header();
    assert(header === undefined || header.indexId === indexId, 'only the index that owns a shard erases it');
    this.engine.drop();
    this.store.fields?.evict();
    return header?.count ?? 0;
  }

  /** Follows that everything stored was erased, in the same step: calls that came meanwhile may have read some of it. */
  forget(): void {
    this.engine.drop();
    this.store.storage.forget();
  }

  /** Refuses with `vector_not_found` when it is to search around a vector that is not there, or with `limit_exceeded`. */
  query(query: ShardQuery): Outcome<ShardMatches> {
    const found = this.access.pass(query);
    if (!found.ok) return found;
    const header = found.value;
    const { target, namespace, topK, filter, mmr, exact = false } = query;
    const ordinal = this.store.namespaces.ordinalOf(namespace);
    const point = pointOf(target, header.metric, (id) => (ordinal === undefined ? undefined : this.store.valuesOf(ordinal, id, header)));
    if (!point.ok) return point;
    const selected = this.#selection(ordinal, filter, excluded(query.excludeIds, target), header);
    if (!selected.ok) return selected;
    const among = selected.value;
    const wanted = { values: point.value, topK: mmr?.candidates ?? topK, namespace: ordinal ?? 0, exact };
    const { matches: closest, explanation } = this.#search(wanted, among, header);
    this.#lastCost = explanation;
    const matches = mmr === undefined ? closest : diversified(this.store, closest, topK, mmr, header);
    const columns = matchColumns(this.store, this.engine.columns, matches, query, header);
    if (!columns.ok) return columns;
    const answer = {
      ...columns.value,
      ...this.#versionsOf(rowsOf(matches), query),
      scores: matches.map(({ score }) => score),
      lsn: header.lsn,
    };
    return ok(query.explain === true ? { ...answer, explanation } : answer);
  }

  /** A leg over fields. What it refuses, and how long it takes, see `FieldReads`. */
  searchFields(search: ShardFieldSearch): Outcome<Steps<Outcome<ShardMatches>>> {
    return this.#fieldReads.search(search);
  }

  termStatistics(asked: ShardStatistics): Outcome<Steps<Outcome<CountedTerms>>> {
    return this.#fieldReads.statistics(asked);
  }

  highlight(asked: ShardHighlight): Outcome<Steps<Outcome<HighlightedRows>>> {
    return this.#fieldReads.highlight(asked);
  }

  /** In the order asked for; ids that are not there are left out. Refuses with `limit_exceeded`. */
  fetch(fetch: ShardFetch): Outcome<ShardVectors> {
    const { namespace, ids, include } = fetch;
    const found = this.access.pass(fetch);
    if (!found.ok) return found;
    const ordinal = this.store.namespaces.ordinalOf(namespace);
    const rows = ordinal === undefined ? [] : this.store.rowsOf(ordinal, ids);
    const columns = rowColumns(this.store, rows, include, found.value);
    if (!columns.ok) return columns;
    return ok({ ...columns.value, ...this.#versionsOf(rows, fetch), lsn: found.value.lsn });
  }

  /** Refuses with `limit_exceeded`. */
  list(list: ShardList): Outcome<ListedVectors> {
    const { start, limit, include } = list;
    const scope = this.scopeOf(list);
    if (!scope.ok) return scope;
    const { header, ordinal, among } = scope.value;
    const { rows, next } = ordinal === undefined ? NOTHING_LISTED : listRows(this.store, ordinal, among, start, limit);
    const columns = rowColumns(this.store, rows, include, header);
    return columns.ok ? ok({ ...columns.value, ...this.#versionsOf(rows, list), next, lsn: header.lsn }) : columns;
  }

  namespaces(page: ShardNamespaces): Outcome<NamespacePage> {
    const { after, limit } = page;
    const found = this.access.pass(page);
    if (!found.ok) return found;
    const names = this.store.namespaces.behind(after, limit + 1);
    return ok({ names: names.slice(0, limit), hasMore: names.length > limit, lsn: found.value.lsn });
  }

  /** Refuses with `limit_exceeded` what a query refuses, too. */
  count(count: ShardCount): Outcome<Counted> {
    const scope = this.scopeOf(count);
    if (!scope.ok) return scope;
    const { header, ordinal, among } = scope.value;
    const all = () => (ordinal === undefined ? new RowSet() : this.store.liveRows(ordinal));
    return ok({ count: (among?.within(all) ?? all()).size, lsn: header.lsn });
  }

  /** One slice of the vectors that a filter accepts. */
  select(select: ShardSelect): Outcome<SelectedIds> {
    const scope = this.scopeOf(select);
    if (!scope.ok) return scope;
    const { header, ordinal, among } = scope.value;
    const { rows, next } = ordinal === undefined ? NOTHING_LISTED : sliceBehind(this.store, ordinal, among, select.after);
    const idOf = new Map(this.store.idsOf(rows).map(({ row, id }) => [row, id]));
    const ids = rows.map((row) => must(idOf.get(row), 'a selected row is stored'));
    return ok({ ids, versions: this.store.versionsOf(rows), next, lsn: header.lsn });
  }

  /** Ids of vectors of the namespace drawn at random, all if there are fewer; of rows without a vector, none. */
  sample(sample: ShardSample): Outcome<SampledIds> {
    const { namespace, count, seed } = sample;
    const found = this.access.pass(sample);
    if (!found.ok) return found;
    const ordinal = this.store.namespaces.ordinalOf(namespace);
    const live = ordinal === undefined ? new RowSet() : this.store.vectorRows(ordinal);
    const ids = [...this.store.read(found.value)(sampleRows(live, count, seed))].map(({ id }) => id);
    return ok({ ids, of: live.size, lsn: found.value.lsn });
  }

  /** What searches around some of these vectors find: the first, as many as one slice takes. */
  measureRecall(recall: ShardRecall): Outcome<RecallSlice> {
    const { ids, topK } = recall;
    const scope = this.scopeOf(recall);
    if (!scope.ok) return scope;
    const { header, ordinal, among } = scope.value;
    const rows = ordinal === undefined ? [] : this.store.rowsOf(ordinal, ids);
    const stored = new Map([...this.store.read(header)(rows)].map((vector) => [vector.id, vector]));
    const vectors = ids.map((id) => stored.get(id));
    return ok(measureSlice(header.metric, vectors, topK, (query) => this.#search({ ...query, namespace: ordinal ?? 0 }, among, header)));
  }

  progress(call: ShardProgress): Outcome<Progress> {
    const found = this.access.pass(call);
    if (!found.ok) return found;
    const waiting = this.engine.isMaintenanceDue(found.value) ? this.store.unlistedRows().size : 0;
    return ok({ vectors: found.value.count, waiting });
  }

  stats(call: Addressed): Outcome<ShardStats> {
    const found = this.access.pass(call);
    if (!found.ok) return found;
    return ok({
      lsn: found.value.lsn,
      count: found.value.count,
      shards: 1,
      namespaces: this.store.namespaces.count,
      storageBytes: this.store.bytes(),
      memoryBytes: this.engine.bytes + (this.store.fields?.bytes ?? 0),
    });
  }

  /** What the last query cost. */
  get lastCost(): SearchCost {
    return this.#lastCost;
  }

  /** False at first and after what was derived from the vectors was lost: then it has not been checked whether a sweep is due. */
  get isMaintained(): boolean {
    return this.engine.isMaintained;
  }

  /** Whether `sweep` may have something to do. */
  isSweepDue(): boolean {
    const header = this.store.header();
    if (header === undefined) return false;
    return this.store.properties.isBehind() || this.store.fields?.isSweepDue === true || this.engine.isMaintenanceDue(header);
  }

  /** The filter for which the last call was refused, though it may be read in steps. */
  takeWideFilter(): WideFilter | undefined {
    return this.#selections.takeWide();
  }

  /** Reads it; calls that name it are then answered, unless the shard was written meanwhile. */
  selectInSteps(wide: WideFilter, turn: Turn): Promise<void> {
    return this.#selections.selectInSteps(wide, () => this.store.header()?.lsn, turn);
  }

  /** How long after a write to sweep. */
  sweepDelayMs(nowMs: number): number {
    return this.engine.maintenanceDelayMs(nowMs);
  }

  /**
   * Does a slice of background work: indexes what older versions left unindexed, builds and merges the postings of fields, maintains the
   * posting lists, deletes expired receipts.
   * Returns when to continue, in milliseconds since the Unix epoch, or undefined.
   */
  sweep(nowMs: number): number | undefined {
    const header = this.store.header();
    if (header === undefined) return undefined;
    if (this.store.properties.isBehind()) {
      this.store.properties.catchUp();
      return nowMs;
    }
    if (this.store.fields?.sweep() === true) return nowMs;
    const maintenanceMs = this.engine.isMaintenanceDue(header) ? this.engine.maintain(nowMs, header) : undefined;
    if (maintenanceMs === nowMs) return nowMs;
    this.store.log.sweep(nowMs - INDEX_LIMITS.shardLogIdleMs);
    const receiptsMs = this.store.receipts.sweep(nowMs);
    return maintenanceMs === undefined || receiptsMs === undefined ? (maintenanceMs ?? receiptsMs) : Math.min(maintenanceMs, receiptsMs);
  }

  /** The vectors of a namespace that a filter accepts; undefined `among`: all of it. */
  protected scopeOf(call: Scoped, isWrite = false): Outcome<Scope> {
    const found = this.access.pass(call, isWrite);
    if (!found.ok) return found;
    const ordinal = this.store.namespaces.ordinalOf(call.namespace);
    const selected = this.#selection(ordinal, call.filter, [], found.value);
    return selected.ok ? ok({ header: found.value, ordinal, among: selected.value }) : selected;
  }

  protected accepted(filter: Filter, namespace: number, { lsn }: ShardHeader): Outcome<Selection> {
    return this.#selections.select({ namespace, filter }, lsn);
  }

  #search(query: VectorQuery, among: Selection | undefined, header: ShardHeader): ExplainedMatches {
    const rows = among?.rows;
    const selectedRows = rows?.size ?? null;
    const isNarrow = rows !== undefined && selectedRows !== null && selectedRows <= INDEX_LIMITS.filterExactMaxCount;
    const filter: FilterUse | null =
      among === undefined ? null : { estimatedRows: null, selectedRows, applied: isNarrow ? 'rows' : 'scan' };
    const { matches, explanation } = isNarrow ? this.engine.searchRows(query, rows, header) : this.engine.search(query, among, header);
    return { matches, explanation: { ...explanation, filter } };
  }

  /** The rows that may be found; undefined when all may. Without a namespace, none. */
  #selection(
    namespace: number | undefined,
    filter: Filter | null,
    excludeIds: readonly string[],
    header: ShardHeader,
  ): Outcome<Selection | undefined> {
    if (namespace === undefined) return ok(new Selection(new RowSet()));
    const found = filter === null ? undefined : this.accepted(filter, namespace, header);
    if (found?.ok === false) return found;
    const accepted = found?.value;
    if (excludeIds.length === 0) return ok(accepted);
    const others = new Selection(RowSet.of(this.store.rowsOf(namespace, excludeIds)), true);
    return ok(accepted?.and(others) ?? others);
  }

  /** Only a caller of several shards uses versions. */
  #versionsOf(rows: readonly Row[], { routeVersion = 0 }: Routed): { versions?: number[] } {
    return routeVersion === 0 ? {} : { versions: this.store.versionsOf(rows) };
  }
}

/** A call about the vectors of a namespace that a filter accepts. */
interface Scoped extends Addressed {
  readonly namespace: string;
  readonly filter: Filter | null;
}

interface Scope {
  readonly header: ShardHeader;
  readonly ordinal: number | undefined;
  readonly among: Selection | undefined;
}

const NOTHING_LISTED = { rows: [], next: null };

interface ExplainedMatches {
  readonly matches: VectorMatch[];
  readonly explanation: Explanation;
}

const rowsOf = (matches: readonly VectorMatch[]): Row[] => matches.map(({ row }) => row);
