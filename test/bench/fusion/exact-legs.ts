import { BoundedHeap } from '../../../src/kernel/heap.ts';
import type { Analyser } from '../../../src/text/analysis/analyser.ts';
import type { Collection } from '../encoders/collections.ts';
import type { Encoded } from '../models/real/variant-figures.ts';
import { ExhaustiveBm25 } from '../../../src/text/judging/exhaustive-bm25.ts';

/** What a leg finds of one query: positions of documents as ids, best first. */
export interface FoundLeg {
  readonly ids: readonly string[];
  readonly scores: readonly number[];
}

const DEPTH = 100;

/** BM25 of every document that has a word of the query, so that no engine's pruning or rounding takes part. */
export function wordLegs({ documents, queries }: Collection, analyser: Analyser): FoundLeg[] {
  const index = new ExhaustiveBm25(documents, analyser);
  return queries.map((query) => {
    const best = index.best(query, DEPTH);
    return { ids: best.map(({ position }) => String(position)), scores: best.map(({ score }) => score) };
  });
}

/** Dot products with every document. */
export function vectorLegs({ dimensions, queries, documents }: Encoded): FoundLeg[] {
  return Array.from({ length: queries.length / dimensions }, (_, query) => {
    const scores = new Float64Array(documents.length / dimensions);
    for (let document = 0; document < scores.length; document++) {
      let score = 0;
      for (let d = 0; d < dimensions; d++) score += queries[query * dimensions + d]! * documents[document * dimensions + d]!;
      scores[document] = score;
    }
    return bestOf(scores);
  });
}

function bestOf(scores: Float64Array): FoundLeg {
  const best = new BoundedHeap<{ readonly id: string; readonly score: number }>(
    DEPTH,
    (a, b) => b.score - a.score || (a.id < b.id ? -1 : 1),
  );
  scores.forEach((score, position) => best.push({ id: String(position), score }));
  const sorted = best.toSorted();
  return { ids: sorted.map(({ id }) => id), scores: sorted.map(({ score }) => score) };
}
