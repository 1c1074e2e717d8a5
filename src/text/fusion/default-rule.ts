import { assert } from '../../kernel/assert.ts';
import type { Fusion } from './fuse.ts';
import { relativeTo } from './fuse.ts';

/** What is known of a leg when its weight is chosen. */
export interface KnownLeg {
  /** Of what it found, descending. */
  readonly scores: ArrayLike<number>;
  /** nDCG@10 that it reached alone on judgements of the index, in [0, 1]; null: it was not judged. */
  readonly judged: number | null;
  /** What its kind reaches on collections of all sorts, with BM25 as 1: see `EXPECTED_QUALITY`. */
  readonly expected: number;
}

/**
 * What kinds of legs reach, as shares of what BM25 does on the same collection. Measured with eight collections, exact legs of depth 100 (`bench --
 * fusion`): MiniLM, e5-small, bge-small and multilingual-e5 reach .87 to 1.9 of BM25, SPLADE-tiny .95. Tables of one vector a piece reach less (.27 to .94 in
 * languages that they know); those of the deployment state what they reach [M213]. What legs look like tells tables and encoders apart badly: both agree
 * with BM25 on as many documents.
 */
export const EXPECTED_QUALITY = { words: 1, encoder: 1.05, sparseEncoder: 0.95 } as const;

/** What the default rule chose for the legs of a query. */
export interface DefaultChoice {
  readonly fusion: Fusion;
  /** By leg; they add up to 1. */
  readonly weights: readonly number[];
  /** By which quality: `judged` if every leg that found something was judged. */
  readonly basis: 'judged' | 'expected';
  /** By leg, what its weight came from; the level is null where judgements made it needless or the leg found nothing. */
  readonly legs: readonly { readonly quality: number; readonly level: number | null }[];
}

/** Sums of min-max scores were above reciprocal ranks and distributions in nearly all cells of encoder and collection. */
const FUSION: Fusion = { kind: 'sum', normaliser: 'min_max' };
/** Of quality: with 4 to 6 no cell lost more than .008 to its better leg by judged weights; with 2, .022; equal weights lost up to .09 with encoders. */
const QUALITY_POWER = 5;
/** Of e, times the level: with 5 to 6 expected weights lost .007 at most; with 8, .026; without, .103, where questions share no words with what answers them. */
const LEVEL_WEIGHT = 6;
/** The level of most legs of 100, and how many results it counts as. */
const USUAL_LEVEL = 0.2;
const USUAL_COUNT = 10;

/**
 * Chooses the fusion of a query that names none.
 *
 * Equal weights lose to BM25 with a weak encoder and to a strong encoder on code, so weights follow quality: what judgements of the index say of each leg,
 * or, without them, what is expected of its kind and how far its best results stand out from its others. Agreement between legs was tried as well;
 * it says whether both are good, not which one is.
 */
export function chooseFusion(legs: readonly KnownLeg[]): DefaultChoice {
  const found = legs.filter(({ scores }) => scores.length > 0);
  const isJudged = found.length > 0 && found.every(({ judged }) => judged !== null);
  const standings = legs.map((leg) => {
    const quality = (isJudged ? leg.judged : leg.expected) ?? 0;
    assert(Number.isFinite(quality) && quality >= 0, 'the quality of a leg is finite and not negative');
    return { quality, level: isJudged || leg.scores.length === 0 ? null : levelOf(leg.scores) };
  });
  const strengths = standings.map(({ quality, level }, at) =>
    legs[at]!.scores.length === 0 ? 0 : quality ** QUALITY_POWER * Math.exp(-LEVEL_WEIGHT * (level ?? 0)),
  );
  const total = strengths.reduce((sum, strength) => sum + strength, 0);
  return {
    fusion: FUSION,
    weights: strengths.map((strength) => (total > 0 ? strength / total : 1 / legs.length)),
    basis: isJudged ? 'judged' : 'expected',
    legs: standings,
  };
}

function levelOf(scores: ArrayLike<number>): number {
  const relative = relativeTo(scores);
  let sum = USUAL_LEVEL * USUAL_COUNT;
  for (let at = 0; at < scores.length; at++) sum += relative(at);
  return sum / (scores.length + USUAL_COUNT);
}
