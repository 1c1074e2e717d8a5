import { assert, must } from './assert.ts';

/** A binary heap: the first of its items, by `compare`, is at hand; adding and taking one cost O(log n). */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #compare: (a: T, b: T) => number;

  /** `compare` is negative when its first argument comes before its second. */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  /** In no order. */
  get items(): readonly T[] {
    return this.#items;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#rise(this.#items.length - 1);
  }

  /** Takes the first item out. */
  pop(): T | undefined {
    const { first } = this;
    const last = this.#items.pop();
    if (last !== undefined && this.#items.length > 0) this.replaceFirst(last);
    return first;
  }

  /** Takes the first item out and puts another in. */
  replaceFirst(item: T): void {
    this.#items[0] = item;
    this.#sink(0);
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
      if (this.#compare(this.#at(child), this.#at(parent)) >= 0) return;
      this.#swap(child, parent);
      child = parent;
    }
  }

  #sink(from: number): void {
    let parent = from;
    for (;;) {
      let first = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < this.#items.length && this.#compare(this.#at(child), this.#at(first)) < 0) first = child;
      }
      if (first === parent) return;
      this.#swap(parent, first);
      parent = first;
    }
  }
}

/** Keeps the first `capacity` items of an order out of any number pushed, in O(log capacity) a push. */
export class BoundedHeap<T> {
  readonly #capacity: number;
  readonly #compare: (a: T, b: T) => number;
  /** The last of the items kept comes first: a better item displaces it. */
  readonly #kept: Heap<T>;

  /** `compare` is negative when its first argument comes before its second. */
  constructor(capacity: number, compare: (a: T, b: T) => number) {
    assert(Number.isInteger(capacity) && capacity > 0, `a heap holds at least one item, not ${capacity}`);
    this.#capacity = capacity;
    this.#compare = compare;
    this.#kept = new Heap((a, b) => compare(b, a));
  }

  get isFull(): boolean {
    return this.#kept.size === this.#capacity;
  }

  /** The last of the items kept. */
  get last(): T | undefined {
    return this.#kept.first;
  }

  push(item: T): void {
    if (!this.isFull) this.#kept.push(item);
    else if (this.#compare(item, must(this.last, 'a full heap has items')) < 0) this.#kept.replaceFirst(item);
  }

  /** The items kept, first to last. */
  toSorted(): T[] {
    return this.#kept.items.toSorted(this.#compare);
  }
}
