import { SlotOrder } from './slot-order.ts';
import type { SlotLinks } from './slot-order.ts';

/** Decides which entry of a cache goes when there is no room for all. */
export interface Eviction {
  /** A new entry is in `slot`. */
  add(slot: number, key: string, bytes: number): void;
  use(slot: number): void;
  remove(slot: number): void;
  /** The slot whose entry goes next. There must be one. */
  victim(): number;
  /** Slots up to `slotCount` may be used from now on. */
  grow(slotCount: number): void;
}

/** The least recently used goes first. */
export class RecencyEviction implements Eviction {
  readonly #order: SlotOrder;

  constructor(links: SlotLinks) {
    this.#order = new SlotOrder(links);
  }

  add(slot: number): void {
    this.#order.add(slot);
  }

  use(slot: number): void {
    this.#order.use(slot);
  }

  remove(slot: number): void {
    this.#order.remove(slot);
  }

  victim(): number {
    return this.#order.oldest;
  }

  grow(): void {
    // The links are all there is, and they are the cache's.
  }
}
