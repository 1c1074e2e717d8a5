import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { IndexFields } from '../../contract/indexes/index-fields.ts';
import { must } from '../../kernel/assert.ts';
import { groupBy } from '../../kernel/grouped.ts';
import type { MemoryRegistry } from '../../kernel/memory-registry.ts';
import { ok } from '../../kernel/result.ts';
import type { RememberingStorage } from '../../kernel/sql/remembering-storage.ts';
import { RecentVectors } from '../engine/recent-vectors.ts';
import { candidatesIn } from '../flat/scan-pages.ts';
import type { Scanner } from '../flat/scanner.ts';
import { flatRowBytes, pageLayout } from '../flat/scanner.ts';
import { Rescoring } from '../rescoring.ts';
import type { FieldMatches, FieldRows, FieldSearch, FollowingFields, RowContents, RowSource, VectorFieldQuery } from '../row-fields.ts';
import type { SearchCost } from '../search-cost.ts';
import { NO_COST } from '../search-cost.ts';
import type { Row, StoredVector, VectorPlace } from '../stored-vector.ts';
import { BlockWriter } from './block-writer.ts';
import { containedVector } from './contained-vector.ts';
import type { Block, FieldShape, StoredField } from './field-blocks.ts';
import { FieldBlocks } from './field-blocks.ts';
import { FieldTail, TAIL_SLICE_BYTES_MAX, TAIL_SLICE_ROWS_MAX, vectorsIn } from './field-tail.ts';
import { ResidentBlocks } from './resident-blocks.ts';

/** What the vector fields of all shards of an isolate share. */
export interface VectorFieldResources {
  readonly memory: MemoryRegistry;
  /** Has room for all that `memory` lets engines claim. */
  readonly scanner: Scanner;
}

/** Codes of a tail: some milliseconds to read, at most. */
const TAIL_BYTES_MAX = 2 * 1024 * 1024;

/** So many rows may be in no block: a write that makes them more puts the first into blocks. */
const tailRowsMax = ({ dimensions }: FieldShape): number => Math.max(TAIL_SLICE_ROWS_MAX, TAIL_BYTES_MAX / flatRowBytes(dimensions));

/** What is in memory of a field. */
interface OpenField {
  readonly tail: FieldTail;
  readonly recent: RecentVectors;
}

/**
 * The vector fields of a shard's rows. Each is searched as the flat engine does: by the int8 codes of all its vectors, which bound how close
 * each can be, and exactly among those that may belong to the answer; so the answer is exact. Codes are kept in blocks of a page each.
 */
export class VectorFields implements FollowingFields {
  readonly #storage: RememberingStorage;
  readonly #rows: RowSource;
  readonly #resources: VectorFieldResources;
  readonly #name: string;
  readonly #blocks: FieldBlocks;
  readonly #resident: ResidentBlocks;
  readonly #writer: BlockWriter;
  // By the numbers of fields.
  readonly #open = new Map<number, OpenField>();
  // How many rows are in the tail of each, or more: of those whose tail was looked at.
  readonly #tailRows = new Map<number, number>();
  // Whether maintenance found nothing to do since the last write.
  #isQuiet = false;

  /** `name`: of the shard, in the isolate. */
  constructor(storage: RememberingStorage, rows: RowSource, resources: VectorFieldResources, name: string) {
    const { memory, scanner } = resources;
    this.#storage = storage;
    this.#rows = rows;
    this.#resources = resources;
    this.#name = `${name}/fields`;
    this.#blocks = new FieldBlocks(storage);
    this.#resident = new ResidentBlocks(memory, scanner.memory, this.#name);
    this.#writer = new BlockWriter(this.#blocks, this.#resident, scanner, rows);
  }

  define(fields: IndexFields): void {
    const wanted = new Map<string, FieldShape>();
    for (const [name, field] of Object.entries(fields)) {
      if (field.kind === 'vector') wanted.set(name, { name, dimensions: field.dimensions, metric: field.metric });
    }
    for (const [name, known] of this.#blocks.fields) {
      const { dimensions, metric } = wanted.get(name) ?? {};
      if (dimensions === known.dimensions && metric === known.metric) wanted.delete(name);
      else {
        this.#close(known);
        this.#blocks.dropField(known);
      }
    }
    if (wanted.size === 0) return;
    const isEmpty = this.#rows.contentsBehind(0, 1, 1).length === 0;
    for (const shape of wanted.values()) this.#blocks.addField(shape, isEmpty);
    this.#isQuiet = false;
  }

  put(rows: readonly RowContents[]): void {
    this.#isQuiet = false;
    const last = rows.at(-1)?.row ?? 0;
    for (const { id, name, isBuilt } of this.#blocks.fields.values()) {
      this.#open.get(id)?.tail.markStale();
      const known = this.#tailRows.get(id);
      if (known !== undefined) this.#tailRows.set(id, known + rows.length);
      // While rows are built, these come to their turn: they are behind all others.
      if (isBuilt) this.#shortenTail(name, last);
    }
  }

  remove(places: readonly VectorPlace[]): void {
    this.#isQuiet = false;
    for (const field of this.#blocks.fields.values()) {
      const coded = places.filter(({ row }) => row <= field.codedRow);
      for (const [namespace, of] of groupBy(coded, (place) => place.namespace)) {
        this.#blocks.countDead(
          field,
          namespace,
          of.map(({ row }) => row),
        );
      }
    }
  }

  clear(): void {
    for (const field of this.#blocks.fields.values()) {
      this.#blocks.clear(field);
      // No row is left to build.
      this.#blocks.advance(field, field.codedRow, true);
    }
  }

  /** Refuses a field that the index does not have or that is still built. */
  search({ query, namespace, topK, among }: Omit<FieldSearch<VectorFieldQuery>, 'statistics'>): Outcome<FieldMatches<SearchCost>> {
    const field = this.#blocks.fields.get(query.field);
    if (field === undefined) {
      return refuse('invalid_value', `${query.field} is no vector field of the index`, ['fields', query.field]);
    }
    if (!field.isBuilt) return refuse('index_growing', 'the fields of the index are being built: retry');
    const live = this.#rows.liveRows(namespace);
    const found = among === undefined ? live : { has: (row: Row) => among.has(row) && live.has(row) };
    const wanted = { values: query.vector, namespace, topK, among: found };
    const { tail, recent } = this.#opened(field);
    const rescoring = new Rescoring(
      field.metric,
      wanted,
      recent.reading((rows) => this.#read(field, rows)),
    );
    const unlisted = tail.load(field.codedRow);
    const unlistedCount = unlisted.count;
    rescoring.push(unlisted.candidates(wanted));
    const all = this.#blocks.of(field, namespace);
    const blocks = among === undefined ? all : holding(all, among);
    const pagedIn = blocks.filter((block) => !this.#resident.has(block)).length;
    const layout = pageLayout(field.dimensions);
    const pages = this.#resident.pages(blocks, layout, (block) => this.#blocks.image(block));
    rescoring.push(candidatesIn(this.#resources.scanner, field.metric, layout, wanted, pages));
    const matches = rescoring.matches();
    const codesScanned = blocks.reduce((sum, { count }) => sum + count, unlistedCount);
    const work = {
      ...NO_COST,
      shardsAsked: 1,
      listsProbed: blocks.length,
      listsPagedIn: pagedIn,
      codesScanned,
      rowsRead: rescoring.rowCount,
      bytesTouched: codesScanned * flatRowBytes(field.dimensions) + rescoring.rowCount * 4 * field.dimensions,
    };
    return ok({ rows: matches.map(({ row }) => row), scores: matches.map(({ score }) => score), work });
  }

  sweep(): boolean {
    if (this.#isQuiet || this.#blocks.fields.size === 0) return false;
    return this.#storage.transactionSync(() => {
      for (const field of this.#blocks.fields.values()) {
        if (this.#codeIfDue(field)) return true;
        const found = this.#blocks.toMend(field);
        if (found === undefined) continue;
        this.#writer.mend(field, found.namespace, found.block);
        return true;
      }
      this.#isQuiet = true;
      return false;
    });
  }

  get isSweepDue(): boolean {
    return !this.#isQuiet && this.#blocks.fields.size > 0;
  }

  evict(): void {
    for (const id of this.#open.keys()) this.#close({ id });
    this.#resident.drop();
  }

  get bytes(): number {
    return [...this.#open.values()].reduce((sum, { tail, recent }) => sum + tail.bytes + recent.bytes, this.#resident.bytes);
  }

  #field(name: string): StoredField {
    return must(this.#blocks.fields.get(name), 'a field is there until it is dropped');
  }

  #opened(field: StoredField): OpenField {
    const known = this.#open.get(field.id);
    if (known !== undefined) return known;
    const { memory, scanner } = this.#resources;
    const name = `${this.#name}/${field.name}`;
    const open = {
      tail: new FieldTail(memory, scanner, `${name}/tail`, field, this.#rows),
      recent: new RecentVectors(memory, `${name}/recent`, field.dimensions),
    };
    this.#open.set(field.id, open);
    return open;
  }

  #close({ id }: Pick<StoredField, 'id'>): void {
    this.#open.get(id)?.tail.drop();
    this.#open.get(id)?.recent.drop();
    this.#open.delete(id);
  }

  /** Rows stay in the tail until there are enough of them for a slice, or a block would be written for each. */
  #codeIfDue(field: StoredField): boolean {
    if (field.isBuilt && (this.#tailRows.get(field.id) ?? TAIL_SLICE_ROWS_MAX) < TAIL_SLICE_ROWS_MAX) return false;
    const rows = this.#rows.contentsBehind(field.codedRow, TAIL_SLICE_ROWS_MAX, TAIL_SLICE_BYTES_MAX);
    const last = rows.at(-1);
    const isLast = last === undefined || this.#rows.contentsBehind(last.row, 1, 1).length === 0;
    if (isLast && field.isBuilt && rows.length < TAIL_SLICE_ROWS_MAX) {
      this.#tailRows.set(field.id, rows.length);
      return false;
    }
    this.#tailRows.delete(field.id);
    this.#code(field, rows, field.isBuilt || isLast);
    return true;
  }

  #shortenTail(name: string, last: Row): void {
    for (let field = this.#field(name); last - field.codedRow > tailRowsMax(field); field = this.#field(name)) {
      this.#code(field, this.#rows.contentsBehind(field.codedRow, TAIL_SLICE_ROWS_MAX, TAIL_SLICE_BYTES_MAX), true);
    }
  }

  #code(field: StoredField, rows: readonly RowContents[], isBuilt: boolean): void {
    this.#writer.append(field, vectorsIn(rows, field));
    this.#blocks.advance(field, rows.at(-1)?.row ?? field.codedRow, isBuilt);
  }

  *#read({ name, dimensions }: FieldShape, rows: readonly Row[]): Generator<StoredVector> {
    const ids = new Map(this.#rows.idsOf(rows).map(({ row, id }) => [row, id]));
    for (const contents of this.#rows.contentsOf(rows)) {
      const values = must(containedVector(contents, name, dimensions), 'a row in a block has a vector');
      yield { row: contents.row, id: must(ids.get(contents.row), 'a live row is stored'), values };
    }
  }
}

/** The blocks that may have some of the rows, where these are few. */
function holding(blocks: readonly Block[], rows: FieldRows): readonly Block[] {
  if (rows.size >= blocks.length) return blocks;
  const held = new Set<Block>();
  for (const row of rows) {
    const block = blockAt(blocks, row);
    if (block !== undefined && row <= block.lastRow) held.add(block);
  }
  return blocks.filter((block) => held.has(block));
}

/** The last that begins at the row or before. */
function blockAt(blocks: readonly Block[], row: Row): Block | undefined {
  let [below, above] = [-1, blocks.length];
  while (above - below > 1) {
    const middle = (below + above) >> 1;
    if (must(blocks[middle], 'a middle lies between').firstRow <= row) below = middle;
    else above = middle;
  }
  return blocks[below];
}
