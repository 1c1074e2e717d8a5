import type { MemoryHolder, MemoryRegistry } from '../../kernel/memory-registry.ts';
import { FlatEngine, flatEngineBytes } from '../flat/flat-engine.ts';
import type { Scanner } from '../flat/scanner.ts';
import type { RowContents, RowSource } from '../row-fields.ts';
import type { PlacedVector, Row } from '../stored-vector.ts';
import { containedVector } from './contained-vector.ts';
import type { FieldShape } from './field-blocks.ts';

/** What is read at once: in memory some 4 MB. */
export const TAIL_SLICE_ROWS_MAX = 256;
export const TAIL_SLICE_BYTES_MAX = 1024 * 1024;

/**
 * The vectors of the rows that are in no block yet, in memory. Searches read what was stored since the last one, so that it does not matter what
 * became of a write; rows that are gone meanwhile stay until a block is made of those around them.
 */
export class FieldTail implements MemoryHolder {
  readonly #memory: MemoryRegistry;
  readonly #scanner: Scanner;
  readonly #name: string;
  readonly #shape: FieldShape;
  readonly #rows: RowSource;
  #engine: FlatEngine | undefined;
  // Rows in the engine, ascending: those behind `#from` and up to `#until` that have a vector.
  #held: Row[] = [];
  #from: Row = 0;
  #until: Row = 0;
  // Whether there may be rows behind `#until`: to look for them, storage passes over all copies of rows that are there.
  #isStale = true;

  constructor(memory: MemoryRegistry, scanner: Scanner, name: string, shape: FieldShape, rows: RowSource) {
    this.#memory = memory;
    this.#scanner = scanner;
    this.#name = name;
    this.#shape = shape;
    this.#rows = rows;
  }

  /** Bytes resident. */
  get bytes(): number {
    return this.#engine?.bytes ?? 0;
  }

  /** An engine of the rows behind this one, as they are stored now: outside of transactions, so that it never goes back. */
  load(codedRow: Row): FlatEngine {
    const engine = (this.#engine ??= this.#begin(codedRow));
    try {
      this.#leave(engine, codedRow);
      this.#claim(engine, 0);
      while (this.#isStale) {
        const rows = this.#rows.contentsBehind(this.#until, TAIL_SLICE_ROWS_MAX, TAIL_SLICE_BYTES_MAX);
        this.#add(engine, [...vectorsIn(rows, this.#shape)]);
        this.#until = rows.at(-1)?.row ?? this.#until;
        this.#isStale = rows.length > 0;
      }
      return engine;
    } catch (defect) {
      this.drop();
      throw defect;
    }
  }

  /** Follows that rows are written. */
  markStale(): void {
    this.#isStale = true;
  }

  drop(): void {
    this.evict();
    this.#memory.release(this.#name, this);
  }

  /** In one piece: half an engine is of no use. */
  evict(): number {
    this.#engine?.free();
    this.#engine = undefined;
    this.#held = [];
    return Infinity;
  }

  #begin(codedRow: Row): FlatEngine {
    this.#from = codedRow;
    this.#until = codedRow;
    this.#isStale = true;
    return new FlatEngine(this.#scanner, this.#shape.metric, this.#shape.dimensions);
  }

  /** Lets go of the rows that are in blocks now. */
  #leave(engine: FlatEngine, codedRow: Row): void {
    if (codedRow === this.#from) return;
    const left = this.#held.findIndex((row) => row > codedRow);
    for (const row of this.#held.splice(0, left < 0 ? this.#held.length : left)) engine.remove(row);
    this.#from = codedRow;
    this.#until = Math.max(this.#until, codedRow);
  }

  #add(engine: FlatEngine, vectors: readonly PlacedVector[]): void {
    this.#claim(engine, vectors.length);
    for (const { row, namespace, values } of vectors) {
      engine.put(row, namespace, values);
      this.#held.push(row);
    }
  }

  #claim(engine: FlatEngine, more: number): void {
    this.#memory.claim(this.#name, this, flatEngineBytes(engine.count + more, this.#shape.dimensions));
  }
}

/** The vectors that rows have in a field. */
export function* vectorsIn(rows: readonly RowContents[], { name, dimensions }: FieldShape): Generator<PlacedVector> {
  for (const row of rows) {
    const values = containedVector(row, name, dimensions);
    if (values !== undefined) yield { row: row.row, namespace: row.namespace, values };
  }
}
