import type { JobId } from '../../../kernel/ids.ts';

/** Jobs by order of submission. Taking the first, and adding one after all others, costs the same however many there are. */
export class SequenceList {
  #sequences: number[] = [];
  #ids: JobId[] = [];
  /** Entries before this are gone. */
  #start = 0;

  get size(): number {
    return this.#ids.length - this.#start;
  }

  get first(): JobId | undefined {
    return this.#ids[this.#start];
  }

  get firstSequence(): number {
    return this.#sequences[this.#start] ?? Infinity;
  }

  has(sequence: number): boolean {
    return this.#sequences[this.#indexFrom(sequence)] === sequence;
  }

  insert(sequence: number, id: JobId): void {
    const at = this.#indexFrom(sequence);
    this.#sequences.splice(at, 0, sequence);
    this.#ids.splice(at, 0, id);
  }

  delete(sequence: number): void {
    const at = this.#indexFrom(sequence);
    if (at > this.#start) {
      this.#sequences.splice(at, 1);
      this.#ids.splice(at, 1);
      return;
    }
    this.#start += 1;
    if (this.#start < this.#ids.length / 2) return;
    this.#sequences = this.#sequences.slice(this.#start);
    this.#ids = this.#ids.slice(this.#start);
    this.#start = 0;
  }

  /** All, in order. */
  get all(): readonly JobId[] {
    return this.#ids.slice(this.#start);
  }

  /** How many come before the sequence. */
  countBefore(sequence: number): number {
    return this.#indexFrom(sequence) - this.#start;
  }

  /** The last `count` of the first `before`. */
  last(before: number, count: number): readonly JobId[] {
    const end = this.#start + before;
    return this.#ids.slice(Math.max(this.#start, end - count), end);
  }

  /** The first entry at or after the sequence. */
  #indexFrom(sequence: number): number {
    let low = this.#start;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sequences[middle] ?? 0) < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
