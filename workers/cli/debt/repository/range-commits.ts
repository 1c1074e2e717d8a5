import { join } from 'node:path';
import { revertedBy, saysFix } from '../../../../src/debt/evidence/fix-commits.ts';
import type { RangeCommit } from '../../../../src/debt/evidence/repairs.ts';
import { changedLinesOf, isWholeNew } from '../../../../src/debt/evidence/repairs.ts';
import { Failure } from '../../command/command.ts';
import { gitRecords } from './git.ts';
import { KeptAnswers } from './kept-files.ts';
import type { FileText, LineRange } from './line-times.ts';
import { SINCE_STEP_S, YEAR_S } from './line-times.ts';
import type { Repository } from './repository.ts';

const FORMAT = '--format=%x00%H%x01%at%x01%s%x01%b%x02';
const SHORT_CHARS = 16;

/** Which commits changed lines of files, by `git log -L`, which follows them back: unlike a blame it also knows what was changed again or deleted. */
export class RangeCommits {
  readonly #repository: Repository;
  readonly #kept: KeptAnswers<readonly RangeCommit[]>;

  private constructor(repository: Repository, kept: KeptAnswers<readonly RangeCommit[]>) {
    this.#repository = repository;
    this.#kept = kept;
  }

  static async open(repository: Repository): Promise<RangeCommits> {
    return new RangeCommits(repository, await KeptAnswers.open(join(repository.cache, 'range-commits-4.json')));
  }

  /** Commits of the last two years that changed the lines, the newest first; without merges. */
  async ofTwoYears({ path, blob }: FileText, range: LineRange): Promise<readonly RangeCommit[]> {
    const sinceS = this.#repository.committedAtS - 2 * YEAR_S;
    const fromS = Math.floor(sinceS / SINCE_STEP_S) * SINCE_STEP_S;
    const found = await this.#kept.of(`${blob} ${path} ${range.join(' ')} ${fromS}`, () => this.#read(fromS, path, range));
    return found.filter(({ atS }) => atS >= sinceS);
  }

  save(): Promise<void> {
    return this.#kept.save();
  }

  async #read(sinceS: number, path: string, [from, to]: LineRange): Promise<readonly RangeCommit[]> {
    const { root, commit } = this.#repository;
    const args = ['log', '--no-merges', '--no-ext-diff', '--no-textconv', `--since=@${sinceS}`, FORMAT];
    const commits: RangeCommit[] = [];
    try {
      // Each has all lines of the range: together they may be more than memory holds.
      for await (const record of gitRecords(root, [...args, `-L${from},${to}:${path}`, commit])) {
        if (record !== '') commits.push(commitOf(record));
      }
    } catch (error) {
      // Git does not know the lines, as of a file that the commit does not have.
      if (error instanceof Failure) return [];
      throw error;
    }
    return commits;
  }
}

function commitOf(record: string): RangeCommit {
  const [message = '', diff = ''] = record.split('\u0002');
  const [id = '', at = '', subject = '', body = ''] = message.split('\u0001');
  return {
    commit: id.slice(0, SHORT_CHARS),
    atS: Number(at),
    isFix: saysFix(subject, body),
    reverts: revertedBy(body).slice(0, SHORT_CHARS),
    changedLines: changedLinesOf(diff),
    isFirst: isWholeNew(diff),
  };
}
