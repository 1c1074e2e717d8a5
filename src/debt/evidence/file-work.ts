import { groupBy } from '../../kernel/grouped.ts';

/** A commit, by the names that its files have now. */
export interface FileCommit {
  readonly author: string;
  readonly atS: number;
  /** Its message says that it fixes something. */
  readonly isFix: boolean;
  readonly files: readonly string[];
}

/** What commits did to one file. */
export interface WorkOnFile {
  readonly commits: number;
  /** Of these, those that say that they fix something: less than two weeks apart they are one. */
  readonly repairs: number;
  readonly authors: number;
  /** Commits that changed a test, too. */
  readonly withTests: number;
}

/** Two files that commits change together. */
export interface CoupledFiles {
  readonly file: string;
  readonly other: string;
  /** Commits that changed both. */
  readonly both: number;
  /** Commits that changed the file, and the other. */
  readonly commits: readonly [ofFile: number, ofOther: number];
  /** Commits that would have changed both by chance. */
  readonly expected: number;
}

/** A commit of more files, such as a change of format or of licence headers, says nothing of any. */
export const FILES_MAX = 30;
/** Repairs of these days are one: a repair, and what mends it. */
const EPISODE_S = 14 * 86_400;
/** So many commits to both are more than a habit of one piece of work. */
const BOTH_MIN = 5;
/** Pairs may be as many as files squared: in one of twenty repositories one of them may be chance. */
const CHANCE_MAX = 0.05;
/** Of two files that most commits change, a little more than chance says nothing. */
const LIFT_MIN = 2;

const YEAR_S = 365 * 86_400;
const [YEARS_MIN, YEARS_MAX] = [3, 10];
/** A repository that rests tells by its last years of work what it would by three, had it not come to rest. */
const COMMITS_OF_WINDOW = 300;

/** Commits of so many whole years are looked at: of three, or of as many as hold 300 commits that changed the product. [D127] */
export function yearsOf(commits: readonly FileCommit[], isProduct: (path: string) => boolean, nowS: number): number {
  const times = commits.flatMap(({ files, atS }) => (files.some(isProduct) ? [atS] : [])).toSorted((a, b) => b - a);
  const wantedS = times[COMMITS_OF_WINDOW - 1] ?? -Infinity;
  return Math.min(YEARS_MAX, Math.max(YEARS_MIN, Math.ceil((nowS - wantedS) / YEAR_S)));
}

/** Those of the last years. */
export const commitsOf = (commits: readonly FileCommit[], years: number, nowS: number): readonly FileCommit[] =>
  commits.filter(({ atS }) => atS >= nowS - years * YEAR_S);

/** Commits that say something of the files they changed. */
export const focused = (commits: readonly FileCommit[]): readonly FileCommit[] =>
  commits.filter(({ files }) => files.length > 0 && files.length <= FILES_MAX);

/** What was done to each file; `isTest`: whether a path is one of a test. */
export function workOnFiles(commits: readonly FileCommit[], isTest: (path: string) => boolean): ReadonlyMap<string, WorkOnFile> {
  const touches = focused(commits).flatMap((commit) => {
    const hasTest = commit.files.some(isTest);
    return commit.files.map((file) => ({ file, commit, hasTest }));
  });
  return new Map(
    [...groupBy(touches, ({ file }) => file)].map(([file, of]) => [
      file,
      {
        commits: of.length,
        repairs: episodesOf(of.flatMap(({ commit: { isFix, atS } }) => (isFix ? [atS] : []))),
        authors: new Set(of.map(({ commit }) => commit.author)).size,
        withTests: of.filter(({ hasTest }) => hasTest).length,
      },
    ]),
  );
}

/** How many of some times are two weeks from the one before. */
function episodesOf(times: readonly number[]): number {
  let [count, lastS] = [0, -Infinity];
  for (const atS of times.toSorted((a, b) => a - b)) {
    if (atS - lastS >= EPISODE_S) count += 1;
    lastS = atS;
  }
  return count;
}

/**
 * Files that commits change together more often than chance explains, the most often first.
 *
 * Of n commits a file that a of them changed and one that b changed meet by chance in a * b / n. A pair counts if chance alone would bring as many
 * as were seen with a probability below `CHANCE_MAX` over the number of pairs (Fisher's exact test with Bonferroni's correction).
 */
export function coupledFiles(commits: readonly FileCommit[], files: ReadonlySet<string>): readonly CoupledFiles[] {
  const of = focused(commits)
    .map((commit) => commit.files.filter((file) => files.has(file)))
    .filter(({ length }) => length > 0);
  const counts = new Map<string, number>();
  for (const changed of of) for (const file of changed) counts.set(file, (counts.get(file) ?? 0) + 1);
  const pairs = new Map<string, number>();
  for (const changed of of) {
    const often = changed.filter((file) => (counts.get(file) ?? 0) >= BOTH_MIN).toSorted();
    for (const [i, file] of often.entries())
      for (const other of often.slice(i + 1)) pairs.set(`${file}\n${other}`, (pairs.get(`${file}\n${other}`) ?? 0) + 1);
  }
  const oftenChanged = [...counts.values()].filter((count) => count >= BOTH_MIN).length;
  const tested = Math.max(1, (oftenChanged * (oftenChanged - 1)) / 2);
  return [...pairs]
    .flatMap(([key, both]) => {
      if (both < BOTH_MIN) return [];
      const [file = '', other = ''] = key.split('\n');
      const [a, b] = [counts.get(file) ?? 0, counts.get(other) ?? 0];
      const expected = (a * b) / of.length;
      const isBeyondChance = both >= LIFT_MIN * expected && chanceOfSharing(both, a, b, of.length) * tested < CHANCE_MAX;
      return isBeyondChance ? [{ file, other, both, commits: [a, b] as const, expected }] : [];
    })
    .sort((a, b) => b.both - a.both || (a.file + a.other < b.file + b.other ? -1 : 1));
}

/**
 * The probability that two sets of `a` and `b` of `all`, drawn by chance, share at least `both`: the upper tail of the hypergeometric distribution.
 */
export function chanceOfSharing(both: number, a: number, b: number, all: number): number {
  const logFactorial = logFactorials(all);
  const choose = (n: number, k: number): number => (logFactorial[n] ?? 0) - (logFactorial[k] ?? 0) - (logFactorial[n - k] ?? 0);
  let chance = 0;
  for (let k = Math.max(both, a + b - all); k <= Math.min(a, b); k += 1)
    chance += Math.exp(choose(a, k) + choose(all - a, b - k) - choose(all, b));
  return Math.min(1, chance);
}

const known: number[] = [0];

/** The logarithms of the factorials up to a number, at least. */
function logFactorials(most: number): readonly number[] {
  for (let n = known.length; n <= most; n += 1) known.push((known[n - 1] ?? 0) + Math.log(n));
  return known;
}
