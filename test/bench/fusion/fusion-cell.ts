import { must } from '../../../src/kernel/assert.ts';
import type { DefaultRule } from '../../../src/text/fusion/default-rule.ts';
import { chooseFusion, EXPECTED_QUALITY } from '../../../src/text/fusion/default-rule.ts';
import type { Fusion } from '../../../src/text/fusion/fuse.ts';
import { fuse } from '../../../src/text/fusion/fuse.ts';
import { measured } from '../../../src/text/judging/measures.ts';
import type { Collection } from '../encoders/collections.ts';
import type { FoundLeg } from './exact-legs.ts';

const NDCG = { kind: 'ndcg', k: 10 } as const;

/** What each query of a collection finds by words, and by the vectors of one model. */
export class FusionCell {
  readonly collection: string;
  readonly #relevance: Collection['relevance'];
  readonly #pairs: readonly (readonly [words: FoundLeg, vectors: FoundLeg])[];
  /** By leg and query. */
  readonly #alone: readonly (readonly number[])[];
  readonly #expected: readonly [words: number, vectors: number];

  /** `expected`: what legs of such vectors reach beside BM25. */
  constructor({ name, relevance }: Collection, words: readonly FoundLeg[], vectors: readonly FoundLeg[], expected: number) {
    this.collection = name;
    this.#relevance = relevance;
    this.#pairs = words.map((leg, query) => [leg, must(vectors[query], 'a leg of each query')]);
    this.#alone = [0, 1].map((leg) => this.#pairs.map((pair, query) => this.#ndcgOf(must(pair[leg], 'two legs').ids, query)));
    this.#expected = [EXPECTED_QUALITY.words, expected];
  }

  /** nDCG@10 of each leg. */
  get alone(): readonly number[] {
    return this.#alone.map(meanOf);
  }

  /** Of both, in equal parts. */
  fused(fusion: Fusion): number {
    return this.#mean(
      (pair) =>
        fuse(
          pair.map((leg) => ({ ...leg, weight: 0.5 })),
          fusion,
        ).ids,
    );
  }

  /** As the default rule has it, or another one. Judged weights of one half of the queries come of the other half alone. */
  byDefault({ isJudged, rule }: { readonly isJudged: boolean; readonly rule?: DefaultRule | undefined }): number {
    return this.#mean((pair, query) => {
      const known = pair.map((leg, at) => ({
        ...leg,
        judged: isJudged ? this.#judgedBy(at, query % 2) : null,
        expected: must(this.#expected[at], 'two legs'),
      }));
      const { fusion, weights } = chooseFusion(known, rule);
      return fuse(
        known.map((leg, at) => ({ ...leg, weight: must(weights[at], 'a weight') })),
        fusion,
      ).ids;
    });
  }

  #judgedBy(leg: number, half: number): number {
    return meanOf(must(this.#alone[leg], 'two legs').filter((_, query) => query % 2 !== half));
  }

  #mean(ranked: (pair: readonly [FoundLeg, FoundLeg], query: number) => readonly string[]): number {
    return meanOf(this.#pairs.map((pair, query) => this.#ndcgOf(ranked(pair, query), query)));
  }

  #ndcgOf(ids: readonly string[], query: number): number {
    const gains = new Map([...must(this.#relevance[query], 'a query')].map(([position, gain]) => [String(position), gain]));
    return measured(ids, gains, NDCG);
  }
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
