import { assert } from '../../kernel/assert.ts';
import { MemoryPostings } from './memory-postings.ts';
import type { PartColumn, PostingPart } from './posting-part.ts';
import { DeletedOrdinals, firstAtLeast, ordinalOf } from './posting-part.ts';
import type { FieldPostings, Row } from './sparse-query.ts';

const FIRST_ROWS = 16;
// What a row, and a term that was not there before, take besides their postings.
const ROW_BYTES = 24;
const TERM_BYTES = 96;

/** Rows of a namespace that are not flushed yet. */
export class MemoryPart implements PostingPart {
  readonly deleted = new DeletedOrdinals(FIRST_ROWS);
  readonly rows: Row[] = [];
  readonly #columns = new Map<number, MemoryColumn>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** In no order. */
  get fields(): Iterable<number> {
    return this.#columns.keys();
  }

  column(field: number): MemoryColumn | undefined {
    return this.#columns.get(field);
  }

  find(field: number, term: string): MemoryPostings | undefined {
    return this.#columns.get(field)?.lists.get(term);
  }

  termsFrom(field: number, first: string): string[] {
    return this.#columns.get(field)?.termsFrom(first) ?? [];
  }

  /** Of a row higher than any before. */
  add(row: Row, fields: readonly FieldPostings[]): void {
    const ordinal = this.rows.length;
    this.rows.push(row);
    this.deleted.reach(this.rows.length);
    this.#bytes += ROW_BYTES;
    for (const field of fields) {
      if (field.terms.length === 0) continue;
      const isText = field.length !== undefined;
      const column = this.#columns.get(field.field) ?? new MemoryColumn(isText);
      assert(column.isText === isText, `field ${field.field} is a text or a sparse vector in every row`);
      this.#columns.set(field.field, column);
      this.#bytes += column.add(ordinal, field);
    }
  }

  /** A row that is not in this part, or removed already, is passed over. */
  remove(row: Row): void {
    const ordinal = ordinalOf(this, row);
    if (ordinal === undefined || !this.deleted.add(ordinal)) return;
    for (const column of this.#columns.values()) column.remove(ordinal);
  }
}

/** A field of these rows. */
class MemoryColumn implements PartColumn {
  readonly isText: boolean;
  readonly lists = new Map<string, MemoryPostings>();
  #lengths = new Uint32Array(FIRST_ROWS);
  #documents = 0;
  #totalLength = 0;
  #sorted: string[] | undefined;

  constructor(isText: boolean) {
    this.isText = isText;
  }

  get lengths(): Uint32Array {
    return this.#lengths;
  }

  get documents(): number {
    return this.#documents;
  }

  get totalLength(): number {
    return this.#totalLength;
  }

  /** In order of code units. */
  termsFrom(first: string): string[] {
    this.#sorted ??= [...this.lists.keys()].sort();
    return this.#sorted.slice(firstAtLeast(this.#sorted, first, 0, this.#sorted.length));
  }

  /** Returns how many bytes more it takes. */
  add(ordinal: number, { terms, values, length }: FieldPostings): number {
    let bytes = 0;
    terms.forEach((term, i) => {
      let list = this.lists.get(term);
      if (list === undefined) {
        list = new MemoryPostings();
        this.lists.set(term, list);
        this.#sorted = undefined;
        bytes += TERM_BYTES + 2 * term.length + list.bytes;
      }
      const before = list.bytes;
      list.add(ordinal, values[i]!);
      bytes += list.bytes - before;
    });
    this.#documents += 1;
    this.#setLength(ordinal, length ?? terms.length);
    return bytes;
  }

  remove(ordinal: number): void {
    const length = this.#lengths[ordinal] ?? 0;
    if (length === 0) return;
    this.#documents -= 1;
    this.#totalLength -= length;
  }

  #setLength(ordinal: number, length: number): void {
    if (ordinal >= this.#lengths.length) {
      const larger = new Uint32Array(2 * ordinal);
      larger.set(this.#lengths);
      this.#lengths = larger;
    }
    this.#lengths[ordinal] = length;
    this.#totalLength += length;
  }
}
