import type { Accumulators } from './clause-cursor.ts';
import { ClauseCursor, WINDOW_ORDINALS } from './clause-cursor.ts';
import type { PostingPart } from './posting-part.ts';
import type { RowFilter } from './sparse-query.ts';
import type { TopRows } from './top-rows.ts';
import { NO_ORDINAL, type WindowMask } from './window-mask.ts';

/** Of the scores at hand, how far apart two sums of the same numbers in different orders can be; thousands of additions stay far below. */
const ROUNDING = 1e-12;

/** A window of fewer ordinals that may match is walked ordinal by ordinal: 1 in 64. */
const FEW_ORDINALS = WINDOW_ORDINALS / 64;

/** A window with more postings is collected ordinal by ordinal, as most have one: finding those that do takes longer. */
const MANY_POSTINGS = WINDOW_ORDINALS / 4;

/** Memory of walks, used again. */
export class WalkScratch {
  readonly accumulators: Accumulators = {
    scores: new Float64Array(WINDOW_ORDINALS),
    touched: new Uint32Array(WINDOW_ORDINALS / 32),
  };
  readonly #cursors: ClauseCursor[] = [];

  cursor(at: number): ClauseCursor {
    return (this.#cursors[at] ??= new ClauseCursor());
  }
}

/**
 * Searches one part for the first rows of a disjunction: MaxScore (Turtle and Flood 1995) by windows of ordinals, with the block maxima that
 * each overlaps (as Lucene's bulk scorer). Clauses come by weight, the highest first: those at the end of this order that cannot lift a row to the
 * threshold together are only read for rows that the others have found. So every score is the sum of its parts in this one order. [TX50]
 */
export class PartWalk {
  readonly #part: PostingPart;
  readonly #cursors: readonly ClauseCursor[];
  readonly #top: TopRows;
  readonly #among: RowFilter | undefined;
  readonly #mask: WindowMask | undefined;
  readonly #accumulators: Accumulators;
  // By clause: the most that it and those behind it add to a score in this window.
  readonly #rests: Float64Array;
  #candidates = 0;

  constructor(
    part: PostingPart,
    cursors: readonly ClauseCursor[],
    {
      top,
      among,
      mask,
      accumulators,
    }: { top: TopRows; among: RowFilter | undefined; mask: WindowMask | undefined; accumulators: Accumulators },
  ) {
    this.#part = part;
    this.#cursors = cursors;
    this.#top = top;
    this.#among = among;
    this.#mask = mask;
    this.#accumulators = accumulators;
    this.#rests = new Float64Array(cursors.length + 1);
  }

  get candidates(): number {
    return this.#candidates;
  }

  get postingsRead(): number {
    return this.#cursors.reduce((sum, cursor) => sum + cursor.postingsRead, 0);
  }

  /** Of the window from `start` to before `end`; windows ascend. */
  window(start: number, end: number): void {
    const [cursors, rests] = [this.#cursors, this.#rests];
    for (let at = cursors.length - 1; at >= 0; at -= 1) rests[at] = rests[at + 1]! + cursors[at]!.bound(start, end);
    const floor = this.#floor;
    let essential = cursors.length;
    while (essential > 0 && rests[essential - 1]! < floor) essential -= 1;
    if (essential === 0) return;
    const mask = this.#mask?.of(start, end);
    if (mask === NO_ORDINAL) return;
    if (mask !== undefined && isSparse(mask)) this.#walkMask(start, mask);
    else {
      let postings = 0;
      for (let at = 0; at < essential; at += 1) postings += cursors[at]!.accumulate(start, end, this.#accumulators);
      if (postings > MANY_POSTINGS) this.#collectMany(start, end, essential, mask);
      else this.#collect(start, essential, mask);
    }
  }

  /** A sum of parts and bounds below this is below the threshold in whatever order it is added up. */
  get #floor(): number {
    const { threshold } = this.#top;
    return threshold === -Infinity ? threshold : threshold - ROUNDING * (this.#rests[0]! + Math.abs(threshold));
  }

  /** Completes the scores that the first `essential` clauses have begun, and leaves the accumulators empty. */
  #collect(start: number, essential: number, mask: Uint32Array | undefined): void {
    const { scores, touched } = this.#accumulators;
    const rest = this.#rests[essential]!;
    let floor = this.#floor;
    for (let word = 0; word < touched.length; word += 1) {
      let bits = touched[word]!;
      if (bits === 0) continue;
      touched[word] = 0;
      const allowed = mask === undefined ? -1 : mask[word]!;
      while (bits !== 0) {
        const bit = 31 - Math.clz32(bits & -bits);
        bits &= bits - 1;
        const at = (word << 5) | bit;
        const score = scores[at]!;
        scores[at] = 0;
        if (score + rest < floor || ((allowed >>> bit) & 1) === 0) continue;
        this.#complete(start + at, score, essential, true);
        floor = this.#floor;
      }
    }
  }

  /** The same, by looking at every ordinal. */
  #collectMany(start: number, end: number, essential: number, mask: Uint32Array | undefined): void {
    const { scores, touched } = this.#accumulators;
    const rest = this.#rests[essential]!;
    let floor = this.#floor;
    const count = end - start;
    for (let at = 0; at < count; at += 1) {
      const score = scores[at]!;
      if (score + rest < floor || ((touched[at >>> 5]! >>> (at & 31)) & 1) === 0) continue;
      if (mask !== undefined && ((mask[at >>> 5]! >>> (at & 31)) & 1) === 0) continue;
      this.#complete(start + at, score, essential, true);
      floor = this.#floor;
    }
    scores.fill(0, 0, count);
    touched.fill(0);
  }

  #walkMask(start: number, mask: Uint32Array): void {
    for (let word = 0; word < mask.length; word += 1) {
      for (let bits = mask[word]!; bits !== 0; bits &= bits - 1) {
        this.#complete(start + (word << 5) + 31 - Math.clz32(bits & -bits), 0, 0, false);
      }
    }
  }

  /** Adds what the clauses from `from` on give an ordinal, unless it cannot reach the threshold. */
  #complete(ordinal: number, begun: number, from: number, isTouched: boolean): void {
    if (this.#part.deleted.has(ordinal)) return;
    if (this.#among !== undefined && !this.#among.has(this.#part.rows[ordinal]!)) return;
    this.#candidates += 1;
    const floor = this.#floor;
    let [score, isMatch] = [begun, isTouched];
    for (let at = from; at < this.#cursors.length; at += 1) {
      const cursor = this.#cursors[at]!;
      // Unpacking a block takes as long as all the rest.
      if (score + cursor.blockBound(ordinal) + this.#rests[at + 1]! < floor) return;
      const part = cursor.part(ordinal);
      if (part === undefined) continue;
      score += part;
      isMatch = true;
    }
    if (isMatch) this.#top.offer(this.#part.rows[ordinal]!, score);
  }
}

function isSparse(mask: Uint32Array): boolean {
  let ordinals = 0;
  for (let word = 0; word < mask.length && ordinals <= FEW_ORDINALS; word += 1) {
    for (let bits = mask[word]!; bits !== 0; bits &= bits - 1) ordinals += 1;
  }
  return ordinals <= FEW_ORDINALS;
}
