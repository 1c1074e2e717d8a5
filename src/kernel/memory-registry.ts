import { assert } from './assert.ts';

/** Something that holds memory it can rebuild. */
export interface MemoryHolder {
  /** Drops the memory. Must not call the registry. */
  evict(): void;
}

interface Claim {
  readonly holder: MemoryHolder;
  readonly bytes: number;
}

/**
 * Shares one memory budget among everything in an isolate that can be rebuilt: the least recently used holder gives way.
 *
 * Invariant: the bytes claimed never exceed `bytesMax`. Holders are known by name, because the platform may replace an object
 * without telling the old one: the new holder of a name evicts the old.
 */
export class MemoryRegistry {
  readonly #bytesMax: number;
  // In order of use: the least recently used claim comes first.
  readonly #claims = new Map<string, Claim>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Sets what `name` holds to `bytes` and marks it as used now; others are evicted until the budget holds. Call before allocating. */
  claim(name: string, holder: MemoryHolder, bytes: number): void {
    assert(bytes <= this.#bytesMax, `${name} claims ${bytes} bytes, more than the whole budget of ${this.#bytesMax}`);
    const previous = this.#claims.get(name);
    if (previous !== undefined) this.#drop(name, previous);
    if (previous !== undefined && previous.holder !== holder) previous.holder.evict();
    for (const [other, claim] of this.#claims) {
      if (this.#bytes + bytes <= this.#bytesMax) break;
      this.#drop(other, claim);
      claim.holder.evict();
    }
    this.#claims.set(name, { holder, bytes });
    this.#bytes += bytes;
  }

  /** Gives back what `name` holds, if `holder` is still the one that holds it. */
  release(name: string, holder: MemoryHolder): void {
    const claim = this.#claims.get(name);
    if (claim?.holder === holder) this.#drop(name, claim);
  }

  #drop(name: string, claim: Claim): void {
    this.#claims.delete(name);
    this.#bytes -= claim.bytes;
  }
}
