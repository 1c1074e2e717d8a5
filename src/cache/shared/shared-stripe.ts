import { WORD } from './shared-layout.ts';
import type { SharedLayout } from './shared-layout.ts';

/** Links are slot numbers plus one. */
const NONE = 0;

/** One part of a shared cache. All but `fence`, `clear` and `addCounts` is for the thread that holds its lock. */
export class SharedStripe {
  readonly number: number;
  readonly #layout: SharedLayout;
  readonly #base: number;
  readonly #firstBucket: number;
  readonly #firstSlot: number;

  constructor(layout: SharedLayout, number: number) {
    this.number = number;
    this.#layout = layout;
    this.#base = layout.wordsOf(number);
    this.#firstBucket = number * layout.bucketsPerStripe;
    this.#firstSlot = number * layout.slotsPerStripe;
  }

  get fence(): number {
    return Atomics.load(this.#layout.words, this.#base + WORD.fence);
  }

  get(key: string, hash: number, nowMs: number): Float32Array<ArrayBuffer> | undefined {
    const slot = this.#find(key, hash);
    if (slot !== NONE && this.#serves(slot, nowMs)) {
      this.#count(WORD.hits);
      if (slot !== this.#word(WORD.newest)) {
        this.#unlink(slot);
        this.#link(slot);
      }
      const { numbers, dimensions, bounds } = this.#layout;
      const start = (slot - 1) * bounds.dimensionsMax;
      return numbers.slice(start, start + at(dimensions, slot - 1));
    }
    if (slot !== NONE) this.#drop(slot);
    this.#count(WORD.misses);
    return undefined;
  }

  set(key: string, hash: number, vector: Float32Array, expiresAtMs: number, fence = this.fence): boolean {
    if (fence !== this.fence) return false;
    const known = this.#find(key, hash);
    // Taken out before it is written over: if that fails half way, there is no entry rather than a mixed one.
    if (known !== NONE) this.#drop(known);
    const slot = this.#take();
    const { numbers, dimensions, fences, expiresAtMs: ends, hashes, keys, keyChars, bounds } = this.#layout;
    numbers.set(vector, (slot - 1) * bounds.dimensionsMax);
    dimensions[slot - 1] = vector.length;
    fences[slot - 1] = fence;
    ends[slot - 1] = expiresAtMs;
    hashes[slot - 1] = hash;
    keyChars[slot - 1] = key.length;
    const firstChar = (slot - 1) * bounds.keyCharsMax;
    for (let i = 0; i < key.length; i++) keys[firstChar + i] = key.charCodeAt(i);
    this.#enlist(slot, hash);
    return true;
  }

  forget(key: string, hash: number): true {
    Atomics.add(this.#layout.words, this.#base + WORD.fence, 1);
    const slot = this.#find(key, hash);
    if (slot !== NONE) this.#drop(slot);
    return true;
  }

  /** Nothing that is there now counts any more. Needs no lock, and takes constant time. */
  clear(): void {
    const { words } = this.#layout;
    const fence = Atomics.add(words, this.#base + WORD.fence, 1) + 1;
    for (let cleared; (cleared = Atomics.load(words, this.#base + WORD.cleared)) < fence;) {
      if (Atomics.compareExchange(words, this.#base + WORD.cleared, cleared, fence) === cleared) return;
    }
  }

  /** Makes whatever a dead thread left into an empty stripe. */
  reset(): void {
    const { words, buckets, bucketsPerStripe } = this.#layout;
    for (const word of [WORD.oldest, WORD.newest, WORD.free, WORD.handedOut, WORD.entries]) words[this.#base + word] = 0;
    buckets.fill(NONE, this.#firstBucket, this.#firstBucket + bucketsPerStripe);
  }

  addCounts(counts: { entries: number; hits: number; misses: number; evicted: number }): void {
    counts.entries += this.#word(WORD.entries);
    counts.hits += this.#word(WORD.hits);
    counts.misses += this.#word(WORD.misses);
    counts.evicted += this.#word(WORD.evicted);
  }

  #serves(slot: number, nowMs: number): boolean {
    const { words, fences, expiresAtMs } = this.#layout;
    return at(fences, slot - 1) >= Atomics.load(words, this.#base + WORD.cleared) && nowMs < at(expiresAtMs, slot - 1);
  }

  #find(key: string, hash: number): number {
    const { buckets, next, hashes } = this.#layout;
    let slot = at(buckets, this.#bucketOf(hash));
    while (slot !== NONE && (at(hashes, slot - 1) !== (hash | 0) || !this.#isNamed(slot, key))) slot = at(next, slot - 1);
    return slot;
  }

  #isNamed(slot: number, key: string): boolean {
    const { keys, keyChars, bounds } = this.#layout;
    if (at(keyChars, slot - 1) !== key.length) return false;
    const first = (slot - 1) * bounds.keyCharsMax;
    for (let i = 0; i < key.length; i++) if (keys[first + i] !== key.charCodeAt(i)) return false;
    return true;
  }

  #bucketOf(hash: number): number {
    return this.#firstBucket + (hash & (this.#layout.bucketsPerStripe - 1));
  }

  /** A slot that nothing is in; the least recently used entry gives its own if need be. */
  #take(): number {
    const { words, next, slotsPerStripe } = this.#layout;
    if (this.#word(WORD.free) === NONE && this.#word(WORD.handedOut) === slotsPerStripe) {
      this.#drop(this.#word(WORD.oldest));
      this.#count(WORD.evicted);
    }
    const free = this.#word(WORD.free);
    if (free !== NONE) {
      words[this.#base + WORD.free] = at(next, free - 1);
      return free;
    }
    this.#count(WORD.handedOut);
    return this.#firstSlot + this.#word(WORD.handedOut);
  }

  #enlist(slot: number, hash: number): void {
    const { buckets, next } = this.#layout;
    const bucket = this.#bucketOf(hash);
    next[slot - 1] = at(buckets, bucket);
    buckets[bucket] = slot;
    this.#link(slot);
    this.#count(WORD.entries);
  }

  #drop(slot: number): void {
    const { words, buckets, next, hashes } = this.#layout;
    const bucket = this.#bucketOf(at(hashes, slot - 1));
    if (at(buckets, bucket) === slot) buckets[bucket] = at(next, slot - 1);
    else {
      let before = at(buckets, bucket);
      while (at(next, before - 1) !== slot) before = at(next, before - 1);
      next[before - 1] = at(next, slot - 1);
    }
    this.#unlink(slot);
    next[slot - 1] = this.#word(WORD.free);
    words[this.#base + WORD.free] = slot;
    words[this.#base + WORD.entries] = this.#word(WORD.entries) - 1;
  }

  #link(slot: number): void {
    const { words, newer, older } = this.#layout;
    const newest = this.#word(WORD.newest);
    newer[slot - 1] = NONE;
    older[slot - 1] = newest;
    if (newest === NONE) words[this.#base + WORD.oldest] = slot;
    else newer[newest - 1] = slot;
    words[this.#base + WORD.newest] = slot;
  }

  #unlink(slot: number): void {
    const { words, newer, older } = this.#layout;
    const [after, before] = [at(newer, slot - 1), at(older, slot - 1)];
    if (after === NONE) words[this.#base + WORD.newest] = before;
    else older[after - 1] = before;
    if (before === NONE) words[this.#base + WORD.oldest] = after;
    else newer[before - 1] = after;
  }

  #word(word: number): number {
    return at(this.#layout.words, this.#base + word);
  }

  #count(word: number): void {
    this.#layout.words[this.#base + word] = this.#word(word) + 1;
  }
}

/** Columns are as long as there are slots. */
function at(column: Int32Array | Float64Array, index: number): number {
  return column[index] as number;
}
