import type { Interval } from '../../../kernel/paired-bootstrap.ts';
import { pairedMean, pairedRatio } from '../../../kernel/paired-bootstrap.ts';
import type { BrokenVectors, GatedTask, Relevance } from './retrieval-figures.ts';
import { brokenVectors, ndcgs, nearestOfQueries, overlaps, spearman } from './retrieval-figures.ts';

export interface GateBounds {
  /** Least mean share of the base's ten nearest documents that the candidate keeps. */
  readonly overlapMin: number;
  /** Least lower end of the interval of nDCG@10 as a share of the base's. */
  readonly ndcgRatioMin: number;
  /** How far Spearman's correlation with people may fall. */
  readonly similarityDropMax: number;
}

/** What int8 reaches with ease. A model that is made much smaller needs bounds that its owner states, and its card shows them. */
export const GATE_BOUNDS: GateBounds = { overlapMin: 0.95, ndcgRatioMin: 0.98, similarityDropMax: 0.005 };

export type GateCheckName = 'overlap@10' | 'ndcg@10 ratio' | 'similarity drop' | 'vectors not finite' | 'further zero vectors';

/** Vectors of both sides of pairs of texts, and how similar people found each pair. */
export interface GatedPairs {
  readonly dimensions: number;
  readonly left: Float32Array;
  readonly right: Float32Array;
}

/** What a candidate and its base made of the same texts. Their dimensions may differ: only rankings are compared. */
export interface GateInput {
  readonly base: GatedTask;
  readonly candidate: GatedTask;
  readonly relevance: Relevance;
  /** Absent: similarity is not measured. */
  readonly pairs?: { readonly base: GatedPairs; readonly candidate: GatedPairs; readonly scores: readonly number[] };
}

/** One thing looked at. `bound` is the least value, or the greatest where `atMost`. */
export interface GateCheck {
  readonly name: GateCheckName;
  readonly value: number;
  readonly bound: number;
  readonly atMost: boolean;
  readonly holds: boolean;
}

export interface GateVerdict {
  readonly passes: boolean;
  readonly checks: readonly GateCheck[];
  readonly queries: number;
  readonly documents: number;
  readonly overlapAt10: Interval;
  readonly ndcgAt10: { readonly base: number; readonly candidate: number; readonly ratio: Interval };
  /** Spearman's correlation with people; `null`: not measured. */
  readonly similarity: { readonly pairs: number; readonly base: number; readonly candidate: number } | null;
  readonly broken: { readonly base: BrokenVectors; readonly candidate: BrokenVectors };
}

const SEED = 20_261_127;

/**
 * Judges a candidate by its base. Similarity alone would not do: a table of three values keeps nearly all of it and changes most of the ten
 * nearest, so rankings are compared, query by query.
 */
export function judge({ base, candidate, relevance, pairs }: GateInput, bounds: GateBounds): GateVerdict {
  const [baseNearest, candidateNearest] = [nearestOfQueries(base), nearestOfQueries(candidate)];
  const overlapAt10 = pairedMean(overlaps(baseNearest, candidateNearest), SEED);
  const [baseNdcgs, candidateNdcgs] = [ndcgs(baseNearest, relevance), ndcgs(candidateNearest, relevance)];
  const ratio = pairedRatio(candidateNdcgs, baseNdcgs, SEED);
  const similarity = pairs === undefined ? null : similarityOf(pairs);
  const broken = { base: brokenOf(base, pairs?.base), candidate: brokenOf(candidate, pairs?.candidate) };
  const checks = [
    atLeast('overlap@10', overlapAt10.value, bounds.overlapMin),
    atLeast('ndcg@10 ratio', ratio.low, bounds.ndcgRatioMin),
    ...(similarity === null ? [] : [atMost('similarity drop', similarity.base - similarity.candidate, bounds.similarityDropMax)]),
    atMost('vectors not finite', broken.candidate.notFinite, 0),
    atMost('further zero vectors', broken.candidate.zero - broken.base.zero, 0),
  ];
  return {
    passes: checks.every(({ holds }) => holds),
    checks,
    queries: baseNearest.length,
    documents: base.documents.length / base.dimensions,
    overlapAt10,
    ndcgAt10: { base: mean(baseNdcgs), candidate: mean(candidateNdcgs), ratio },
    similarity,
    broken,
  };
}

// Both comparisons are false for NaN: what cannot be measured does not pass.
const atLeast = (name: GateCheck['name'], value: number, bound: number): GateCheck => ({
  name,
  value,
  bound,
  atMost: false,
  holds: value >= bound,
});
const atMost = (name: GateCheck['name'], value: number, bound: number): GateCheck => ({
  name,
  value,
  bound,
  atMost: true,
  holds: value <= bound,
});

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function similarityOf({ base, candidate, scores }: NonNullable<GateInput['pairs']>) {
  return { pairs: scores.length, base: spearman(cosines(base), scores), candidate: spearman(cosines(candidate), scores) };
}

/** The cosine of each pair; 0 where a vector is zero, NaN where one is not finite. */
function cosines({ dimensions, left, right }: GatedPairs): number[] {
  return Array.from({ length: left.length / dimensions }, (_, pair) => {
    let [xy, xx, yy] = [0, 0, 0];
    for (let d = pair * dimensions; d < (pair + 1) * dimensions; d++) {
      xy += left[d]! * right[d]!;
      xx += left[d]! ** 2;
      yy += right[d]! ** 2;
    }
    return xx === 0 || yy === 0 ? 0 : xy / Math.sqrt(xx * yy);
  });
}

function brokenOf(task: GatedTask, pairs: GatedPairs | undefined): BrokenVectors {
  const sides = [task.queries, task.documents, ...(pairs === undefined ? [] : [pairs.left, pairs.right])];
  const counts = sides.map((vectors) => brokenVectors(vectors, task.dimensions));
  return { zero: counts.reduce((sum, { zero }) => sum + zero, 0), notFinite: counts.reduce((sum, { notFinite }) => sum + notFinite, 0) };
}
