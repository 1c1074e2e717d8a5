import { expect, it } from 'vitest';

import { measureRetrieval, qualityOf } from '../../../workers/builds/measure-retrieval.ts';
import type { TextEmbedder } from '../../../workers/builds/text-embedder.ts';

const WORDS = Array.from({ length: 40 }, (_, i) => `word${i}`);

/** Gives each text the unit vector of its number; those of queries are moved by `shift`. */
const embedder = (shift: (i: number) => number): TextEmbedder => ({
  embed: async (texts, use) => {
    const vectors = new Float32Array(texts.length * 50);
    for (const [i, text] of texts.entries()) {
      const number = Number(/\d+/.exec(text)?.[0]);
      vectors[i * 50 + (use === 'query' ? shift(number) : number)] = 1;
    }
    return { dimensions: 50, vectors };
  },
  close: async () => undefined,
});

/** The last `count` words are asked for; what a model has no word for finds the first ten texts. */
const judged = (count: number, textOf = (word: string) => `all of ${word}`) => ({
  queries: WORDS.slice(-count),
  documents: WORDS.map(textOf),
  relevance: WORDS.slice(-count).map((word) => new Map([[WORDS.indexOf(word), 1]])),
});

it('[M214] a model is measured by the nDCG@10 that it reaches, and BM25 on the same texts', async () => {
  const own = (i: number) => i;
  const right = await measureRetrieval(embedder(own), judged(40), 'english');
  expect(right).toEqual({ queries: 40, documents: 40, language: 'english', ndcgAt10: 1, bm25NdcgAt10: 1 });
  const third = await measureRetrieval(
    embedder((i) => (i % 3 === 0 ? i : 45)),
    judged(30),
    'english',
  );
  expect([third.ndcgAt10, third.bm25NdcgAt10, qualityOf(third)]).toEqual([1 / 3, 1, 0.33]);
});

it.each<[string, number, (word: string) => string, (i: number) => number, string]>([
  ['few queries', 29, (word) => word, (i) => i, 'There are 29 queries, and fewer than 30'],
  ['texts of which BM25 finds none', 30, () => 'text', (i) => i, 'BM25 finds none of the relevant documents'],
  ['texts of which the model finds none', 30, (word) => word, () => 45, 'The model finds none of the relevant documents'],
])('[M214] nothing is taken from %s', async (_, count, textOf, shift, message) => {
  await expect(measureRetrieval(embedder(shift), judged(count, textOf), 'english')).rejects.toThrow(message);
});
