/** A commit that changed some lines, of a range of a file that it is asked about. */
export interface RangeCommit {
  readonly commit: string;
  readonly atS: number;
  /** Its message says that it fixes something. */
  readonly isFix: boolean;
  /** The beginning of the id of a commit that it takes back; empty: of none. */
  readonly reverts: string;
  /** Lines of code that it added or took away there, whichever are more: not comments, and not what only moved or was formatted. */
  readonly changedLines: number;
  /** It wrote them: none was there before. */
  readonly isFirst: boolean;
}

/** A commit that changed fewer lines, such as a name or an operand, did not have to understand the code around them. */
const LINES_OF_WORK = 2;
/** Repairs of these days are one: a repair, and what mends it. */
const EPISODE_S = 14 * 86_400;

/** What commits say of the lines that they changed. */
export interface WorkOnLines {
  /** Commits that changed code, and stand. */
  readonly commits: number;
  /** How often it was repaired. */
  readonly repairs: number;
}

/** How often lines were worked on. What was taken back, and what took it back, is no work. `commits`: in any order. [D27] */
export function workOf(commits: readonly RangeCommit[]): WorkOnLines {
  const takenBack = commits.flatMap(({ reverts }) => (reverts === '' ? [] : [reverts]));
  const stands = ({ commit, reverts }: RangeCommit): boolean =>
    reverts === '' && !takenBack.some((one) => one.startsWith(commit) || commit.startsWith(one));
  const work = commits.filter((one) => one.changedLines >= LINES_OF_WORK && stands(one)).toSorted((a, b) => b.atS - a.atS);
  let [repairs, laterS] = [0, Infinity];
  for (const { atS } of work.filter(({ isFix }) => isFix)) {
    if (laterS - atS >= EPISODE_S) repairs += 1;
    laterS = atS;
  }
  return { commits: work.length, repairs };
}

/** Commits that changed two places with the same code. */
export interface WorkOnCopies {
  readonly both: number;
  readonly either: number;
}

/** How often two places were worked on. What wrote or formatted one of them is no work. [D31] */
export function workOnCopies(commits: readonly RangeCommit[], others: readonly RangeCommit[]): WorkOnCopies {
  const changed = (of: readonly RangeCommit[]): Set<string> =>
    new Set(of.filter(({ changedLines, isFirst }) => changedLines > 0 && !isFirst).map(({ commit }) => commit));
  const [ones, twos] = [changed(commits), changed(others)];
  const both = [...ones].filter((one) => twos.has(one)).length;
  return { both, either: ones.size + twos.size - both };
}

/** What one commit did to lines: its diff, as git prints it. */
export function changedLinesOf(diff: string): number {
  const left = { '+': 0, '-': 0 };
  const texts = { '+': '', '-': '' };
  const counts = new Map<string, number>();
  for (const row of diff.split('\n')) {
    const sign = row[0];
    if ((sign !== '+' && sign !== '-') || row.startsWith('+++ ') || row.startsWith('--- ')) continue;
    texts[sign] += textOf(row.slice(1));
    const code = codeOf(row.slice(1));
    if (code === '') continue;
    counts.set(code, (counts.get(code) ?? 0) + (sign === '+' ? 1 : -1));
  }
  // [D27] Its lines were only broken elsewhere, or have other quotes.
  if (texts['+'] === texts['-']) return 0;
  for (const count of counts.values()) left[count > 0 ? '+' : '-'] += Math.abs(count);
  return Math.max(left['+'], left['-']);
}

/** Whether a commit wrote all of the lines that git was asked about, of which it prints those that stay, too. */
export function isWholeNew(diff: string): boolean {
  const rows = diff.split('\n');
  const hunk = rows.slice(rows.findIndex((row) => row.startsWith('@@ ')) + 1);
  return hunk.some((row) => row.startsWith('+')) && !hunk.some((row) => row.startsWith('-') || row.startsWith(' '));
}

/** A line without what no program reads: blanks and comments that fill it or end it. Quotes are of one kind. */
const textOf = (line: string): string =>
  line
    .replace(/^\s*(\*|\/\*).*$|(^|\s)(\/\/|#)\s.*$/, '')
    .replaceAll(/[\s;,]+/g, '')
    .replaceAll("'", '"');

/** Nor lines of brackets alone. */
const codeOf = (line: string): string => {
  const code = textOf(line);
  return /\w/.test(code) ? code : '';
};
