/** What was found, and how good it is. */
export interface Match {
  readonly id: string;
  /** Larger is better. */
  readonly score: number;
}

/** Matches, the best first, each id once. */
export type Ranking = readonly Match[];

export const idsOf = (ranking: Ranking): string[] => ranking.map(({ id }) => id);

/** By falling scores; equal ones in the code unit order of their ids. */
export const ranked = (matches: Ranking): Ranking => matches.toSorted((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
