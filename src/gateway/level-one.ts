import { LruCache } from '../cache/lru-cache.ts';
import type { FillStamp } from '../cache/purge-predicate.ts';
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

interface Slot {
  readonly key: string;
  readonly cached: CachedVector;
  readonly bytes: number;
  readonly holding: { entries: number; bytes: number; evicted: number };
}

/** What an entry costs beside its numbers and its key: the objects around them. */
const ENTRY_OVERHEAD_BYTES = 256;
const NOTHING: Holding = { entries: 0, bytes: 0, evicted: 0 };

/** The memory of an isolate as the first level of the cache; it knows what it holds for whom. */
export class LevelOne {
  readonly #slots = new LruCache<Slot>(
    { entriesMax: LIMITS.cacheL1EntriesMax, bytesMax: LIMITS.cacheL1BytesMax },
    { staleMs: LIMITS.cacheStaleMaxMs, onRemoved: (slot) => this.#removed(slot) },
  );
  readonly #holdings = new Map<string, { entries: number; bytes: number; evicted: number }>();
  /** The key that is being stored: what goes meanwhile under another goes for want of room. */
  #storing: string | undefined;

  get bytes(): number {
    return this.#slots.bytes;
  }

  get entries(): number {
    return this.#slots.size;
  }

  find(key: string, nowMs: number): FoundInMemory | undefined {
    const found = this.#slots.getStale(key, nowMs);
    return found === undefined ? undefined : { ...found.value.cached, freshMs: found.expiresAtMs - nowMs };
  }

  /** Unless what is there is of a newer fill. `ttlMs` undefined keeps it until it is evicted. */
  store(holder: Holder, key: string, cached: CachedVector, ttlMs: number | undefined, nowMs: number): void {
    const known = this.#slots.getStale(key, nowMs);
    if (known !== undefined && known.value.cached.position > cached.position) return;
    const tagsBytes = cached.tags.reduce((sum, tag) => sum + tag.length, 0);
    const bytes = cached.vector.byteLength + key.length + tagsBytes + ENTRY_OVERHEAD_BYTES;
    const holding = this.#holdingOf(holder);
    holding.entries += 1;
    holding.bytes += bytes;
    this.#storing = key;
    this.#slots.set(key, { key, cached, bytes, holding }, bytes, ttlMs === undefined ? undefined : nowMs + ttlMs);
    this.#storing = undefined;
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

  #removed({ key, bytes, holding }: Slot): void {
    holding.entries -= 1;
    holding.bytes -= bytes;
    if (this.#storing !== undefined && this.#storing !== key) holding.evicted += 1;
  }
}

const nameOf = ({ owner, model }: Holder): string => `${owner}:${model}`;
