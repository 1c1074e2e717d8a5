import type { Metric } from '../../contract/index-settings.ts';
import { compareScores } from '../../ann/metric.ts';
import type { ShardMatches } from '../../ann/shard-protocol.ts';

/** A match of one of several answers: where it stands there. */
export interface MergedMatch {
  readonly id: string;
  readonly score: number;
  /** Which answer, and which of its matches. */
  readonly from: number;
  readonly at: number;
}

/** What is needed of an answer to merge it. */
type Ranked = Pick<ShardMatches, 'ids' | 'scores'> & { readonly versions?: readonly number[] | undefined };

/**
 * The closest `topK` of several answers, each closest first; equal scores in the code unit order of their ids. An id that several answers
 * have (a vector near a border is in two shards, a moving one in both) counts once, as in the answer where its version is highest.
 */
export function mergeMatches(metric: Metric, answers: readonly Ranked[], topK: number): MergedMatch[] {
  const newest = new Map<string, MergedMatch & { readonly version: number }>();
  for (const [from, { ids, scores, versions }] of answers.entries()) {
    for (const [at, id] of ids.entries()) {
      const version = versions?.[at] ?? 0;
      const other = newest.get(id);
      if (other === undefined || version > other.version) newest.set(id, { id, score: scores[at] ?? NaN, from, at, version });
    }
  }
  return [...newest.values()]
    .sort((a, b) => compareScores(metric, a.score, b.score) || (a.id < b.id ? -1 : 1))
    .slice(0, topK)
    .map(({ id, score, from, at }) => ({ id, score, from, at }));
}
