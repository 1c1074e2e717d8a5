import { must } from '../../../src/kernel/assert.ts';
import { BoundedHeap } from '../../../src/kernel/heap.ts';
import type { Collection } from '../encoders/collections.ts';
import type { Encoded } from '../models/real/variant-figures.ts';

/** What a leg finds of one query: positions of documents as ids, best first. */
export interface FoundLeg {
  readonly ids: readonly string[];
  readonly scores: readonly number[];
}

const DEPTH = 100;
const [K1, B] = [1.2, 0.75];

/** The short list of stop words of Lucene. */
const STOP_WORDS = new Set(
  'a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was will with'.split(
    ' ',
  ),
);

/** Words as they are, without stop words; names of code by their parts, and Chinese by pairs of characters. */
const termsOf = (text: string): string[] =>
  (
    text
      .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
      .toLowerCase()
      .match(/\p{Script=Han}+|[\p{L}\p{N}]+/gu) ?? []
  ).flatMap((word) => {
    if (!/^\p{Script=Han}/u.test(word) || word.length === 1) return STOP_WORDS.has(word) ? [] : [word];
    return Array.from({ length: word.length - 1 }, (_, at) => word.slice(at, at + 2));
  });

/** BM25 of every document, so that no engine's pruning or rounding takes part. */
export function wordLegs({ documents, queries }: Collection): FoundLeg[] {
  const postings = new Map<string, Map<number, number>>();
  const lengths = documents.map((text, document) => {
    const terms = termsOf(text);
    for (const term of terms) {
      const found = postings.get(term) ?? new Map<number, number>();
      postings.set(term, found.set(document, (found.get(document) ?? 0) + 1));
    }
    return terms.length;
  });
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  return queries.map((query) => {
    const scores = new Float64Array(documents.length);
    for (const term of termsOf(query)) {
      const found = postings.get(term) ?? new Map<number, number>();
      const rarity = Math.log(1 + (documents.length - found.size + 0.5) / (found.size + 0.5));
      for (const [document, count] of found) {
        const norm = K1 * (1 - B + (B * must(lengths[document], 'a document')) / mean);
        scores[document]! += (rarity * count * (K1 + 1)) / (count + norm);
      }
    }
    return bestOf(scores, 0);
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
    return bestOf(scores, -Infinity);
  });
}

function bestOf(scores: Float64Array, above: number): FoundLeg {
  const best = new BoundedHeap<{ readonly id: string; readonly score: number }>(
    DEPTH,
    (a, b) => b.score - a.score || (a.id < b.id ? -1 : 1),
  );
  scores.forEach((score, position) => {
    if (score > above) best.push({ id: String(position), score });
  });
  const sorted = best.toSorted();
  return { ids: sorted.map(({ id }) => id), scores: sorted.map(({ score }) => score) };
}
