import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import { must } from '../../kernel/assert.ts';
import type { MemoryHolder, MemoryRegistry } from '../../kernel/memory-registry.ts';
import { FlatEngine, flatEngineBytes, flatEngineCapacity } from '../flat/flat-engine.ts';
import type { Scanner } from '../flat/scanner.ts';
import type { ShardHeader } from '../shard-header.ts';
import type { ShardIdentity } from '../shard-protocol.ts';
import type { PlacedVector, Row } from '../stored-vector.ts';
import type { VectorReader } from '../store/vector-reader.ts';

type UnlistedVectors = Pick<VectorReader, 'unlistedRows' | 'scan'>;

/**
 * The vectors of a shard that are in no posting list, while the isolate has room for them: loaded by the first search, kept up to date
 * by writes, evicted when other shards need the memory more.
 */
export class Memtable implements MemoryHolder {
  readonly #memory: MemoryRegistry;
  readonly #scanner: Scanner;
  readonly #name: string;
  readonly #store: UnlistedVectors;
  #engine: FlatEngine | undefined;

  /** `scanner` has room for all that `memory` lets engines claim. */
  constructor(memory: MemoryRegistry, scanner: Scanner, name: string, store: UnlistedVectors) {
    this.#memory = memory;
    this.#scanner = scanner;
    this.#name = name;
    this.#store = store;
  }

  /** Bytes resident: 0 when evicted. */
  get bytes(): number {
    return this.#engine?.bytes ?? 0;
  }

  /** The engine of all unlisted vectors, loaded if it is not resident. */
  load(header: ShardHeader): FlatEngine {
    if (this.#engine === undefined) {
      const { metric, dimensions } = header;
      this.#claim(this.#store.unlistedRows().size, dimensions);
      this.#engine = new FlatEngine(this.#scanner, metric, dimensions);
      this.#follow(this.#store.scan(header));
    } else {
      this.#claim(this.#engine.count, header.dimensions);
    }
    return this.#engine;
  }

  /** Follows a write of new vectors, if the engine is resident. */
  put(vectors: readonly PlacedVector[], { dimensions }: ShardHeader): void {
    if (this.#engine === undefined) return;
    this.#claim(this.#engine.count + vectors.length, dimensions);
    this.#follow(vectors);
  }

  /** Follows that rows were deleted or listed; those of posting lists are no matter. */
  remove(rows: Iterable<Row>): void {
    for (const row of rows) if (this.#engine?.has(row) === true) this.#engine.remove(row);
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

  /** All or nothing: half an engine would answer wrongly, a missing one is loaded again. */
  #follow(vectors: Iterable<PlacedVector>): void {
    const engine = must(this.#engine, 'a claim never evicts its own holder');
    try {
      for (const { row, namespace, values } of vectors) engine.put(row, namespace, values);
    } catch (defect) {
      this.drop();
      throw defect;
    }
  }

  #claim(count: number, dimensions: number): void {
    this.#memory.claim(this.#name, this, flatEngineBytes(count, dimensions));
  }
}

/**
 * How many rows a shard takes: as many vectors as fit its memory before they are listed, which is when they take the most; and so many that those
 * of each of their fields, which are never listed, fit as well.
 */
export function shardCapacity(identity: Pick<ShardIdentity, 'dimensions' | 'fields'>): number {
  const widest = widestOf(identity);
  return widest === 0 ? INDEX_LIMITS.vectorlessRowsMaxCount : flatEngineCapacity(INDEX_LIMITS.shardEngineBytesMax, widest);
}

/** The limit that it is of. */
export const capacityLimitOf = (identity: Pick<ShardIdentity, 'dimensions' | 'fields'>): CapacityLimit =>
  widestOf(identity) === 0 ? 'vectorlessRowsMaxCount' : 'shardEngineBytesMax';

/** Numbers of the longest vectors of a row. 0: it has none. */
const widestOf = ({ dimensions, fields = {} }: Pick<ShardIdentity, 'dimensions' | 'fields'>): number =>
  Object.values(fields).reduce((most, field) => (field.kind === 'vector' ? Math.max(most, field.dimensions) : most), dimensions);

export const CAPACITY_LIMITS = ['shardEngineBytesMax', 'vectorlessRowsMaxCount'] as const;

type CapacityLimit = (typeof CAPACITY_LIMITS)[number];
