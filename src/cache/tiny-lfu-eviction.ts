import { must } from '../kernel/assert.ts';
import { keyHash } from '../kernel/fast-hash.ts';
import type { CacheBounds, Eviction } from './eviction.ts';
import { FrequencySketch } from './frequency-sketch.ts';

/** The share of the cache for new entries before they have proved themselves: at first, at least and at most. */
const WINDOW_SHARE = { first: 0.01, min: 0.01, max: 0.8 };
/** By how much the window is changed to see whether that helps; a little less each time, until the hit ratio jumps. */
const STEP = { first: 0.0625, decay: 0.98 };
const JUMP = 0.05;
/** Requests between two changes, in multiples of the entries. */
const SAMPLE_FACTOR = 4;
/** The share of the rest for entries that were used again. */
const PROTECTED_SHARE = 0.8;

type Region = 0 | 1 | 2;
const [WINDOW, PROBATION, PROTECTED] = [0, 1, 2] as const;

/**
 * W-TinyLFU: an entry that leaves the small window of new ones stays only if it was seen more often, lately, than the one that would
 * have to go for it. A scan of keys that are used once passes through the window and evicts nothing else. How large the window is
 * follows from the requests: it grows while that raises the hit ratio and shrinks when it does not, so that requests which come in
 * bursts are served as well.
 */
export class TinyLfuEviction implements Eviction {
  readonly #bounds: CacheBounds;
  readonly #sketch: FrequencySketch;
  readonly #links = new SlotLinks(0);
  readonly #orders: readonly [SlotOrder, SlotOrder, SlotOrder];
  readonly #entries: [number, number, number] = [0, 0, 0];
  readonly #bytes: [number, number, number] = [0, 0, 0];
  #hashOf = new Int32Array(0);
  #bytesOf = new Float64Array(0);
  #regionOf = new Uint8Array(0);

  #windowShare = WINDOW_SHARE.first;
  #step = STEP.first;
  #hits = 0;
  #misses = 0;
  #lastRatio = 0;

  constructor(bounds: CacheBounds) {
    this.#bounds = bounds;
    this.#sketch = new FrequencySketch(bounds.entriesMax);
    this.#orders = [new SlotOrder(this.#links), new SlotOrder(this.#links), new SlotOrder(this.#links)];
  }

  add(slot: number, key: string, bytes: number): void {
    const hash = keyHash(key);
    this.#hashOf[slot] = hash;
    this.#bytesOf[slot] = bytes;
    this.#sketch.add(hash);
    this.#enter(slot, WINDOW);
    this.#misses += 1;
    this.#climb();
    while (this.#exceeds(WINDOW, this.#windowShare) && this.#entries[WINDOW] > 1) this.#move(this.#orders[WINDOW].oldest, PROBATION);
  }

  use(slot: number): void {
    this.#sketch.add(must(this.#hashOf[slot], 'a slot in use has a hash'));
    this.#hits += 1;
    const region = this.#region(slot);
    if (region !== PROBATION) return this.#orders[region].use(slot);
    this.#move(slot, PROTECTED);
    const share = (1 - this.#windowShare) * PROTECTED_SHARE;
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
    this.#links.grow(slotCount);
    this.#hashOf.set(hashes);
    this.#bytesOf.set(bytes);
    this.#regionOf.set(regions);
  }

  /** Goes on changing the window the way it did while that helps, and back when it does not. */
  #climb(): void {
    const requests = this.#hits + this.#misses;
    if (requests < SAMPLE_FACTOR * this.#bounds.entriesMax) return;
    const ratio = this.#hits / requests;
    const change = ratio - this.#lastRatio;
    const amount = change >= 0 ? this.#step : -this.#step;
    this.#step = Math.abs(change) >= JUMP ? Math.sign(amount) * STEP.first : amount * STEP.decay;
    this.#windowShare = Math.min(WINDOW_SHARE.max, Math.max(WINDOW_SHARE.min, this.#windowShare + amount));
    this.#lastRatio = ratio;
    this.#hits = 0;
    this.#misses = 0;
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

/** The links of all slots of a cache: eight bytes each. A slot is in one order at most, so orders can share them. */
export class SlotLinks {
  newer: Int32Array;
  older: Int32Array;

  constructor(slotCount: number) {
    this.newer = new Int32Array(slotCount);
    this.older = new Int32Array(slotCount);
  }

  grow(slotCount: number): void {
    this.newer = grown(this.newer, slotCount);
    this.older = grown(this.older, slotCount);
  }
}

function grown(column: Int32Array, slotCount: number): Int32Array {
  const longer = new Int32Array(slotCount);
  longer.set(column);
  return longer;
}

/** No slot. */
export const NONE = -1;

/** Slots from the least to the most recently used; every operation takes constant time. */
export class SlotOrder {
  readonly #links: SlotLinks;
  oldest = NONE;
  newest = NONE;

  constructor(links: SlotLinks) {
    this.#links = links;
  }

  add(slot: number): void {
    const { newer, older } = this.#links;
    const { newest } = this;
    newer[slot] = NONE;
    older[slot] = newest;
    if (newest === NONE) this.oldest = slot;
    else newer[newest] = slot;
    this.newest = slot;
  }

  remove(slot: number): void {
    const { newer, older } = this.#links;
    const [next, previous] = [newer[slot] ?? NONE, older[slot] ?? NONE];
    if (next === NONE) this.newest = previous;
    else older[next] = previous;
    if (previous === NONE) this.oldest = next;
    else newer[previous] = next;
  }

  use(slot: number): void {
    if (slot === this.newest) return;
    this.remove(slot);
    this.add(slot);
  }
}
