import { groupBy } from '../../kernel/grouped.ts';
import type { Scanner } from '../flat/scanner.ts';
import { pageLayout, VectorPage } from '../flat/scanner.ts';
import { CODE_MAX, quantise } from '../quantise.ts';
import type { RowSource } from '../row-fields.ts';
import type { PlacedVector, Row, Rows } from '../stored-vector.ts';
import type { Block, FieldBlocks, StoredField } from './field-blocks.ts';
import type { ResidentBlocks } from './resident-blocks.ts';

/** Makes the blocks of fields, inside of a transaction. */
export class BlockWriter {
  readonly #blocks: FieldBlocks;
  readonly #resident: ResidentBlocks;
  readonly #scanner: Scanner;
  readonly #rows: Pick<RowSource, 'liveRows'>;

  constructor(blocks: FieldBlocks, resident: ResidentBlocks, scanner: Scanner, rows: Pick<RowSource, 'liveRows'>) {
    this.#blocks = blocks;
    this.#resident = resident;
    this.#scanner = scanner;
    this.#rows = rows;
  }

  /** Puts vectors behind all blocks of their namespaces. Ascending by row. */
  append(field: StoredField, vectors: Iterable<PlacedVector>): void {
    const { capacity } = pageLayout(field.dimensions);
    for (const [namespace, of] of groupBy(vectors, (vector) => vector.namespace)) {
      const last = this.#blocks.of(field, namespace).at(-1);
      this.#replace(field, namespace, last !== undefined && last.count < capacity ? [last] : [], of);
    }
  }

  /** Writes a block without its dead rows, and with the live ones of the next if all of them fit into one. */
  mend(field: StoredField, namespace: number, block: Block): void {
    const blocks = this.#blocks.of(field, namespace);
    const at = blocks.findIndex(({ id }) => id === block.id);
    const both = blocks.slice(at, at + 2);
    const live = this.#rows.liveRows(namespace);
    const isOne = [...this.#liveSlots(field, both, live)].length <= pageLayout(field.dimensions).capacity;
    this.#replace(field, namespace, isOne ? both : [block], []);
  }

  /** In the place of blocks that are next to each other, those of their live rows and of vectors behind them. */
  #replace(field: StoredField, namespace: number, old: readonly Block[], added: readonly PlacedVector[]): void {
    const live = this.#rows.liveRows(namespace);
    const made: [block: Omit<Block, 'id'>, image: Uint8Array][] = [];
    const output = new OutputPage(this.#scanner, field, (block, image) => made.push([block, image]));
    try {
      for (const [page, slot] of this.#liveSlots(field, old, live)) output.copy(page, slot);
      for (const vector of added) output.put(vector);
      output.flush();
    } finally {
      output.free();
    }
    this.#blocks.remove(field, namespace, old);
    this.#resident.forget(old);
    for (const [block, image] of made) this.#blocks.add(field, namespace, block, image);
  }

  *#liveSlots(field: StoredField, blocks: readonly Block[], live: Rows): Generator<[page: VectorPage, slot: number]> {
    const pages = this.#resident.pages(blocks, pageLayout(field.dimensions), (block) => this.#blocks.image(block));
    for (const { page, count } of pages) {
      for (let slot = 0; slot < count; slot += 1) if (live.has(page.rowAt(slot))) yield [page, slot];
    }
  }
}

/** A page that is filled, over and over. */
class OutputPage {
  readonly #field: StoredField;
  readonly #capacity: number;
  readonly #page: VectorPage;
  readonly #emit: (block: Omit<Block, 'id'>, image: Uint8Array) => void;
  #count = 0;

  constructor(scanner: Scanner, field: StoredField, emit: (block: Omit<Block, 'id'>, image: Uint8Array) => void) {
    const layout = pageLayout(field.dimensions);
    this.#field = field;
    this.#capacity = layout.capacity;
    this.#page = new VectorPage(scanner.memory, layout);
    this.#emit = emit;
  }

  copy(page: VectorPage, slot: number): void {
    this.#page.copyFrom(page, slot, this.#next());
  }

  put({ row, namespace, values }: PlacedVector): void {
    const slot = this.#next();
    this.#page.set(slot, row, namespace, quantise(this.#field.metric, values, CODE_MAX, this.#page.codesAt(slot)));
  }

  /** Emits what is there. */
  flush(): void {
    if (this.#count === 0) return;
    const rowAt = (slot: number): Row => this.#page.rowAt(slot);
    this.#emit({ firstRow: rowAt(0), lastRow: rowAt(this.#count - 1), count: this.#count }, this.#page.image(this.#count));
    this.#count = 0;
  }

  free(): void {
    this.#page.free();
  }

  #next(): number {
    if (this.#count === this.#capacity) this.flush();
    this.#count += 1;
    return this.#count - 1;
  }
}
