import type { FillStamp } from '../../cache/purge-predicate.ts';
import { VectorCache, vectorEntryBytes } from '../../cache/vector-cache.ts';
import { CACHE_LIMITS } from '../../contract/caches/cache-limits.ts';
import type { HeldEntry, Holding } from './cache-holdings.ts';
import { CacheHoldings } from './cache-holdings.ts';

/** Whose entries of which model. */
export interface Holder {
  readonly owner: string;
  readonly model: string;
}

export interface CachedVector extends FillStamp {
  readonly vector: Float32Array<ArrayBuffer>;
  readonly storedAtMs: number;
  readonly tags: readonly string[];
}

/** An entry, and for how long it is still good: below zero once it is stale, Infinity when it never is. */
export interface FoundInMemory extends CachedVector {
  readonly freshMs: number;
}

/** Bytes an entry takes besides its numbers. */
interface Entry extends HeldEntry {
  readonly stamp: Omit<CachedVector, 'vector'>;
}

/** Bytes of an entry's stamp without its tags. */
const STAMP_BYTES = 120;

/** The memory of an isolate as the first level of the cache; it counts what it holds by owner. */
export class LevelOne {
  readonly #vectors = new VectorCache<Entry>(
    { entriesMax: CACHE_LIMITS.cacheL1EntriesMax, bytesMax: CACHE_LIMITS.cacheL1BytesMax },
    { staleMs: CACHE_LIMITS.cacheStaleMaxMs, onRemoved: (entry, why) => this.#holdings.remove(entry, why) },
  );
  readonly #holdings = new CacheHoldings();

  get bytes(): number {
    return this.#vectors.bytes;
  }

  get entries(): number {
    return this.#vectors.size;
  }

  find(key: string, nowMs: number): FoundInMemory | undefined {
    const found = this.#vectors.getStale(key, nowMs);
    return found === undefined ? undefined : { ...found.meta.stamp, vector: found.vector, freshMs: found.expiresAtMs - nowMs };
  }

  /** Unless what is there is of a newer fill. `ttlMs` undefined keeps it until it is evicted. */
  store(holder: Holder, key: string, { vector, ...stamp }: CachedVector, ttlMs: number | undefined, nowMs: number): void {
    const known = this.#vectors.metaOf(key, nowMs);
    if (known !== undefined && known.stamp.position > stamp.position) return;
    const tagsBytes = stamp.tags.reduce((sum, tag) => sum + tag.length, 0);
    const bytes = vectorEntryBytes(key, vector) + tagsBytes + STAMP_BYTES;
    const held = this.#holdings.add(nameOf(holder), bytes);
    this.#vectors.set(key, vector, { stamp, ...held }, ttlMs === undefined ? undefined : nowMs + ttlMs, bytes);
  }

  /** Reports evictions once. */
  read(holder: Holder): Holding {
    return this.#holdings.read(nameOf(holder));
  }
}

const nameOf = ({ owner, model }: Holder): string => `${owner}:${model}`;
