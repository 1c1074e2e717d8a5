import { saysFix } from '../../../../src/debt/evidence/fix-commits.ts';
import type { FileCommit } from '../../../../src/debt/evidence/file-work.ts';
import { LineageNames } from '../../../../src/debt/evidence/lineage-names.ts';
import { GitFailure, gitRecords } from './git.ts';
import type { Repository } from './repository.ts';
import { YEAR_S } from './line-times.ts';

/** A commit that gave a file another name. */
export interface Rename {
  readonly atS: number;
  readonly before: string;
  /** What the commit called it, and what it is called now. */
  readonly path: string;
  readonly now: string;
}

export interface FileHistory {
  readonly commits: readonly FileCommit[];
  /** The newest first. */
  readonly renames: readonly Rename[];
}

/** What a commit begins with. */
const MARK = '\u0001';
const FORMAT = '--format=%x01%at%x02%aN <%aE>%x02%H%x02%P%x02%s%x02%b';
const YEARS = 10;

/**
 * The commits of ten years that are no merges, the newest first, by the names that files have now. Only names are asked for, so that a clone that
 * lacks old texts answers, too; there a file that was renamed and changed at once is two.
 */
export async function fileCommits(repository: Repository): Promise<FileHistory> {
  if (repository.lacksTexts) return readCommits(repository, '-M100%');
  try {
    return await readCommits(repository, '-M');
  } catch (error) {
    // Some text of ten years is missing, of which git needs none to know a file that was only moved.
    if (error instanceof GitFailure) return readCommits(repository, '-M100%');
    throw error;
  }
}

async function readCommits({ root, commit, committedAtS }: Repository, renames: '-M' | '-M100%'): Promise<FileHistory> {
  const since = `--since=${committedAtS - YEARS * YEAR_S}`;
  const args = ['log', '--date-order', '--name-status', '-z', renames, '--no-ext-diff', since, FORMAT, commit];
  const reader = new NameStatusReader();
  for await (const record of gitRecords(root, args)) reader.read(record);
  return reader.end();
}

/** What a file was called at a time. */
export function nameAt(path: string, atS: number, renames: readonly Rename[]): string {
  return renames.find((one) => one.now === path && one.atS <= atS)?.path ?? renames.findLast((one) => one.now === path)?.before ?? path;
}

/** Reads `git log --name-status -z`: the format's text, then for each file its status and path, of a renamed one both paths. */
class NameStatusReader {
  readonly #commits: FileCommit[] = [];
  readonly #renames: Rename[] = [];
  readonly #names = new LineageNames();
  #commit: { readonly atS: number; readonly parents: readonly string[]; readonly files: string[]; readonly renamed: Rename[] } | undefined;
  /** Paths that are still to come of a status. */
  #wanted: { readonly isRename: boolean; readonly paths: string[] } | undefined;

  read(record: string): void {
    if (this.#wanted !== undefined) this.#readPath(record, this.#wanted);
    else if (record.startsWith(MARK) || record.startsWith(`\n${MARK}`)) this.#readHeader(record);
    else if (/^\n?[A-Z]\d*$/.test(record)) this.#wanted = { isRename: /R/.test(record), paths: [] };
  }

  #readHeader(record: string): void {
    this.#leave();
    const [at = '', author = '', id = '', parents = '', subject = '', ...body] = record.slice(record.indexOf(MARK) + 1).split('\u0002');
    const commit = { atS: Number(at), parents: parents.split(' ').filter((one) => one !== ''), files: [], renamed: [] };
    this.#commit = commit;
    this.#names.enter({ id });
    // Merges are read for their parents alone.
    if (commit.parents.length < 2)
      this.#commits.push({ author: author.trim(), atS: commit.atS, isFix: saysFix(subject, body.join('')), files: commit.files });
  }

  #leave(): void {
    if (this.#commit === undefined) return;
    this.#names.leave(this.#commit, this.#commit.renamed);
    this.#renames.push(...this.#commit.renamed);
  }

  end(): FileHistory {
    this.#leave();
    return { commits: this.#commits, renames: this.#renames };
  }

  #readPath(path: string, { isRename, paths }: { readonly isRename: boolean; readonly paths: string[] }): void {
    paths.push(path);
    if (isRename && paths.length < 2) return;
    this.#wanted = undefined;
    if (this.#commit === undefined) return;
    const name = this.#names.nameOf(path);
    const [before] = paths;
    if (isRename && before !== undefined) this.#commit.renamed.push({ atS: this.#commit.atS, before, path, now: name });
    this.#commit.files.push(name);
  }
}
