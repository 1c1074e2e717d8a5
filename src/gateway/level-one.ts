import type { Removal } from '../cache/lru-cache.ts';
import type { FillStamp } from '../cache/purge-predicate.ts';
import { VectorCache, vectorEntryBytes } from '../cache/vector-cache.ts';
import { LIMITS } from '../contract/limits.ts';

/** Whose entries of which model. */
export interface Holder {
  readonly owner: string;
  readonly model: string;
}

/** What the isolate holds of one model for one owner, and how many entries had to go for others since that was told last. */
export interface Holding {
  readonly entries: number;
  readonly bytes: number;
  readonly evicted: number;
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

/** What is kept beside the numbers. */
interface Entry {
  readonly stamp: Omit<CachedVector, 'vector'>;
  readonly bytes: number;
  readonly holding: { entries: number; bytes: number; evicted: number };
}

/** Of an entry's stamp, beside its tags. */
const STAMP_BYTES = 120;
const NOTHING: Holding = { entries: 0, bytes: 0, evicted: 0 };

/** The memory of an isolate as the first level of the cache; it knows what it holds for whom. */
export class LevelOne {
  readonly #vectors = new VectorCache<Entry>(
    { entriesMax: LIMITS.cacheL1EntriesMax, bytesMax: LIMITS.cacheL1BytesMax },
    { staleMs: LIMITS.cacheStaleMaxMs, onRemoved: (entry, why) => forget(entry, why) },
  );
  readonly #holdings = new Map<string, { entries: number; bytes: number; evicted: number }>();

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
    const holding = this.#holdingOf(holder);
    holding.entries += 1;
    holding.bytes += bytes;
    this.#vectors.set(key, vector, { stamp, bytes, holding }, ttlMs === undefined ? undefined : nowMs + ttlMs, bytes);
  }

  /** What went for others is told once. */
  tell(holder: Holder): Holding {
    const holding = this.#holdings.get(nameOf(holder));
    if (holding === undefined) return NOTHING;
    const told = { ...holding };
    holding.evicted = 0;
    return told;
  }

  #holdingOf(holder: Holder) {
    const name = nameOf(holder);
    const known = this.#holdings.get(name) ?? { ...NOTHING };
    this.#holdings.set(name, known);
    // Of those who hold nothing any more only the latest are remembered.
    if (this.#holdings.size > LIMITS.cacheHoldingsMaxCount) this.#forgetEmpty(name);
    return known;
  }

  #forgetEmpty(except: string): void {
    for (const [name, { entries }] of this.#holdings) if (entries === 0 && name !== except) this.#holdings.delete(name);
  }
}

function forget({ bytes, holding }: Entry, why: Removal): void {
  holding.entries -= 1;
  holding.bytes -= bytes;
  if (why === 'evicted') holding.evicted += 1;
}

const nameOf = ({ owner, model }: Holder): string => `${owner}:${model}`;
