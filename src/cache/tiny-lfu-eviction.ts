import { must } from '../kernel/assert.ts';
import type { CacheBounds } from './cache-bounds.ts';
import type { Eviction } from './eviction.ts';
import { FrequencySketch } from './frequency-sketch.ts';
import { keyHash } from './key-hash.ts';
import { NONE, SlotOrder } from './slot-order.ts';
import type { SlotLinks } from './slot-order.ts';

/** Of the whole cache, what new entries may take without having proved themselves. */
const WINDOW_SHARE = 0.01;
/** Of the rest, what is kept for entries that were used again. */
const PROTECTED_SHARE = 0.8;

type Region = 0 | 1 | 2;
const [WINDOW, PROBATION, PROTECTED] = [0, 1, 2] as const;

/**
 * W-TinyLFU: an entry that leaves the small window of new ones stays only if it was seen more often, lately, than the one that would
 * have to go for it. A scan of keys that are used once passes through the window and evicts nothing else.
 */
export class TinyLfuEviction implements Eviction {
  readonly #bounds: CacheBounds;
  readonly #sketch: FrequencySketch;
  readonly #orders: readonly [SlotOrder, SlotOrder, SlotOrder];
  readonly #entries: [number, number, number] = [0, 0, 0];
  readonly #bytes: [number, number, number] = [0, 0, 0];
  #hashOf = new Int32Array(0);
  #bytesOf = new Float64Array(0);
  #regionOf = new Uint8Array(0);

  constructor(links: SlotLinks, bounds: CacheBounds) {
    this.#bounds = bounds;
    this.#sketch = new FrequencySketch(bounds.entriesMax);
    this.#orders = [new SlotOrder(links), new SlotOrder(links), new SlotOrder(links)];
  }

  add(slot: number, key: string, bytes: number): void {
    const hash = keyHash(key);
    this.#hashOf[slot] = hash;
    this.#bytesOf[slot] = bytes;
    this.#sketch.add(hash);
    this.#enter(slot, WINDOW);
    while (this.#exceeds(WINDOW, WINDOW_SHARE) && this.#entries[WINDOW] > 1) this.#move(this.#orders[WINDOW].oldest, PROBATION);
  }

  use(slot: number): void {
    this.#sketch.add(must(this.#hashOf[slot], 'a slot in use has a hash'));
    const region = this.#region(slot);
    if (region !== PROBATION) return this.#orders[region].use(slot);
    this.#move(slot, PROTECTED);
    const share = (1 - WINDOW_SHARE) * PROTECTED_SHARE;
    while (this.#exceeds(PROTECTED, share) && this.#entries[PROTECTED] > 1) this.#move(this.#orders[PROTECTED].oldest, PROBATION);
  }

  remove(slot: number): void {
    const region = this.#region(slot);
    this.#orders[region].remove(slot);
    this.#entries[region] -= 1;
    this.#bytes[region] -= must(this.#bytesOf[slot], 'a slot in use has bytes');
  }

  /** The newcomer on probation or the one that has been there longest, whichever was seen less. */
  victim(): number {
    const { oldest, newest } = this.#orders[PROBATION];
    if (oldest === NONE) return this.#orders[PROTECTED].oldest === NONE ? this.#orders[WINDOW].oldest : this.#orders[PROTECTED].oldest;
    return this.#seen(newest) > this.#seen(oldest) ? oldest : newest;
  }

  grow(slotCount: number): void {
    const [hashes, bytes, regions] = [this.#hashOf, this.#bytesOf, this.#regionOf];
    this.#hashOf = new Int32Array(slotCount);
    this.#bytesOf = new Float64Array(slotCount);
    this.#regionOf = new Uint8Array(slotCount);
    this.#hashOf.set(hashes);
    this.#bytesOf.set(bytes);
    this.#regionOf.set(regions);
  }

  #seen(slot: number): number {
    return this.#sketch.estimate(must(this.#hashOf[slot], 'a slot in use has a hash'));
  }

  #region(slot: number): Region {
    return must(this.#regionOf[slot], 'a slot in use has a region') as Region;
  }

  #exceeds(region: Region, share: number): boolean {
    return this.#entries[region] > share * this.#bounds.entriesMax || this.#bytes[region] > share * this.#bounds.bytesMax;
  }

  #move(slot: number, region: Region): void {
    this.remove(slot);
    this.#enter(slot, region);
  }

  #enter(slot: number, region: Region): void {
    this.#regionOf[slot] = region;
    this.#orders[region].add(slot);
    this.#entries[region] += 1;
    this.#bytes[region] += must(this.#bytesOf[slot], 'a slot in use has bytes');
  }
}
