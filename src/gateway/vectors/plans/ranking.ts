import type { Scalar } from '../../../contract/vectors/filter.ts';

/** Ids, the best first, each once, and their scores: larger ones are better. */
export interface Ranking {
  readonly ids: readonly string[];
  readonly scores: readonly number[];
}

export const NOTHING_FOUND: Ranking = { ids: [], scores: [] };

/** A ranking on its way through the stages. */
export interface Candidates extends Ranking {
  /** The value of each id that a stage has grouped it by. */
  readonly groups?: ReadonlyMap<string, Scalar>;
}

export const firstOf = ({ ids, scores }: Ranking, count: number): Ranking => ({ ids: ids.slice(0, count), scores: scores.slice(0, count) });

export const behind = ({ ids, scores }: Ranking, count: number): Ranking => ({ ids: ids.slice(count), scores: scores.slice(count) });

export const joined = (...parts: readonly Ranking[]): Ranking => ({
  ids: parts.flatMap(({ ids }) => ids),
  scores: parts.flatMap(({ scores }) => scores),
});

/** Those of a ranking at some positions, in their order. */
export const pickedFrom = ({ ids, scores }: Ranking, positions: readonly number[]): Ranking => ({
  ids: positions.map((at) => ids[at]!),
  scores: positions.map((at) => scores[at]!),
});

/** Ids by falling scores; equal ones in the code unit order of their ids. */
export function rankedBy(ids: readonly string[], scores: readonly number[]): Ranking {
  const order = [...ids.keys()].sort((a, b) => scores[b]! - scores[a]! || (ids[a]! < ids[b]! ? -1 : 1));
  return pickedFrom({ ids, scores }, order);
}
