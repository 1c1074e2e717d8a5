import { join } from 'node:path';
import { git } from './git.ts';
import { KeptAnswers } from './kept-files.ts';
import type { Repository } from './repository.ts';
import type { TrackedFile } from './tracked-files.ts';

/** Lines, from and to. */
export type LineRange = readonly [from: number, to: number];
/** A line and the commit that changed it last, at that time in seconds. */
type BlamedLine = readonly [line: number, atS: number, commit: string];
type Kept = KeptAnswers<readonly BlamedLine[]>;
/** A file by its path and its text. */
export type FileText = Pick<TrackedFile, 'path' | 'blob'>;

export const YEAR_S = 365 * 86_400;
/** Times to begin from are rounded down to this, so that what is kept is of use to commits of the days after. */
export const SINCE_STEP_S = 30 * 86_400;

/**
 * When lines of files were last changed, by `git blame`, which reads the whole history of a file: kept by the file's text, because later commits
 * do not change who wrote what is the same.
 */
export class LineTimes {
  readonly #repository: Repository;
  readonly #kept: Kept;

  private constructor(repository: Repository, kept: Kept) {
    this.#repository = repository;
    this.#kept = kept;
  }

  static async open(repository: Repository): Promise<LineTimes> {
    return new LineTimes(repository, await KeptAnswers.open(join(repository.cache, 'line-times-3.json')));
  }

  /** In seconds; of all lines, or of some. */
  async of(file: FileText, lines: readonly number[] = []): Promise<ReadonlyMap<number, number>> {
    const ranges = lines.map((line): LineRange => [line, line]);
    const blamed = await this.#blamed(file, ranges);
    return new Map(blamed.map(([line, atS]) => [line, atS]));
  }

  /** How many commits of the last year are left in the lines of each range. */
  async commitsOfYear(file: FileText, ranges: readonly LineRange[]): Promise<readonly number[]> {
    const sinceS = this.#repository.committedAtS - YEAR_S;
    const blamed = await this.#blamed(file, ranges, Math.floor(sinceS / SINCE_STEP_S) * SINCE_STEP_S);
    const recent = blamed.filter(([, atS]) => atS >= sinceS);
    return ranges.map(([from, to]) => new Set(recent.flatMap(([line, , commit]) => (line >= from && line <= to ? [commit] : []))).size);
  }

  save(): Promise<void> {
    return this.#kept.save();
  }

  #blamed({ path, blob }: FileText, ranges: readonly LineRange[], sinceS?: number): Promise<readonly BlamedLine[]> {
    return this.#kept.of(`${blob} ${path} ${ranges.join(' ')} ${sinceS ?? ''}`, () => blame(this.#repository, path, ranges, sinceS));
  }
}

/** None of a file that is not in the commit, and of lines older than `sinceS` the time of a commit before, where git ends its search. */
async function blame(
  { root, commit }: Repository,
  path: string,
  lines: readonly LineRange[],
  sinceS: number | undefined,
): Promise<readonly BlamedLine[]> {
  const ranges = new Set(lines.map(([from, to]) => `-L${from},${to}`));
  const since = sinceS === undefined ? [] : [`--since=@${sinceS}`];
  const blamed = await git(root, 'blame', '-w', '--no-textconv', '--line-porcelain', ...since, ...ranges, commit, '--', path).catch(
    () => '',
  );
  const found: BlamedLine[] = [];
  let [by, line, atS] = ['', 0, 0];
  for (const row of blamed.split('\n')) {
    const [, id, number] = /^([0-9a-f]{40,64}) \d+ (\d+)/.exec(row) ?? [];
    if (id !== undefined) [by, line] = [id.slice(0, 16), Number(number)];
    else if (row.startsWith('author-time ')) atS = Number(row.slice(12));
    else if (row.startsWith('\t')) found.push([line, atS, by]);
  }
  return found;
}
