import type { Removal } from '../../cache/lru-cache.ts';
import { CACHE_LIMITS } from '../../contract/caches/cache-limits.ts';

/** What an isolate's cache holds for one holder, and how many of its entries had to go for others since that was read last. */
export interface Holding {
  readonly entries: number;
  readonly bytes: number;
  readonly evicted: number;
}

/** The part of an entry in its holder's count, which goes with the entry. */
export interface HeldEntry {
  readonly bytes: number;
  readonly holding: { entries: number; bytes: number; evicted: number };
}

const NOTHING: Holding = { entries: 0, bytes: 0, evicted: 0 };

/** Counts what each holder has in a cache that holders share, so that statistics show a holder its own entries and no neighbour's. [C96] */
export class CacheHoldings {
  readonly #holdings = new Map<string, HeldEntry['holding']>();

  /** Counts an entry that is about to be stored. */
  add(holder: string, bytes: number): HeldEntry {
    const holding = this.#holdings.get(holder) ?? { ...NOTHING };
    this.#holdings.set(holder, holding);
    // Only the latest holders without entries are remembered.
    if (this.#holdings.size > CACHE_LIMITS.cacheHoldingsMaxCount) this.#forgetEmpty(holder);
    holding.entries += 1;
    holding.bytes += bytes;
    return { bytes, holding };
  }

  /** The cache lets an entry go. */
  remove({ bytes, holding }: HeldEntry, why: Removal): void {
    holding.entries -= 1;
    holding.bytes -= bytes;
    if (why === 'evicted') holding.evicted += 1;
  }

  /** Reports evictions once. */
  read(holder: string): Holding {
    const holding = this.#holdings.get(holder);
    if (holding === undefined) return NOTHING;
    const read = { ...holding };
    holding.evicted = 0;
    return read;
  }

  #forgetEmpty(except: string): void {
    for (const [name, { entries }] of this.#holdings) if (entries === 0 && name !== except) this.#holdings.delete(name);
  }
}
