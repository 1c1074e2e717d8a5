import { must } from '../../../src/kernel/assert.ts';
import type { DefaultRule } from '../../../src/text/fusion/default-rule.ts';
import { chooseFusion } from '../../../src/text/fusion/default-rule.ts';
import type { Fusion } from '../../../src/text/fusion/fuse.ts';
import { fuse } from '../../../src/text/fusion/fuse.ts';
import { measured } from '../../../src/text/judging/measures.ts';
import type { Collection } from '../encoders/collections.ts';
import type { FoundLeg } from './exact-legs.ts';

const NDCG = { kind: 'ndcg', k: 10 } as const;

/** A leg by query, and what such legs reach beside BM25. */
interface ExactLeg {
  readonly found: readonly FoundLeg[];
  readonly expected: number;
}

/** What each query of a collection finds by several legs: words, and the vectors of a model or two. */
export class FusionCell {
  readonly collection: string;
  readonly #relevance: Collection['relevance'];
  /** By query. */
  readonly #found: readonly (readonly FoundLeg[])[];
  /** By leg and query. */
  readonly #alone: readonly (readonly number[])[];
  readonly #expected: readonly number[];

  constructor({ name, relevance }: Collection, legs: readonly ExactLeg[]) {
    this.collection = name;
    this.#relevance = relevance;
    this.#found = relevance.map((_, query) => legs.map(({ found }) => must(found[query], 'a leg of each query')));
    this.#alone = legs.map(({ found }) => found.map(({ ids }, query) => this.#ndcgOf(ids, query)));
    this.#expected = legs.map(({ expected }) => expected);
  }

  /** nDCG@10 of each leg. */
  get alone(): readonly number[] {
    return this.#alone.map(meanOf);
  }

  /** Of all, in equal parts. */
  fused(fusion: Fusion): number {
    return this.#mean(
      (legs) =>
        fuse(
          legs.map((leg) => ({ ...leg, weight: 1 / legs.length })),
          fusion,
        ).ids,
    );
  }

  /** As the default rule has it, or another one. Judged weights of one half of the queries come of the other half alone. */
  byDefault({ isJudged, rule }: { readonly isJudged: boolean; readonly rule?: DefaultRule | undefined }): number {
    return this.#mean((legs, query) => {
      const known = legs.map((leg, at) => ({
        ...leg,
        judged: isJudged ? this.#judgedBy(at, query % 2) : null,
        expected: must(this.#expected[at], 'a leg'),
      }));
      const { fusion, weights } = chooseFusion(known, rule);
      return fuse(
        known.map((leg, at) => ({ ...leg, weight: must(weights[at], 'a weight') })),
        fusion,
      ).ids;
    });
  }

  #judgedBy(leg: number, half: number): number {
    return meanOf(must(this.#alone[leg], 'a leg').filter((_, query) => query % 2 !== half));
  }

  #mean(ranked: (legs: readonly FoundLeg[], query: number) => readonly string[]): number {
    return meanOf(this.#found.map((legs, query) => this.#ndcgOf(ranked(legs, query), query)));
  }

  #ndcgOf(ids: readonly string[], query: number): number {
    const gains = new Map([...must(this.#relevance[query], 'a query')].map(([position, gain]) => [String(position), gain]));
    return measured(ids, gains, NDCG);
  }
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
