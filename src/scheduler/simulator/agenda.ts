import { must } from '../../kernel/assert.ts';

interface Entry<Item> {
  readonly atMs: number;
  readonly order: number;
  readonly item: Item;
}

/** Things to happen at their times, soonest first; at one time, first in first out. */
export class Agenda<Item> {
  readonly #heap: Entry<Item>[] = [];
  #count = 0;

  add(atMs: number, item: Item): void {
    this.#heap.push({ atMs, order: (this.#count += 1), item });
    for (let child = this.#heap.length - 1; child > 0;) {
      const parent = (child - 1) >> 1;
      if (!this.#isBefore(child, parent)) return;
      this.#swap(child, parent);
      child = parent;
    }
  }

  next(): { readonly atMs: number; readonly item: Item } | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined || this.#heap.length === 0) return first;
    this.#heap[0] = last;
    for (let parent = 0; ;) {
      let soonest = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2])
        if (child < this.#heap.length && this.#isBefore(child, soonest)) soonest = child;
      if (soonest === parent) return first;
      this.#swap(parent, soonest);
      parent = soonest;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [x, y] = [this.#at(a), this.#at(b)];
    return x.atMs < y.atMs || (x.atMs === y.atMs && x.order < y.order);
  }

  #swap(a: number, b: number): void {
    [this.#heap[a], this.#heap[b]] = [this.#at(b), this.#at(a)];
  }

  #at(place: number): Entry<Item> {
    return must(this.#heap[place], 'the place is in the heap');
  }
}
