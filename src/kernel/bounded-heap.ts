import { assert, must } from './assert.ts';

/**
 * Keeps the first `capacity` items of an order out of any number pushed, in O(log capacity) a push.
 * `compare` is negative when its first argument comes before its second.
 */
export class BoundedHeap<T> {
  readonly #capacity: number;
  readonly #compare: (a: T, b: T) => number;
  // A binary heap with the last item of the order at its root: the one a better item displaces.
  readonly #items: T[] = [];

  constructor(capacity: number, compare: (a: T, b: T) => number) {
    assert(Number.isInteger(capacity) && capacity > 0, `a heap holds at least one item, not ${capacity}`);
    this.#capacity = capacity;
    this.#compare = compare;
  }

  get isFull(): boolean {
    return this.#items.length === this.#capacity;
  }

  /** The last of the items kept. */
  get last(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    if (!this.isFull) {
      this.#items.push(item);
      this.#rise(this.#items.length - 1);
    } else if (this.#compare(item, this.#at(0)) < 0) {
      this.#items[0] = item;
      this.#sink(0);
    }
  }

  /** The items kept, first to last. */
  toSorted(): T[] {
    return this.#items.toSorted(this.#compare);
  }

  #at(index: number): T {
    return must(this.#items[index], 'the index lies within the heap');
  }

  #swap(a: number, b: number): void {
    const held = this.#at(a);
    this.#items[a] = this.#at(b);
    this.#items[b] = held;
  }

  #rise(from: number): void {
    let child = from;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (this.#compare(this.#at(child), this.#at(parent)) <= 0) return;
      this.#swap(child, parent);
      child = parent;
    }
  }

  #sink(from: number): void {
    let parent = from;
    for (;;) {
      let latest = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < this.#items.length && this.#compare(this.#at(child), this.#at(latest)) > 0) latest = child;
      }
      if (latest === parent) return;
      this.#swap(parent, latest);
      parent = latest;
    }
  }
}
