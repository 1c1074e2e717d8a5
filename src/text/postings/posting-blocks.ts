/** Postings of one block: the unit that is packed, bounded and skipped. */
export const BLOCK_POSTINGS = 128;
/** Blocks that are read or written at once when a segment is made: half a millisecond of them. */
export const PIECE_BLOCKS = 32;
export const PIECE_POSTINGS = PIECE_BLOCKS * BLOCK_POSTINGS;

/** A clause as the walk scores it: a posting adds `weight * value / (value + c0 + c1 * length)` of a text, `weight * value` of a sparse vector. */
export interface TermScorer {
  readonly isText: boolean;
  readonly weight: number;
  readonly c0: number;
  readonly c1: number;
}

/** The postings of a term in a field of a segment, in blocks: ordinals of rows, ascending, each with its value. */
export interface PostingBlocks {
  readonly count: number;
  /** The last ordinal of each block. */
  readonly lasts: Uint32Array;
  /** Fills in a block's postings; returns how many they are. */
  decode(block: number, ordinals: Uint32Array, values: Float64Array): number;
  /** By block, what no posting's part of a score exceeds when it is multiplied with the scorer's absolute weight; never negative. */
  impacts(scorer: TermScorer, lengths: Uint32Array): Float64Array;
}

/** The most that one of these values adds to a score, divided by the scorer's absolute weight. */
export function impactOf(scorer: TermScorer, value: number, length: number): number {
  if (scorer.isText) return value / (value + scorer.c0 + scorer.c1 * length);
  return Math.max(0, scorer.weight < 0 ? -value : value);
}
