import { join } from 'node:path';
import { revertedBy, saysFix } from '../../../../src/debt/evidence/fix-commits.ts';
import type { RangeCommit } from '../../../../src/debt/evidence/repairs.ts';
import { changedLinesOf } from '../../../../src/debt/evidence/repairs.ts';
import { git } from './git.ts';
import { KeptAnswers } from './kept-answers.ts';
import type { LineRange } from './line-times.ts';
import { SINCE_STEP_S } from './line-times.ts';
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
    return new RangeCommits(repository, await KeptAnswers.open(join(repository.cache, 'range-commits-2.json')));
  }

  /** Commits since then that changed the lines, the newest first; without merges. */
  async since(sinceS: number, path: string, blob: string, range: LineRange): Promise<readonly RangeCommit[]> {
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
    const log = await git(root, ...args, `-L${from},${to}:${path}`, commit).catch(() => '');
    return log
      .split('\0')
      .slice(1)
      .map((record) => {
        const [message = '', diff = ''] = record.split('\u0002');
        const [id = '', at = '', subject = '', body = ''] = message.split('\u0001');
        return {
          commit: id.slice(0, SHORT_CHARS),
          atS: Number(at),
          isFix: saysFix(subject, body),
          reverts: revertedBy(body).slice(0, SHORT_CHARS),
          changedLines: changedLinesOf(diff),
        };
      });
  }
}
