import { must } from '../kernel/assert.ts';
import type { MemoryHolder, MemoryRegistry } from '../kernel/memory-registry.ts';
import { FlatEngine, flatEngineBytes } from './flat-engine.ts';
import type { Scanner } from './scanner.ts';
import type { Row, VectorEngine } from './vector-engine.ts';
import type { PlacedVector, ShardHeader } from './vector-store.ts';

/**
 * A shard's engine while the isolate has room for it: loaded by the first search, kept up to date by writes, evicted when other
 * shards need the memory more.
 */
export class ResidentEngine implements MemoryHolder {
  readonly #memory: MemoryRegistry;
  readonly #scanner: Scanner;
  readonly #name: string;
  #engine: VectorEngine | undefined;

  /** `scanner` has room for all that `memory` lets engines claim. */
  constructor(memory: MemoryRegistry, scanner: Scanner, name: string) {
    this.#memory = memory;
    this.#scanner = scanner;
    this.#name = name;
  }

  /** Bytes resident: 0 when evicted. */
  get bytes(): number {
    return this.#engine?.bytes ?? 0;
  }

  /** The engine, built from `scan` if it is not resident. */
  load(header: ShardHeader, scan: () => Iterable<PlacedVector>): VectorEngine {
    this.#claim(header);
    if (this.#engine === undefined) {
      this.#engine = new FlatEngine(this.#scanner, header.metric, header.dimensions);
      this.#follow(scan());
    }
    return this.#engine;
  }

  /** Follows a write that `header` already counts, if the engine is resident. */
  put(vectors: Iterable<PlacedVector>, header: ShardHeader): void {
    if (this.#engine === undefined) return;
    this.#claim(header);
    this.#follow(vectors);
  }

  remove(rows: readonly Row[]): void {
    for (const row of rows) this.#engine?.remove(row);
  }

  drop(): void {
    this.evict();
    this.#memory.release(this.#name, this);
  }

  /** In one piece: half an engine is of no use. */
  evict(): number {
    this.#engine?.free();
    this.#engine = undefined;
    return Infinity;
  }

  /** All or nothing: half an engine would answer wrongly, none is built again. */
  #follow(vectors: Iterable<PlacedVector>): void {
    const engine = must(this.#engine, 'a claim never evicts its own holder');
    try {
      for (const { row, namespace, values } of vectors) engine.put(row, namespace, values);
    } catch (defect) {
      this.drop();
      throw defect;
    }
  }

  #claim({ count, dimensions }: ShardHeader): void {
    this.#memory.claim(this.#name, this, flatEngineBytes(count, dimensions));
  }
}
