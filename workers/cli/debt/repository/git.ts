import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Failure } from '../../command.ts';

/** What git says of a repository, as it comes: a history of any length takes no more memory than a piece of it. */
export async function* gitOutput(root: string, args: readonly string[]): AsyncGenerator<Buffer> {
  const child = spawn('git', ['-C', root, '-c', 'core.quotePath=false', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
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
    if (code !== 0) throw new Failure(`git ${args[0]} failed in ${root}: ${complaint.trim() || `exit status ${code}`}`);
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

/** Its parts between NULs. */
export async function* gitRecords(root: string, args: readonly string[], onPiece?: (piece: Buffer) => void): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of gitOutput(root, args)) {
    onPiece?.(piece);
    const parts = (rest + decoder.decode(piece, { stream: true })).split('\0');
    rest = parts.pop() ?? '';
    yield* parts;
  }
  if (rest !== '') yield rest;
}
