import type { NamingCommit } from './lineage-names.ts';
import { LineageNames } from './lineage-names.ts';
import { NumberTable } from './number-table.ts';

/** One commit, as far as debt is concerned. */
export interface Change extends NamingCommit {
  readonly author: string;
  readonly atS: number;
  readonly files: readonly ChangedFile[];
}

export interface ChangedFile {
  readonly path: string;
  /** The name it had before, where the commit renamed it. */
  readonly before?: string;
  /** Lines added and deleted. */
  readonly lines: number;
}

/** What of a history is kept between runs: all of it decays, so that later changes are added without reading earlier ones again. */
export interface HistoryState {
  readonly atS: number;
  /** When the first commit that is known was made. */
  readonly firstS: number;
  readonly churn: Readonly<Record<string, number>>;
  /** Changed lines of each file by author. */
  readonly authors: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** When each author last changed each file. */
  readonly lastChange: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const CHURN_HALF_LIFE_S = 90 * 86_400;
/** Knowing code fades more slowly than work on it does. */
const AUTHORSHIP_HALF_LIFE_S = 365 * 86_400;
/** A commit of more files, such as a change of format or licence headers, says nothing of any. */
const FILES_MAX_COUNT = 200;

const EMPTY: HistoryState = {
  atS: 0,
  firstS: Number.MAX_SAFE_INTEGER,
  churn: {},
  authors: {},
  lastChange: {},
};

const decay = (ageS: number, halfLifeS: number): number => 2 ** (-Math.max(0, ageS) / halfLifeS);

/** Churn and authorship, from the commits of a repository, the newest first. [D13] */
export class ChangeHistory {
  readonly #nowS: number;
  #firstS = Number.MAX_SAFE_INTEGER;
  readonly #churn = new Map<string, number>();
  readonly #authors = new NumberTable();
  readonly #lastChange = new NumberTable();
  readonly #names = new LineageNames();

  constructor(nowS: number) {
    this.#nowS = nowS;
  }

  /** Adds a commit whose children were all added before; merges have no files. */
  add(change: Change): void {
    const { author, atS, files } = change;
    this.#firstS = Math.min(this.#firstS, atS);
    const weight = decay(this.#nowS - atS, CHURN_HALF_LIFE_S);
    const knowledge = decay(this.#nowS - atS, AUTHORSHIP_HALF_LIFE_S);
    this.#names.enter(change);
    const renamed = files.flatMap(({ path, before }) => (before === undefined ? [] : [{ before, now: this.#names.nameOf(path) }]));
    for (const { path, lines } of files) {
      const name = this.#names.nameOf(path);
      if (files.length > FILES_MAX_COUNT) continue;
      this.#churn.set(name, (this.#churn.get(name) ?? 0) + weight);
      this.#authors.add(name, author, lines * knowledge);
      this.#lastChange.raise(name, author, atS);
    }
    this.#names.leave(change, renamed);
  }

  /** With what was known of a commit and those before it. */
  after(earlier: HistoryState = EMPTY, commit: NamingCommit = {}): HistoryState {
    const ageS = this.#nowS - earlier.atS;
    const [churnLeft, knowledgeLeft] = [decay(ageS, CHURN_HALF_LIFE_S), decay(ageS, AUTHORSHIP_HALF_LIFE_S)];
    const nameOf = this.#names.of(commit);
    for (const [path, churn] of Object.entries(earlier.churn)) {
      const name = nameOf(path);
      this.#churn.set(name, (this.#churn.get(name) ?? 0) + churn * churnLeft);
    }
    for (const [path, authors] of Object.entries(earlier.authors)) {
      for (const [author, lines] of Object.entries(authors)) this.#authors.add(nameOf(path), author, lines * knowledgeLeft);
    }
    for (const [path, authors] of Object.entries(earlier.lastChange)) {
      for (const [author, atS] of Object.entries(authors)) this.#lastChange.raise(nameOf(path), author, atS);
    }
    return {
      atS: this.#nowS,
      firstS: Math.min(this.#firstS, earlier.firstS),
      churn: Object.fromEntries(this.#churn),
      authors: objectOf(this.#authors),
      lastChange: objectOf(this.#lastChange),
    };
  }
}

const objectOf = (table: NumberTable): Record<string, Record<string, number>> =>
  Object.fromEntries([...table].map(([row, numbers]) => [row, Object.fromEntries(numbers)]));
