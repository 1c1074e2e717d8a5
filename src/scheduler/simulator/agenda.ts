import { Heap } from '../../kernel/heap.ts';

interface Entry<Item> {
  readonly atMs: number;
  readonly order: number;
  readonly item: Item;
}

/** Things to happen at their times, soonest first; at one time, first in first out. */
export class Agenda<Item> {
  readonly #heap = new Heap<Entry<Item>>((a, b) => a.atMs - b.atMs || a.order - b.order);
  #count = 0;

  add(atMs: number, item: Item): void {
    this.#heap.push({ atMs, order: (this.#count += 1), item });
  }

  next(): { readonly atMs: number; readonly item: Item } | undefined {
    return this.#heap.pop();
  }
}
