import { assert } from './assert.ts';

/** Something that holds memory it can rebuild, in one piece or in several. */
export interface MemoryHolder {
  /** Drops at least `bytes` of what it claimed, or all of it; answers how many bytes those were, `Infinity` for all. Must not call the registry. */
  evict(bytes: number): number;
}

interface Claim {
  readonly holder: MemoryHolder;
  bytes: number;
}

/**
 * Shares one memory budget among everything in an isolate that can be rebuilt: the least recently used holders are evicted, each by as
 * little as it can.
 *
 * Invariant: the bytes claimed never exceed `bytesMax`. Holders are known by name, because the platform may replace an object without
 * notifying the old one: the new holder of a name evicts the old.
 */
export class MemoryRegistry {
  readonly bytesMax: number;
  // In order of use: the least recently used claim comes first.
  readonly #claims = new Map<string, Claim>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Sets what `name` holds to `bytes` and marks it as used now; others are evicted until the budget holds. Call before allocating. */
  claim(name: string, holder: MemoryHolder, bytes: number): void {
    assert(bytes <= this.bytesMax, `${name} claims ${bytes} bytes, more than the whole budget of ${this.bytesMax}`);
    const previous = this.#claims.get(name);
    if (previous !== undefined) this.#drop(name, previous);
    if (previous !== undefined && previous.holder !== holder) previous.holder.evict(Infinity);
    for (const [other, claim] of this.#claims) {
      const excess = this.#bytes + bytes - this.bytesMax;
      if (excess <= 0) break;
      const given = claim.holder.evict(Math.min(excess, claim.bytes));
      assert(given >= Math.min(excess, claim.bytes), `${other} gave back ${given} bytes, too few`);
      this.#drop(other, claim, given);
    }
    this.#claims.set(name, { holder, bytes });
    this.#bytes += bytes;
  }

  /** Gives back what `name` holds, if `holder` is still the one that holds it. */
  release(name: string, holder: MemoryHolder): void {
    const claim = this.#claims.get(name);
    if (claim?.holder === holder) this.#drop(name, claim);
  }

  #drop(name: string, claim: Claim, bytes = claim.bytes): void {
    const dropped = Math.min(bytes, claim.bytes);
    claim.bytes -= dropped;
    this.#bytes -= dropped;
    if (claim.bytes === 0) this.#claims.delete(name);
  }
}
