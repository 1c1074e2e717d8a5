import { assert } from './assert.ts';

/** Something that holds memory it can rebuild, in one piece or in several. */
export interface MemoryHolder {
  /** Drops at least `bytes` of what it claimed, or all of it; answers how many bytes those were, `Infinity` for all. Must not call the registry. */
  evict(bytes: number): number;
}

interface Claim {
  readonly holder: MemoryHolder;
  /** Whether any other claim may have it. */
  readonly isSpare: boolean;
  bytes: number;
}

/**
 * Shares one memory budget among everything in an isolate that can be rebuilt: the least recently used holders are evicted, each by as
 * little as it can.
 *
 * Spare claims are for what only saves time: they take what nothing else has ever claimed, and are evicted first.
 *
 * Invariant: the bytes claimed never exceed `bytesMax`. Holders are known by name, because the platform may replace an object without
 * notifying the old one: the new holder of a name evicts the old.
 */
export class MemoryRegistry {
  readonly bytesMax: number;
  // In order of use: the least recently used claim comes first.
  readonly #claims = new Map<string, Claim>();
  #bytes = 0;
  #spareBytes = 0;
  // The claim that is neither spare nor less recently used than another.
  #latest: Claim | undefined;
  // The most that was claimed and not spare at once.
  #firmBytesMax = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Sets what `name` holds to `bytes` and marks it as used now; others are evicted until the budget holds. Call before allocating. */
  claim(name: string, holder: MemoryHolder, bytes: number): void {
    const latest = this.#latest;
    // Each search claims several times.
    if (latest?.holder === holder && latest.bytes === bytes && this.#claims.get(name) === latest) return;
    assert(bytes <= this.bytesMax, `${name} claims ${bytes} bytes, more than the whole budget of ${this.bytesMax}`);
    this.#replace(name, holder);
    this.#makeRoom(bytes, true);
    this.#makeRoom(bytes, false);
    this.#latest = { holder, bytes, isSpare: false };
    this.#set(name, this.#latest);
    this.#firmBytesMax = Math.max(this.#firmBytesMax, this.#bytes - this.#spareBytes);
  }

  /**
   * The same for what others may have at any time: at the cost of other spare claims alone. Answers whether there is as much; else nothing
   * changes. What was claimed otherwise may be given back here, but not to the platform: it counts for good.
   */
  claimSpare(name: string, holder: MemoryHolder, bytes: number): boolean {
    if (bytes > this.bytesMax - this.#firmBytesMax) return false;
    this.#replace(name, holder);
    this.#makeRoom(bytes + this.#firmBytesMax - (this.#bytes - this.#spareBytes), true);
    this.#set(name, { holder, bytes, isSpare: true });
    return true;
  }

  /** Gives back what `name` holds, if `holder` is still the one that holds it. */
  release(name: string, holder: MemoryHolder): void {
    const claim = this.#claims.get(name);
    if (claim?.holder === holder) this.#drop(name, claim);
  }

  #replace(name: string, holder: MemoryHolder): void {
    const previous = this.#claims.get(name);
    if (previous !== undefined) this.#drop(name, previous);
    if (previous !== undefined && previous.holder !== holder) previous.holder.evict(Infinity);
  }

  /** Evicts claims of the kind until `bytes` more fit, or none is left. */
  #makeRoom(bytes: number, isSpare: boolean): void {
    for (const [other, claim] of this.#claims) {
      const excess = this.#bytes + bytes - this.bytesMax;
      if (excess <= 0) break;
      if (claim.isSpare !== isSpare) continue;
      const given = claim.holder.evict(Math.min(excess, claim.bytes));
      assert(given >= Math.min(excess, claim.bytes), `${other} gave back ${given} bytes, too few`);
      this.#drop(other, claim, given);
    }
  }

  #set(name: string, claim: Claim): void {
    this.#claims.set(name, claim);
    this.#bytes += claim.bytes;
    if (claim.isSpare) this.#spareBytes += claim.bytes;
  }

  #drop(name: string, claim: Claim, bytes = claim.bytes): void {
    const dropped = Math.min(bytes, claim.bytes);
    claim.bytes -= dropped;
    this.#bytes -= dropped;
    if (claim.isSpare) this.#spareBytes -= dropped;
    if (claim.bytes === 0) this.#claims.delete(name);
  }
}
