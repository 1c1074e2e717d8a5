import { addCosts } from '../../ann/search-cost.ts';
import type { Explanation, Include, ShardMatches, ShardQuery } from '../../ann/shard-protocol.ts';
import type { Metric } from '../../contract/indexes/index-settings.ts';
import { compareScores } from '../../ann/metric.ts';
import { gatherVectors } from './answer-columns.ts';

/** What one shard answered, or several whose answers were merged before. */
export interface PartAnswer extends ShardMatches {
  /** Which shard has each match. */
  readonly shards: readonly number[];
  /** Whether it is complete up to its LSN alone, as what replicas answer is. */
  readonly isOld: boolean;
}

/** What a query is merged by. */
type Merged = Pick<ShardQuery, 'topK' | 'include'>;

/** The closest matches of all answers, as if one shard had answered. */
export function mergeAnswers(
  metric: Metric,
  dimensions: number,
  answers: readonly PartAnswer[],
  { topK, include: asked }: Merged,
): PartAnswer {
  const matches = mergeMatches(metric, answers, topK);
  const isBare = answers.some((answer) => answer.isBare);
  const include = isBare ? NOTHING : asked;
  const column = <T>(of: (answer: PartAnswer) => readonly T[] | null | undefined, otherwise: T): T[] =>
    matches.map(({ from, at }) => of(answers[from]!)?.[at] ?? otherwise);
  const missing = answers.flatMap((answer) => answer.missing ?? []);
  const explanation = explained(answers);
  return {
    ids: matches.map(({ id }) => id),
    scores: matches.map(({ score }) => score),
    ...(include.values ? gatherVectors(answers, matches, dimensions) : { values: null }),
    metadata: include.metadata ? column((answer) => answer.metadata, null) : null,
    texts: include.text ? column((answer) => answer.texts, null) : null,
    ...(include.contents === true ? { contents: column((answer) => answer.contents, null) } : {}),
    versions: column((answer) => answer.versions, 0),
    shards: column((answer) => answer.shards, 0),
    ...combinedLsn(answers),
    ...(isBare ? { isBare } : {}),
    ...(missing.length === 0 ? {} : { missing }),
    ...(explanation === undefined ? {} : { explanation }),
  };
}

const NOTHING: Include = { values: false, metadata: false, text: false };

function explained(answers: readonly ShardMatches[]): Explanation | undefined {
  const [first, ...others] = answers.flatMap(({ explanation }) => explanation ?? []);
  return first === undefined ? undefined : others.reduce(both, first);
}

const both = (a: Explanation, b: Explanation): Explanation => ({
  ...addCosts(a, b),
  engine: a.engine === b.engine ? a.engine : 'lists',
  filter: a.filter === null || b.filter === null ? null : { ...a.filter, selectedRows: sum(a.filter.selectedRows, b.filter.selectedRows) },
});

const sum = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a + b);

/** The LSN of an answer, and whether a replica gave it. */
interface AnswerLsn {
  readonly lsn: number;
  readonly isOld: boolean;
}

/**
 * The LSN of the index up to which an answer of several shards is complete. Shards have everything that was acknowledged, so the highest
 * holds for all; a replica may have no more than it states, so the lowest of those holds.
 */
function combinedLsn(answers: readonly AnswerLsn[]): AnswerLsn {
  const old = answers.filter(({ isOld }) => isOld);
  if (old.length > 0) return { lsn: Math.min(...old.map(({ lsn }) => lsn)), isOld: true };
  return { lsn: answers.reduce((most, { lsn }) => Math.max(most, lsn), 0), isOld: false };
}

/** A match of one of several answers: where it stands there. */
interface MergedMatch {
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
