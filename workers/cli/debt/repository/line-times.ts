import { git } from './git.ts';
import type { Repository } from './repository.ts';

/** When lines of a file were last changed, in seconds, by `git blame`; none of a file that is not in the commit. */
export async function lineTimes(
  { root, commit }: Repository,
  path: string,
  lines: readonly number[] = [],
): Promise<ReadonlyMap<number, number>> {
  const ranges = new Set(lines.map((line) => `-L${line},${line}`));
  const blamed = await git(root, 'blame', '--line-porcelain', ...ranges, commit, '--', path).catch(() => '');
  const times = new Map<number, number>();
  let line = 0;
  for (const row of blamed.split('\n')) {
    const header = /^[0-9a-f]{40,64} \d+ (\d+)/.exec(row);
    if (header !== null) line = Number(header[1]);
    else if (row.startsWith('author-time ')) times.set(line, Number(row.slice(12)));
  }
  return times;
}
