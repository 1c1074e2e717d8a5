import { NumberTable } from '../evidence/number-table.ts';

/** One commit as far as teams are concerned. */
export interface AuthoredChange {
  readonly author: string;
  readonly atS: number;
  /** Components of its files, each once. */
  readonly components: readonly string[];
  /** Lines changed in each, in their order. */
  readonly lines: readonly number[];
}

/** Who changed what, when and together, as measured from commits. */
export interface TeamHistory {
  readonly nowS: number;
  /** Changed lines of each component by author, each halved every year: who knows it. */
  readonly knowledge: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** When each author last changed each component, in seconds. */
  readonly lastAtS: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Commits of each component by author, of the last 26 weeks. */
  readonly recent: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Commits that changed both of two components, each halved every 180 days. */
  readonly together: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Commits of each author by week before now, week 0 first. */
  readonly weekly: ReadonlyMap<string, ReadonlyMap<number, number>>;
}

const DAY_S = 86_400;
export const WEEK_S = 7 * DAY_S;
const KNOWLEDGE_HALF_LIFE_S = 365 * DAY_S;
const TOGETHER_HALF_LIFE_S = 180 * DAY_S;
export const RECENT_WEEKS = 26;
/** A commit that changes more components, such as one of a format, says of no two that they belong together. */
const COMPONENTS_MAX_COUNT = 10;

/** Adds up the history of commits in any order. */
export class TeamHistoryBuilder implements TeamHistory {
  readonly nowS: number;
  readonly knowledge = new NumberTable();
  readonly lastAtS = new NumberTable();
  readonly recent = new NumberTable();
  readonly together = new NumberTable();
  readonly weekly = new NumberTable<number>();

  constructor(nowS: number) {
    this.nowS = nowS;
  }

  add({ author, atS, components, lines }: AuthoredChange): void {
    const ageS = Math.max(0, this.nowS - atS);
    const week = Math.floor(ageS / WEEK_S);
    this.weekly.add(author, week, 1);
    components.forEach((component, i) => {
      this.knowledge.add(component, author, (lines[i] ?? 0) * 2 ** (-ageS / KNOWLEDGE_HALF_LIFE_S));
      if (week < RECENT_WEEKS) this.recent.add(component, author, 1);
      this.lastAtS.raise(component, author, atS);
    });
    if (components.length > COMPONENTS_MAX_COUNT) return;
    const weight = 2 ** (-ageS / TOGETHER_HALF_LIFE_S);
    for (const one of components) {
      for (const other of components) if (one !== other) this.together.add(one, other, weight);
    }
  }
}
