import { describe, expect, it } from 'vitest';

import type { DebtFinding } from '../../../src/contract/debt-items.ts';
import { spreadOf } from '../../../src/debt/spread.ts';
import type { OnboardingInput } from '../../../src/debt/teams/onboarding.ts';
import { onboardingPath } from '../../../src/debt/teams/onboarding.ts';

const item = (id: string, subject: string, minutes: number, isBlocking = false): DebtFinding =>
  ({ id, subject, is_blocking: isBlocking, principal_minutes: spreadOf(minutes / 2, minutes, minutes * 2) }) as DebtFinding;

const INPUT: OnboardingInput = {
  owned: { component: 'search', tier: 1, owner: 'one', effectiveOwner: 'one', authors: [], busFactor: 1, isCovered: true, moveTo: null },
  files: ['src/search/a.ts', 'src/search/b.ts', 'src/search/c.ts'],
  folders: ['src/search'],
  imports: [],
  pages: [],
  findings: [],
  incidents: [],
};
const pathOf = (change: Partial<OnboardingInput>) => onboardingPath({ ...INPUT, ...change });

describe('an onboarding path', () => {
  it('[D72] enters where most files elsewhere do, each counted once', () => {
    const imports = [
      ['x.ts', 'src/search/b.ts'],
      ['x.ts', 'src/search/b.ts'],
      ['x.ts', 'src/search/a.ts'],
      ['y.ts', 'src/search/a.ts'],
      ['src/search/a.ts', 'src/search/c.ts'],
    ].map(([from, to]) => ({ from: from!, to: to! }));
    expect(pathOf({ imports }).entryPoints).toEqual([
      { path: 'src/search/a.ts', importedBy: 2 },
      { path: 'src/search/b.ts', importedBy: 1 },
    ]);
    // Of what nothing else imports: where it begins itself.
    const own = imports.filter(({ from }) => from.startsWith('src/'));
    expect(pathOf({ imports: own }).entryPoints.map(({ path }) => path)).toEqual(['src/search/a.ts', 'src/search/b.ts']);
  });

  it('[D72] puts pages inside before pages about it, and those before how the whole is run', () => {
    const pages = ['README.md', 'docs/operations.md', 'docs/search.md', 'src/search/SPEC.md', 'docs/other.md', 'src/searching/SPEC.md'];
    expect(pathOf({ pages }).pages).toEqual(['src/search/SPEC.md', 'docs/search.md', 'docs/operations.md', 'README.md']);
  });

  it('[D72] begins with items in its own files that take an hour even if the estimate is low', () => {
    const findings = [
      item('long', 'src/search/a.ts', 31),
      item('second', 'src/search/a.ts', 30),
      item('first', 'src/search/b.ts', 5),
      item('blocks', 'src/search/b.ts', 1, true),
      item('elsewhere', 'src/text/b.ts', 1),
    ];
    expect(pathOf({ findings }).firstItems.map(({ id }) => id)).toEqual(['first', 'second']);
  });
});
