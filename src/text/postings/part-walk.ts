import { Candidates } from './candidates.ts';
import type { Accumulators } from './clause-cursor.ts';
import { ClauseCursor, WINDOW_ORDINALS } from './clause-cursor.ts';
import type { PostingPart } from './posting-part.ts';
import type { RowFilter } from './sparse-query.ts';
import type { TopRows } from './top-rows.ts';
import { NO_ORDINAL, type WindowMask } from './window-mask.ts';

/** Of the scores at hand, how far apart two sums of the same numbers in different orders can be; thousands of additions stay far below. */
const ROUNDING = 1e-12;

/** Finding what a clause adds to an ordinal takes as long as adding up so many of its postings. */
const LOOKUP_POSTINGS = 4;

/** A window with more postings is collected ordinal by ordinal, as most have one: finding those that do takes longer. */
const MANY_POSTINGS = WINDOW_ORDINALS / 4;

/** Memory of walks, used again. */
export class WalkScratch {
  readonly accumulators: Accumulators = {
    scores: new Float64Array(WINDOW_ORDINALS),
    touched: new Uint32Array(WINDOW_ORDINALS / 32),
  };
  readonly candidates = new Candidates(WINDOW_ORDINALS);
  readonly filtered = new Uint32Array(WINDOW_ORDINALS / 32);
  readonly #cursors: ClauseCursor[] = [];

  cursor(at: number): ClauseCursor {
    return (this.#cursors[at] ??= new ClauseCursor());
  }
}

/** What a part is searched for, and with which memory. */
interface PartSearch {
  /** How many its cursors have in all. */
  readonly postings: number;
  readonly top: TopRows;
  readonly among: RowFilter | undefined;
  readonly mask: WindowMask | undefined;
  readonly scratch: WalkScratch;
}

/**
 * Searches one part for the first rows of a disjunction: MaxScore (Turtle and Flood 1995) by windows of ordinals, with the block maxima that
 * each overlaps (as Lucene's bulk scorer). Clauses come by weight, the highest first: those at the end of this order that cannot lift a row to the
 * threshold together are only read for rows that the others have found, one clause after the other. So every score is the sum of its parts in this one order. [TX50]
 */
export class PartWalk {
  readonly #part: PostingPart;
  readonly #cursors: readonly ClauseCursor[];
  readonly #postings: number;
  readonly #top: TopRows;
  readonly #among: RowFilter | undefined;
  readonly #mask: WindowMask | undefined;
  readonly #accumulators: Accumulators;
  readonly #found: Candidates;
  readonly #filtered: Uint32Array;
  // By clause: the most that it and those behind it add to a score in this window.
  readonly #rests: Float64Array;
  #candidates = 0;

  constructor(part: PostingPart, cursors: readonly ClauseCursor[], { postings, top, among, mask, scratch }: PartSearch) {
    this.#part = part;
    this.#cursors = cursors;
    this.#postings = postings;
    this.#top = top;
    this.#among = among;
    this.#mask = mask;
    this.#accumulators = scratch.accumulators;
    this.#found = scratch.candidates;
    this.#filtered = scratch.filtered;
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
    const allowed = this.#allowed(start, end);
    if (allowed === NO_ORDINAL) return;
    if (allowed !== undefined && this.#isSparse(allowed, end - start)) {
      this.#takeMask(start, allowed);
      essential = 0;
    } else {
      let postings = 0;
      for (let at = 0; at < essential; at += 1) postings += cursors[at]!.accumulate(start, end, this.#accumulators, allowed);
      if (allowed === undefined && postings > MANY_POSTINGS) this.#takeMany(start, end, essential, floor);
      else this.#take(start, essential, floor);
    }
    this.#offer(essential, floor);
  }

  /** A sum of parts and bounds below this is below the threshold in whatever order it is added up. */
  get #floor(): number {
    const { threshold } = this.#top;
    return threshold === -Infinity ? threshold : threshold - ROUNDING * (this.#rests[0]! + Math.abs(threshold));
  }

  /**
   * Which ordinals of a window may match; undefined: any. What the filter shuts out is left out where the rows of the window have no gap; elsewhere
   * the filter is asked about rows whose scores are good enough.
   */
  #allowed(start: number, end: number): Uint32Array | undefined {
    const mask = this.#mask?.of(start, end);
    const { rows } = this.#part;
    const isGapless = end - 1 - start === rows[end - 1]! - rows[start]!;
    if (this.#among === undefined || !isGapless || mask === NO_ORDINAL) return mask;
    const filtered = this.#filtered;
    this.#among.bits(rows[start]!, filtered);
    let any = 0;
    for (let word = 0; word < filtered.length; word += 1) {
      if (mask !== undefined) filtered[word]! &= mask[word]!;
      any |= filtered[word]!;
    }
    return any === 0 ? NO_ORDINAL : filtered;
  }

  /** Whether looking up each ordinal takes less than adding up the postings that a window of this many has in the mean. */
  #isSparse(allowed: Uint32Array, ordinals: number): boolean {
    const few = (this.#postings / this.#part.rows.length) * (ordinals / (LOOKUP_POSTINGS * this.#cursors.length));
    let count = 0;
    for (let word = 0; word < allowed.length && count <= few; word += 1) {
      for (let bits = allowed[word]!; bits !== 0; bits &= bits - 1) count += 1;
    }
    return count <= few;
  }

  /** Takes the rows of the window that the clauses behind the essential ones may lift to the floor, and leaves the accumulators empty. */
  #take(start: number, essential: number, floor: number): void {
    const { scores, touched } = this.#accumulators;
    let least = floor - this.#rests[essential]!;
    for (let word = 0; word < touched.length; word += 1) {
      let bits = touched[word]!;
      if (bits === 0) continue;
      touched[word] = 0;
      while (bits !== 0) {
        const bit = 31 - Math.clz32(bits & -bits);
        bits &= bits - 1;
        const at = (word << 5) | bit;
        const score = scores[at]!;
        scores[at] = 0;
        if (score >= least) least = this.#takeOne(start + at, score, essential, least);
      }
    }
  }

  /** The same, by looking at every ordinal. */
  #takeMany(start: number, end: number, essential: number, floor: number): void {
    const { scores, touched } = this.#accumulators;
    let least = floor - this.#rests[essential]!;
    const count = end - start;
    for (let at = 0; at < count; at += 1) {
      const score = scores[at]!;
      if (score < least || ((touched[at >>> 5]! >>> (at & 31)) & 1) === 0) continue;
      least = this.#takeOne(start + at, score, essential, least);
    }
    scores.fill(0, 0, count);
    touched.fill(0);
  }

  #takeMask(start: number, mask: Uint32Array): void {
    for (let word = 0; word < mask.length; word += 1) {
      for (let bits = mask[word]!; bits !== 0; bits &= bits - 1) {
        const ordinal = start + (word << 5) + 31 - Math.clz32(bits & -bits);
        if (this.#isLive(ordinal)) this.#found.push(ordinal, 0, 0);
      }
    }
  }

  /** A score that is whole is offered at once. Returns what others of the window have to reach. */
  #takeOne(ordinal: number, score: number, essential: number, least: number): number {
    if (!this.#isLive(ordinal)) return least;
    if (essential < this.#cursors.length) {
      this.#found.push(ordinal, score, 1);
      return least;
    }
    this.#candidates += 1;
    this.#top.offer(this.#part.rows[ordinal]!, score);
    return this.#top.threshold;
  }

  #isLive(ordinal: number): boolean {
    if (this.#part.deleted.has(ordinal)) return false;
    return this.#among === undefined || this.#among.has(this.#part.rows[ordinal]!);
  }

  /** Completes what was taken by the clauses from `from` on, clause by clause, and offers what may be among the first. */
  #offer(from: number, floor: number): void {
    const [found, cursors] = [this.#found, this.#cursors];
    this.#candidates += found.count;
    for (let at = from; at < cursors.length && found.count > 0; at += 1) cursors[at]!.complete(found, this.#rests[at + 1]!, floor);
    const { ordinals, scores, matched } = found;
    const [top, rows] = [this.#top, this.#part.rows];
    for (let i = 0; i < found.count; i += 1) {
      if (matched[i] === 1 && scores[i]! >= top.threshold) top.offer(rows[ordinals[i]!]!, scores[i]!);
    }
    found.count = 0;
  }
}
