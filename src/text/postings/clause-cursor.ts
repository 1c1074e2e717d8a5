import type { Candidates } from './candidates.ts';
import type { PostingBlocks, TermScorer } from './posting-blocks.ts';
import { BLOCK_POSTINGS } from './posting-blocks.ts';
import { firstAtLeast } from './posting-part.ts';

/** Ordinals of a window: the accumulators of one stay within the fastest cache. A multiple of 32. */
export const WINDOW_ORDINALS = 4_096;

/** Postings of a block that are stepped over at once. */
const STRIDE = 8;

/** Scores by ordinal of a window, and which ordinals have one, a bit each. */
export interface Accumulators {
  readonly scores: Float64Array;
  readonly touched: Uint32Array;
}

/** Walks the postings of a clause in one part, ordinals ascending, window by window. May be opened again for another list. */
export class ClauseCursor {
  readonly #ordinals = new Uint32Array(BLOCK_POSTINGS);
  readonly #values = new Float64Array(BLOCK_POSTINGS);
  #list!: PostingBlocks;
  #lasts!: Uint32Array;
  #scorer!: TermScorer;
  // Worked out once they are asked for.
  #impacts: Float64Array | undefined;
  #lengths!: Uint32Array;
  #isText = true;
  #weight = 0;
  #c0 = 0;
  #c1 = 0;
  // The first block that may have ordinals still to come.
  #block = 0;
  #decoded = -1;
  // Of the decoded block: how many postings it has, and the first that may still be asked for.
  #count = 0;
  #at = 0;
  #read = 0;

  /** How many postings were unpacked since it was opened. */
  get postingsRead(): number {
    return this.#read;
  }

  open(list: PostingBlocks, scorer: TermScorer, lengths: Uint32Array): void {
    this.#list = list;
    this.#lasts = list.lasts;
    this.#scorer = scorer;
    this.#impacts = undefined;
    this.#lengths = lengths;
    this.#isText = scorer.isText;
    this.#weight = scorer.weight;
    this.#c0 = scorer.c0;
    this.#c1 = scorer.c1;
    this.#block = 0;
    this.#decoded = -1;
    this.#read = 0;
  }

  /** What no posting from `start` to before `end` exceeds; 0 when there is none. Goes to the first block that reaches `start`. */
  bound(start: number, end: number): number {
    const lasts = this.#lasts;
    const blocks = lasts.length;
    let block = this.#block;
    while (block < blocks && lasts[block]! < start) block += 1;
    this.#block = block;
    if (this.#decoded === block && this.#nextFrom(start) >= end) return 0;
    const impacts = (this.#impacts ??= this.#list.impacts(this.#scorer, this.#lengths));
    let impact = 0;
    for (; block < blocks; block += 1) {
      if (impacts[block]! > impact) impact = impacts[block]!;
      if (lasts[block]! >= end - 1) break;
    }
    return Math.abs(this.#weight) * impact;
  }

  /**
   * Adds every posting from `start` to before `end`, or those of ordinals that are allowed, to the scores of the window that begins at `start`;
   * returns how many there were in all.
   */
  accumulate(start: number, end: number, accumulators: Accumulators, allowed: Uint32Array | undefined): number {
    let added = 0;
    while (this.#block < this.#lasts.length) {
      this.#load();
      this.#nextFrom(start);
      const at = this.#at;
      // A list in memory may have grown since it was opened: its last block may reach behind the window.
      const until = this.#ordinals[this.#count - 1]! < end ? this.#count : firstAtLeast(this.#ordinals, end, at, this.#count);
      if (allowed !== undefined) this.#addAllowed(at, until, start, accumulators, allowed);
      else if (this.#isText) this.#addFrequencies(at, until, start, accumulators);
      else this.#addProducts(at, until, start, accumulators);
      this.#at = until;
      added += until - at;
      if (this.#lasts[this.#block]! >= end) return added;
      this.#block += 1;
    }
    return added;
  }

  /** Marks every ordinal from `start` to before `end`. */
  mark(start: number, end: number, marked: Uint32Array): void {
    while (this.#block < this.#lasts.length && this.#lasts[this.#block]! < start) this.#block += 1;
    while (this.#block < this.#lasts.length) {
      this.#load();
      let at = this.#at;
      for (; at < this.#count; at += 1) {
        const ordinal = this.#ordinals[at]!;
        if (ordinal >= end) break;
        if (ordinal >= start) marked[(ordinal - start) >>> 5]! |= 1 << (ordinal & 31);
      }
      this.#at = at;
      if (this.#lasts[this.#block]! >= end) return;
      this.#block += 1;
    }
  }

  /**
   * Adds its parts to the scores of candidates, and lets go of those that cannot reach `floor` by it and by `rest`, the most that clauses behind
   * it add. Candidates of later calls come behind these.
   */
  complete(candidates: Candidates, rest: number, floor: number): void {
    const { ordinals, scores, matched } = candidates;
    const lasts = this.#lasts;
    const impacts = (this.#impacts ??= this.#list.impacts(this.#scorer, this.#lengths));
    const weight = Math.abs(this.#weight);
    let block = this.#block;
    let kept = 0;
    for (let i = 0; i < candidates.count; i += 1) {
      const ordinal = ordinals[i]!;
      let score = scores[i]!;
      let isMatched = matched[i]!;
      while (block < lasts.length && lasts[block]! < ordinal) block += 1;
      // Unpacking a block takes as long as all the rest.
      if (block < lasts.length && score + weight * impacts[block]! + rest >= floor) {
        this.#block = block;
        const at = this.#find(ordinal);
        if (at >= 0) {
          score += this.#partAt(at);
          isMatched = 1;
        }
      }
      if (score + rest < floor) continue;
      ordinals[kept] = ordinal;
      scores[kept] = score;
      matched[kept] = isMatched;
      kept += 1;
    }
    candidates.count = kept;
    this.#block = block;
  }

  /** Where the first block that reaches an ordinal has it; below 0: it has not. */
  #find(ordinal: number): number {
    this.#load();
    const ordinals = this.#ordinals;
    const last = this.#count - 1;
    let at = this.#at;
    // By steps at first: the next candidate is mostly near.
    while (at + STRIDE <= last && ordinals[at + STRIDE]! < ordinal) at += STRIDE;
    while (at < last && ordinals[at]! < ordinal) at += 1;
    this.#at = at;
    return ordinals[at] === ordinal ? at : -1;
  }

  #partAt(at: number): number {
    const value = this.#values[at]!;
    if (!this.#isText) return this.#weight * value;
    return (this.#weight * value) / (value + this.#c0 + this.#c1 * this.#lengths[this.#ordinals[at]!]!);
  }

  /** Goes to the first ordinal of the decoded block from `start` on, and returns it; the block reaches `start`. */
  #nextFrom(start: number): number {
    let at = this.#at;
    while (at < this.#count && this.#ordinals[at]! < start) at += 1;
    this.#at = at;
    return at < this.#count ? this.#ordinals[at]! : Infinity;
  }

  #load(): void {
    if (this.#decoded === this.#block) return;
    this.#count = this.#list.decode(this.#block, this.#ordinals, this.#values);
    this.#decoded = this.#block;
    this.#at = 0;
    this.#read += this.#count;
  }

  /** Where few are allowed, the rest costs little. */
  #addAllowed(from: number, until: number, start: number, { scores, touched }: Accumulators, allowed: Uint32Array): void {
    const ordinals = this.#ordinals;
    for (let i = from; i < until; i += 1) {
      const at = ordinals[i]! - start;
      if (((allowed[at >>> 5]! >>> (at & 31)) & 1) === 0) continue;
      scores[at]! += this.#partAt(i);
      touched[at >>> 5]! |= 1 << (at & 31);
    }
  }

  #addFrequencies(from: number, until: number, start: number, { scores, touched }: Accumulators): void {
    const [ordinals, values, lengths] = [this.#ordinals, this.#values, this.#lengths];
    const [weight, c0, c1] = [this.#weight, this.#c0, this.#c1];
    for (let i = from; i < until; i += 1) {
      const ordinal = ordinals[i]!;
      const value = values[i]!;
      const at = ordinal - start;
      scores[at]! += (weight * value) / (value + c0 + c1 * lengths[ordinal]!);
      touched[at >>> 5]! |= 1 << (at & 31);
    }
  }

  #addProducts(from: number, until: number, start: number, { scores, touched }: Accumulators): void {
    const [ordinals, values, weight] = [this.#ordinals, this.#values, this.#weight];
    for (let i = from; i < until; i += 1) {
      const at = ordinals[i]! - start;
      scores[at]! += weight * values[i]!;
      touched[at >>> 5]! |= 1 << (at & 31);
    }
  }
}
