import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Change, ChangedFile, HistoryState } from '../../../../src/debt/evidence/change-history.ts';
import { ChangeHistory } from '../../../../src/debt/evidence/change-history.ts';
import { gitRecords, isAncestor } from './git.ts';
import { keep, readKept } from './kept-files.ts';
import type { Progress } from './progress.ts';
import type { Repository } from './repository.ts';

export interface ReadHistory extends HistoryState {
  readonly commit: string;
  /** Commits read now. */
  readonly readCount: number;
  readonly commitCount: number;
  /** Of the log that was read, and of what was known before it. */
  readonly sha256: string;
}

const FORMAT_VERSION = 3;
const FORMAT = '--format=%x01%at%x02%aN <%aE>';
/** What is older has decayed to less than a thousandth. */
const HISTORY_S = 3 * 365 * 86_400;

/** The history of a commit, as of the time it was made. If that of an ancestor is known, only what came after is read. */
export async function readHistory(repository: Repository, progress: Progress): Promise<ReadHistory> {
  const nowS = repository.committedAtS;
  const file = join(repository.cache, `history-${FORMAT_VERSION}.json`);
  const known = await knownHistory(file, repository);
  if (known?.commit === repository.commit) return { ...new ChangeHistory(nowS).after(known), ...identityOf(known), readCount: 0 };
  const history = new ChangeHistory(nowS);
  const hash = createHash('sha256').update(known?.sha256 ?? '');
  const range = known === undefined ? [repository.commit] : [repository.commit, `^${known.commit}`];
  let readCount = 0;
  for await (const change of readChanges(repository, range, (piece) => hash.update(piece))) {
    history.add(change);
    readCount += 1;
    if (readCount % 100 === 0) progress.show('reading commits', readCount);
  }
  const read: ReadHistory = {
    ...history.after(known),
    commit: repository.commit,
    readCount,
    commitCount: readCount + (known?.commitCount ?? 0),
    sha256: hash.digest('hex'),
  };
  await keep(file, read);
  return read;
}

/** The commits of three years before a commit, the newest first; `range`: which of them, in git's words. */
export function readChanges(
  { root, commit, committedAtS, lacksTexts }: Repository,
  range: readonly string[] = [commit],
  onPiece?: (piece: Buffer) => void,
): AsyncGenerator<Change> {
  const args = [
    'log',
    '--no-merges',
    ...(lacksTexts ? ['--raw', '-M100%'] : ['--numstat', '-M']),
    '-z',
    '--no-ext-diff',
    '--no-textconv',
    `--since=${committedAtS - HISTORY_S}`,
    FORMAT,
    ...range,
  ];
  return changesOf(gitRecords(root, args, onPiece));
}

const identityOf = ({ commit, commitCount, sha256 }: ReadHistory) => ({ commit, commitCount, sha256 });

/** What is kept, if it is of this commit or of an ancestor. */
async function knownHistory(file: string, { root, commit }: Repository): Promise<ReadHistory | undefined> {
  const known = await readKept<ReadHistory>(file);
  return known !== undefined && (await isAncestor(root, known.commit, commit)) ? known : undefined;
}

/**
 * Reads the records of `git log --numstat -z`, or of `--raw -z`, whose paths are records of their own, where the clone lacks what numbers come from: one that ends with the format's text for each commit, then one for each file: `added deleted path`,
 * or, of a renamed one, `added deleted `, the path before and the path after.
 */
class NumstatReader {
  #change: { readonly author: string; readonly atS: number; readonly files: ChangedFile[] } | undefined;
  /** A file whose paths are still to come; `before` null: it has one path only. */
  #renamed: { readonly lines: number; readonly before?: string | null } | undefined;

  /** The commit that a record shows to be complete. */
  read(record: string): Change | undefined {
    const header = this.#renamed === undefined ? headerOf(record) : undefined;
    if (header === undefined) {
      this.#readFile(record);
      return undefined;
    }
    const [complete, [at = '', author = '']] = [this.#change, header.split('\u0002')];
    this.#change = { author: author.trim(), atS: Number(at), files: [] };
    return complete;
  }

  get last(): Change | undefined {
    return this.#change;
  }

  #readFile(record: string): void {
    if (this.#renamed !== undefined) {
      const { lines, before } = this.#renamed;
      if (before === undefined) this.#renamed = { lines, before: record };
      else if (before === null) this.#end({ path: record, lines });
      else this.#end({ path: record, before, lines });
      return;
    }
    const [, status] = /^\n?:\d+ \d+ \w+ \w+ ([A-Z])\d*$/.exec(record) ?? [];
    if (status !== undefined) {
      // Of names alone no lines are known: each file counts as one.
      this.#renamed = status === 'R' ? { lines: 1 } : { lines: 1, before: null };
      return;
    }
    const [, added, deleted, path = ''] = /^\n?(\d+|-)\t(\d+|-)\t(.*)$/s.exec(record) ?? [];
    if (added === undefined) return;
    // Of binary files there are no lines.
    const lines = (Number(added) || 0) + (Number(deleted) || 0);
    if (path === '') this.#renamed = { lines };
    else this.#end({ path, lines });
  }

  #end(file: ChangedFile): void {
    this.#change?.files.push(file);
    this.#renamed = undefined;
  }
}

/** What a commit begins with. Paths may have any character but NUL: only at its beginning does the mark make a record a header. */
function headerOf(record: string): string | undefined {
  const text = record.startsWith('\n') ? record.slice(1) : record;
  return text.startsWith('\u0001') ? text.slice(1) : undefined;
}

async function* changesOf(records: AsyncIterable<string>): AsyncGenerator<Change> {
  const reader = new NumstatReader();
  for await (const record of records) {
    const change = reader.read(record);
    if (change !== undefined) yield change;
  }
  if (reader.last !== undefined) yield reader.last;
}
