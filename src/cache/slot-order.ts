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
