import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Failure } from '../../command/command.ts';

/**
 * What users, or a repository that came as an archive, have configured must neither change what git prints nor have it run or fetch anything: the
 * repository may come from anywhere.
 */
const ALONE = [
  ['color.ui', 'never'],
  ['core.quotePath', 'false'],
  ['core.fsmonitor', 'false'],
  ['core.hooksPath', '/dev/null'],
  ['grep.column', 'false'],
  ['grep.lineNumber', 'false'],
  ['log.follow', 'false'],
  ['log.showSignature', 'false'],
].flatMap(([name, value]) => ['-c', `${name}=${value}`]);

/** Git ended with another status than 0. */
export class GitFailure extends Failure {
  readonly status: number | null;

  constructor(message: string, status: number | null) {
    super(message);
    this.status = status;
  }
}

/** Starts git on a repository. */
export const spawnGit = (root: string, args: readonly string[]): ChildProcessWithoutNullStreams =>
  spawn('git', ['-C', root, ...ALONE, ...args], {
    env: { ...process.env, GIT_NO_LAZY_FETCH: '1', GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' },
  });

/** What git prints of a repository, as it comes: a history of any length takes no more memory than a piece of it. */
export async function* gitOutput(root: string, args: readonly string[]): AsyncGenerator<Buffer> {
  const child = spawnGit(root, args);
  child.stdin.end();
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2_000);
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  // A failure to start is an event of its own; without git there is nothing to read.
  closed.catch(() => {});
  try {
    for await (const piece of child.stdout) yield piece as Buffer;
    const [code] = await closed;
    if (code !== 0) throw new GitFailure(`git ${args[0]} failed in ${root}: ${complaint.trim() || `exit status ${code}`}`, code);
  } finally {
    child.kill();
  }
}

/** All of it, where that is little. */
export async function git(root: string, ...args: string[]): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of gitOutput(root, args)) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

/** Whether a commit is another one, or one before it; of a commit that the clone does not have it is not. */
export const isAncestor = (root: string, before: string, commit: string): Promise<boolean> =>
  git(root, 'merge-base', '--is-ancestor', before, commit).then(
    () => true,
    () => false,
  );

/** Its parts between NULs. */
export async function* gitRecords(root: string, args: readonly string[], onPiece?: (piece: Buffer) => void): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of gitOutput(root, args)) {
    onPiece?.(piece);
    const text = decoder.decode(piece, { stream: true });
    const parts = text.split('\0');
    // A long record comes in many pieces: only the last of its parts is looked at for an end.
    parts[0] = rest + (parts[0] ?? '');
    rest = parts.pop() ?? '';
    yield* parts;
  }
  if (rest !== '') yield rest;
}
