import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ChangedFile, HistoryState } from '../../../../src/debt/evidence/change-history.ts';
import { ChangeHistory } from '../../../../src/debt/evidence/change-history.ts';
import type { TimedCommit } from '../../../../src/debt/evidence/change-time.ts';
import type { DescribedChange } from '../../../../src/debt/evidence/mechanical-commits.ts';
import { mechanicalReason } from '../../../../src/debt/evidence/mechanical-commits.ts';
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
  /** With merges, the newest first. */
  readonly timed: readonly TimedCommit[];
}

/** A commit of the log, merges included; these have no files. */
export interface LoggedChange extends DescribedChange {
  readonly id: string;
  readonly parents: readonly string[];
  readonly committedS: number;
  readonly zoneMinutes: number;
}

const FORMAT_VERSION = 5;
const FORMAT = '--format=%x01%at%x02%aN <%aE>%x02%H%x02%P%x02%ct%x02%ad%x02%s';
/** So much of an id tells all commits of a repository apart. */
const ID_CHARS = 16;
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
  const timed: TimedCommit[] = [];
  for await (const change of readLog(repository, range, (piece) => hash.update(piece))) {
    timed.push(timedCommit(change));
    history.add(change);
    if (change.parents.length > 1) continue;
    readCount += 1;
    if (readCount % 100 === 0) progress.show('reading commits', readCount);
  }
  const read: ReadHistory = {
    ...(known === undefined ? history.after() : history.after(known, { id: known.commit.slice(0, ID_CHARS) })),
    commit: repository.commit,
    readCount,
    commitCount: readCount + (known?.commitCount ?? 0),
    sha256: hash.digest('hex'),
    timed: [...timed, ...(known?.timed ?? [])].filter(({ committedS }) => committedS >= nowS - HISTORY_S),
  };
  await keep(file, read);
  return read;
}

/** The commits of three years before a commit, without merges. */
export async function* readChanges(repository: Repository): AsyncGenerator<LoggedChange> {
  for await (const change of readLog(repository, [repository.commit])) if (change.parents.length < 2) yield change;
}

/** Those with merges, the newest first; `range`: which of them, in git's words. */
function readLog(
  { root, committedAtS, lacksTexts }: Repository,
  range: readonly string[],
  onPiece?: (piece: Buffer) => void,
): AsyncGenerator<LoggedChange> {
  const args = [
    'log',
    ...(lacksTexts ? ['--raw', '-M100%'] : ['--numstat', '-M']),
    '-z',
    '--date-order',
    '--no-ext-diff',
    '--no-textconv',
    `--since=${committedAtS - HISTORY_S}`,
    '--date=format:%z',
    FORMAT,
    ...range,
  ];
  return changesOf(gitRecords(root, args, onPiece));
}

const timedCommit = ({ files, subject, ...of }: LoggedChange): TimedCommit => ({
  ...of,
  leftOut: of.parents.length > 1 ? 'merge' : (mechanicalReason({ ...of, files, subject }) ?? null),
});

/** Minutes ahead of UTC, of `+0530`. */
export function zoneMinutesOf(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d)(\d\d)$/.exec(zone) ?? [];
  return sign === undefined ? 0 : (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

const identityOf = ({ commit, commitCount, sha256, timed }: ReadHistory) => ({ commit, commitCount, sha256, timed });

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
  #change: (LoggedChange & { readonly files: ChangedFile[] }) | undefined;
  /** A file whose paths are still to come; `before` null: it has one path only. */
  #renamed: { readonly lines: number; readonly before?: string | null } | undefined;

  /** The commit that a record shows to be complete. */
  read(record: string): LoggedChange | undefined {
    const header = this.#renamed === undefined ? headerOf(record) : undefined;
    if (header === undefined) {
      this.#readFile(record);
      return undefined;
    }
    const complete = this.#change;
    const [at = '', author = '', id = '', parents = '', committed = '', zone = '', ...subject] = header.split('\u0002');
    this.#change = {
      author: author.trim(),
      atS: Number(at),
      files: [],
      id: id.slice(0, ID_CHARS),
      parents: parents.split(' ').flatMap((one) => one.slice(0, ID_CHARS) || []),
      committedS: Number(committed),
      zoneMinutes: zoneMinutesOf(zone),
      subject: subject.join(' '),
    };
    return complete;
  }

  get last(): LoggedChange | undefined {
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

async function* changesOf(records: AsyncIterable<string>): AsyncGenerator<LoggedChange> {
  const reader = new NumstatReader();
  for await (const record of records) {
    const change = reader.read(record);
    if (change !== undefined) yield change;
  }
  if (reader.last !== undefined) yield reader.last;
}
