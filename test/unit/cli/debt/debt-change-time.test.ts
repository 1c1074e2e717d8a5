import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { changeTimeOf } from '../../../../src/debt/evidence/change-time.ts';
import { Progress } from '../../../../workers/cli/debt/repository/progress.ts';
import { readChanges, readHistory, zoneMinutesOf } from '../../../../workers/cli/debt/repository/read-history.ts';
import { openRepository, prepareCache } from '../../../../workers/cli/debt/repository/repository.ts';
import { GitRepository } from '../../../support/fixtures/git-repository.ts';

/** Noon of a Friday. */
const NOW_S = Date.UTC(2026, 8, 25, 12) / 1000;
const repository = new GitRepository(NOW_S);
const folders: string[] = [];
afterAll(() => {
  repository.remove();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** The history of a revision, with nothing kept or what an earlier call kept in a folder. */
async function historyOf(revision: string, cache = mkdtempSync(join(tmpdir(), 'sluice-debt-cache-'))) {
  folders.push(cache);
  const opened = await openRepository(repository.root, revision, cache);
  await prepareCache(opened);
  return readHistory(opened, new Progress());
}

describe('[D106] the time that changes take, of a repository', () => {
  repository.commit({ 'a.ts': '1\n', 'CHANGES.md': 'none\n' }, 14);
  repository.git('checkout', '-q', '-b', 'work');
  repository.commit({ 'b.ts': '1\n' }, 11, 'Bo <bo@example.org>');
  repository.commit({ 'b.ts': '2\n' }, 10.9, 'Bo <bo@example.org>');
  repository.git('checkout', '-q', 'main');
  repository.commit({ 'CHANGES.md': 'what is new\n' }, 10);
  repository.merge('work', 9);
  repository.commit({ 'a.ts': '2\n' }, 3, 'dependabot[bot] <bot@example.org>', 'raise b');
  repository.commit({ 'a.ts': '3\n' }, 2);

  it('reads merges, authors, days and what is left out from the log', async () => {
    const { timed, commitCount } = await historyOf('HEAD');
    // The Monday of the two commits, and Tuesday and Wednesday until the merge.
    expect(changeTimeOf(timed)).toMatchObject({
      commits: 4,
      authors: 2,
      days: 3,
      daysUnderWay: 2,
      branches: 1,
      branchHours: 48,
      leftOut: { merge: 1, release: 1, bot: 1 },
    });
    expect(commitCount).toBe(6);
  });

  it('[D13] is the same read in two parts, merges between them included', async () => {
    const { timed: atOnce } = await historyOf('HEAD');
    const cache = mkdtempSync(join(tmpdir(), 'sluice-debt-cache-'));
    await historyOf('HEAD~3', cache);
    const { timed, readCount } = await historyOf('HEAD', cache);
    expect(changeTimeOf(timed)).toEqual(changeTimeOf(atOnce));
    expect(readCount).toBe(4);
    expect((await historyOf('HEAD', cache)).timed).toEqual(timed);
  });

  it('has no merges among changes, which have no lines of their own', async () => {
    const subjects: string[] = [];
    for await (const { subject } of readChanges(await openRepository(repository.root, 'HEAD'))) subjects.push(subject);
    expect(subjects).toEqual(['change', 'raise b', 'change', 'change', 'change', 'change']);
  });

  it('reads zones', () => {
    expect(['+0530', '-0800', '+0000', 'Z'].map(zoneMinutesOf)).toEqual([330, -480, 0, 0]);
  });
});
