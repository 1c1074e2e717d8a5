import { describe, expect, it } from 'vitest';

import { LineageNames } from '../../../src/debt/evidence/lineage-names.ts';

interface Commit {
  readonly id: string;
  readonly parents: readonly string[];
  readonly files?: readonly string[];
  /** Former names, by the names that a commit gives. */
  readonly renamed?: Readonly<Record<string, string>>;
}

/** What each commit's files are called now. */
function namesNow(commits: readonly Commit[]): Record<string, readonly string[]> {
  const names = new LineageNames();
  return Object.fromEntries(
    commits.map((commit) => {
      names.enter(commit);
      const now = (commit.files ?? []).map((path) => names.nameOf(path));
      const renamed = Object.entries(commit.renamed ?? {}).map(([path, before]) => ({ before, now: names.nameOf(path) }));
      names.leave(commit, renamed);
      return [commit.id, now];
    }),
  );
}

describe('[D131] names of files', () => {
  it('are those of the history that a commit is in, where repositories were merged', () => {
    const commits = [
      { id: 'merge', parents: ['moved-a', 'moved-b'] },
      { id: 'moved-b', parents: ['old-b'], renamed: { 'b/socket.ts': 'lib/socket.ts' } },
      { id: 'moved-a', parents: ['old-a'], renamed: { 'a/socket.ts': 'lib/socket.ts' } },
      { id: 'old-a', parents: [], files: ['lib/socket.ts'] },
      { id: 'old-b', parents: [], files: ['lib/socket.ts'] },
    ];
    expect(namesNow(commits)).toMatchObject({ 'old-a': ['a/socket.ts'], 'old-b': ['b/socket.ts'] });
  });

  it('are taken from another line that renamed the file, where all agree', () => {
    const commits = [
      { id: 'merge', parents: ['main', 'branch'] },
      { id: 'branch', parents: ['root'], renamed: { 'new.ts': 'old.ts' } },
      { id: 'main', parents: ['root'], files: ['old.ts'] },
      { id: 'root', parents: [], files: ['old.ts'] },
    ];
    expect(namesNow(commits)).toMatchObject({ main: ['new.ts'], root: ['new.ts'] });
  });

  it('follow a file through names, and a name through files', () => {
    const commits = [
      { id: '4', parents: ['3'], files: ['a', 'c'] },
      { id: '3', parents: ['2'], renamed: { c: 'b' } },
      { id: '2', parents: ['1'], files: ['b'], renamed: { b: 'a' } },
      { id: '1', parents: [], files: ['a'] },
    ];
    expect(namesNow(commits)).toEqual({ 1: ['c'], 2: ['c'], 3: [], 4: ['a', 'c'] });
  });

  it('go to the parents of a commit that several lines have', () => {
    const commits = [
      { id: 'merge', parents: ['left', 'right'] },
      { id: 'left', parents: ['fork'], renamed: { x: 'a' } },
      { id: 'right', parents: ['fork'], renamed: { y: 'b' } },
      { id: 'fork', parents: [], files: ['a', 'b'] },
    ];
    expect(namesNow(commits)).toMatchObject({ fork: ['x', 'y'] });
  });
});
