import type { Filter } from '../contract/filter.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Outcome } from '../contract/outcome.ts';
import { refuse } from '../contract/outcome.ts';
import { assert, must } from '../kernel/assert.ts';
import type { IndexId } from '../kernel/ids.ts';
import { ok } from '../kernel/result.ts';
import { flatEngineCapacity } from './flat-engine.ts';
import { recommend } from './recommend.ts';
import type { ResidentEngine } from './resident-engine.ts';
import { exactSearch } from './exact-search.ts';
import { RowSet } from './filter/row-set.ts';
import { selectRows } from './filter/select-rows.ts';
import { Selection } from './filter/selection.ts';
import type {
  Deleted,
  DeleteSelection,
  Include,
  QueryTarget,
  ShardDelete,
  ShardFetch,
  ShardIdentity,
  ShardMatches,
  ShardQuery,
  ShardStats,
  ShardVectors,
  UpsertBatch,
  VectorColumns,
  Written,
} from './shard-protocol.ts';
import type { Row, VectorMatch, VectorQuery } from './vector-engine.ts';
import type { PlacedVector, ShardHeader, VectorPlace, VectorStore } from './vector-store.ts';

/**
 * The vectors of one index: a store that is the truth and an engine that follows it. Synchronous throughout, so that no read sees
 * half a write. Every call names the index id it is meant for and is refused with `index_not_found` when that is not this shard's.
 */
export class Shard {
  readonly #store: VectorStore;
  readonly #engine: ResidentEngine;

  constructor(store: VectorStore, engine: ResidentEngine) {
    this.#store = store;
    this.#engine = engine;
  }

  /** Makes this shard the given index's. Repeating it changes nothing. */
  open(identity: ShardIdentity): void {
    const header = this.#store.header();
    if (header === undefined) this.#store.create(identity);
    else assert(header.indexId === identity.indexId, 'a shard is named by its index id, so it never serves another one');
  }

  /** Before everything stored is erased: lets go of the engine and answers how many vectors there are. */
  close(indexId: IndexId): number {
    const header = this.#store.header();
    assert(header === undefined || header.indexId === indexId, 'only the index that owns a shard erases it');
    this.#engine.drop();
    return header?.count ?? 0;
  }

  /** All or nothing. Refuses with `limit_exceeded` when the vectors do not fit, or with `idempotency_mismatch`. */
  upsert(batch: UpsertBatch, nowMs: number): Outcome<Written> {
    const found = this.#headerOf(batch.indexId);
    if (!found.ok) return found;
    const header = found.value;
    assert(batch.values.length === batch.ids.length * header.dimensions, 'a batch has the dimensions of its index');
    const repeated = this.#repeated(batch);
    if (repeated !== undefined) return repeated;

    const replaced = this.#store.replacedBy(batch);
    const countNew = batch.ids.length - replaced.length;
    const countMax = capacity(header);
    if (header.count + countNew > countMax) {
      const message = `the index holds ${header.count} vectors: ${countNew} more exceed the ${countMax} that fit shardEngineBytesMax`;
      return refuse('limit_exceeded', message, 'vectors');
    }
    const { written, places } = this.#store.upsert(batch, header, replaced, nowMs);
    this.#engine.remove(replaced.map(({ row }) => row));
    this.#engine.put(placed(places, batch.values, header.dimensions), { ...header, count: header.count + countNew });
    return ok(written);
  }

  /** Exact. Refuses with `vector_not_found` when it is to search around a vector that is not there, or with `limit_exceeded`. */
  query({ indexId, target, namespace, topK, filter, excludeIds, include }: ShardQuery): Outcome<ShardMatches> {
    const found = this.#headerOf(indexId);
    if (!found.ok) return found;
    const header = found.value;
    const ordinal = this.#store.namespaceOrdinal(namespace);
    const point = this.#place(target, ordinal, header);
    if (!point.ok) return point;
    const query = { values: point.value, topK };
    const matches =
      ordinal === undefined ? [] : this.#search({ ...query, namespace: ordinal }, filter, excluded(excludeIds, target), header);
    const columns = this.#columns(
      matches.map(({ row }) => row),
      include,
      header,
    );
    return columns.ok ? ok({ ...columns.value, scores: matches.map(({ score }) => score), lsn: header.lsn }) : columns;
  }

  /** In the order asked for; ids that are not there are left out. Refuses with `limit_exceeded`. */
  fetch({ indexId, namespace, ids, include }: ShardFetch): Outcome<ShardVectors> {
    const found = this.#headerOf(indexId);
    if (!found.ok) return found;
    const ordinal = this.#store.namespaceOrdinal(namespace);
    const columns = this.#columns(ordinal === undefined ? [] : this.#store.rowsOf(ordinal, ids), include, found.value);
    return columns.ok ? ok({ ...columns.value, lsn: found.value.lsn }) : columns;
  }

  /** All or nothing, but for a filter, of which one slice is done. Ids that are not there are not counted. */
  delete({ indexId, selection }: ShardDelete): Outcome<Deleted> {
    const found = this.#headerOf(indexId);
    if (!found.ok) return found;
    if (selection.kind === 'all') {
      this.#engine.drop();
      return ok({ ...this.#store.deleteAll(found.value), next: null });
    }
    if (selection.kind === 'filter') return ok(this.#deleteSlice(selection, found.value));
    const { written, rows } = this.#store.delete(selection.namespace, selection.ids, found.value);
    this.#engine.remove(rows);
    return ok({ ...written, next: null });
  }

  stats(indexId: IndexId): Outcome<ShardStats> {
    const found = this.#headerOf(indexId);
    if (!found.ok) return found;
    return ok({
      lsn: found.value.lsn,
      count: found.value.count,
      countMax: capacity(found.value),
      namespaces: this.#store.namespaceCount(),
      storageBytes: this.#store.bytes(),
      memoryBytes: this.#engine.bytes,
    });
  }

  /** Whether `sweep` has something to do at once. */
  isBehind(): boolean {
    return this.#store.header() !== undefined && this.#store.isBehind();
  }

  /**
   * Indexes a slice of what older versions left unindexed and forgets receipts that ran out; answers when to come back, in
   * milliseconds since the Unix epoch, or undefined.
   */
  sweep(nowMs: number): number | undefined {
    if (this.#store.header() === undefined) return undefined;
    if (this.#store.isBehind()) {
      this.#store.catchUp();
      return nowMs;
    }
    const oldestMs = this.#store.sweepReceipts(nowMs - LIMITS.upsertReceiptTtlMs);
    // One millisecond late, so that the receipt the sweep is for has surely run out.
    return oldestMs === undefined ? undefined : oldestMs + LIMITS.upsertReceiptTtlMs + 1;
  }

  #headerOf(indexId: IndexId): Outcome<ShardHeader> {
    const header = this.#store.header();
    return header?.indexId === indexId ? ok(header) : refuse('index_not_found', 'the index was deleted', 'index');
  }

  #repeated({ repetition }: UpsertBatch): Outcome<Written> | undefined {
    const receipt = repetition === null ? undefined : this.#store.receipt(repetition);
    if (receipt === undefined) return undefined;
    return receipt.digest === repetition?.digest
      ? ok(receipt.written)
      : refuse('idempotency_mismatch', 'this idempotency-key wrote something else before', 'idempotency-key');
  }

  #place(target: QueryTarget, namespace: number | undefined, header: ShardHeader): Outcome<Float32Array> {
    if (target.kind === 'values') return ok(target.values);
    const wanted = target.kind === 'id' ? { id: [target.id] } : { positive_ids: target.positive, negative_ids: target.negative };
    const stored = new Map<string, Float32Array>();
    for (const [field, ids] of Object.entries(wanted)) {
      for (const [i, id] of ids.entries()) {
        const values = namespace === undefined ? undefined : this.#store.valuesOf(namespace, id, header);
        const param = target.kind === 'id' ? field : `${field}[${i}]`;
        if (values === undefined) return refuse('vector_not_found', `${param}: there is no vector with this id in the namespace`, param);
        stored.set(id, values);
      }
    }
    const valuesOf = (id: string) => must(stored.get(id), 'every example was read');
    if (target.kind === 'id') return ok(valuesOf(target.id));
    return ok(recommend(header.metric, target.positive.map(valuesOf), target.negative.map(valuesOf)));
  }

  #search(query: VectorQuery, filter: Filter | null, excludeIds: readonly string[], header: ShardHeader): VectorMatch[] {
    const readVectors = this.#store.read(header);
    const among = this.#selection(query.namespace, filter, excludeIds);
    if (among?.rows !== undefined && among.rows.size <= LIMITS.filterExactMaxCount) {
      return exactSearch(header.metric, query, [...among.rows], readVectors);
    }
    return this.#engine.load(header, () => this.#store.scan(header)).search({ ...query, among }, readVectors);
  }

  /** The rows that may be found; undefined when all may. */
  #selection(namespace: number, filter: Filter | null, excludeIds: readonly string[]): Selection | undefined {
    const accepted = filter === null ? undefined : selectRows(filter, namespace, this.#store.properties);
    if (excludeIds.length === 0) return accepted;
    const others = new Selection(RowSet.of(this.#store.rowsOf(namespace, excludeIds)), true);
    return accepted?.and(others) ?? others;
  }

  #deleteSlice({ namespace, filter, after }: Extract<DeleteSelection, { kind: 'filter' }>, header: ShardHeader): Deleted {
    const ordinal = this.#store.namespaceOrdinal(namespace);
    if (ordinal === undefined) return { count: 0, lsn: header.lsn, next: null };
    const selection = selectRows(filter, ordinal, this.#store.properties);
    const slice =
      selection.rows?.firstBehind(after, LIMITS.propertySliceMaxCount) ??
      this.#store.rowsBehind(ordinal, after, LIMITS.propertySliceMaxCount);
    const next = slice.length < LIMITS.propertySliceMaxCount ? null : (slice.at(-1) ?? null);
    const rows = slice.filter((row) => selection.has(row));
    if (rows.length === 0) return { count: 0, lsn: header.lsn, next };
    const written = this.#store.deleteRows(ordinal, rows, header);
    this.#engine.remove(rows);
    return { ...written, next };
  }

  #columns(rows: readonly Row[], include: Include, header: ShardHeader): Outcome<VectorColumns> {
    const columns = this.#store.columns(rows, include, header, LIMITS.retrievalReplyBytesMax);
    if (columns !== undefined) return ok(columns);
    const message = `the answer exceeds retrievalReplyBytesMax (${LIMITS.retrievalReplyBytesMax}): ask for fewer vectors, or less of each`;
    return refuse('limit_exceeded', message);
  }
}

const capacity = ({ dimensions }: ShardHeader): number => flatEngineCapacity(LIMITS.shardEngineBytesMax, dimensions);

function* placed(places: readonly VectorPlace[], values: Float32Array, dimensions: number): Generator<PlacedVector> {
  for (let i = 0; i < places.length; i += 1) {
    yield { ...must(places[i], 'i lies within places'), values: values.subarray(i * dimensions, (i + 1) * dimensions) };
  }
}

/** Examples are no matches: whoever gives them has seen them. */
const excluded = (ids: readonly string[], target: QueryTarget): readonly string[] =>
  target.kind === 'examples' ? [...ids, ...target.positive, ...target.negative] : ids;
