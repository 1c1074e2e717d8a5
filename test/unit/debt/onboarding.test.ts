import { describe, expect, it } from 'vitest';

import type { DebtFact } from '../../../src/contract/debt/debt-facts.ts';
import { debtPolicy } from '../../../src/contract/debt/debt-policy.ts';
import { Components } from '../../../src/debt/components.ts';
import { FactSet } from '../../../src/debt/fact.ts';
import { spreadOf } from '../../../src/debt/spread.ts';
import type { FirstItem } from '../../../src/debt/teams/onboarding.ts';
import { entryPointsOf, onboardingPath, pagesFor } from '../../../src/debt/teams/onboarding.ts';
import { factOf } from '../../support/debt/signed-upload.ts';

const NOW_S = 1_800_000_000;
const components = new Components(debtPolicy.parse({ components: [{ name: 'search', paths: ['src/search'] }] }));
const owned = {
  component: 'search',
  tier: 1,
  owner: 'one',
  effectiveOwner: 'one',
  authors: [],
  busFactor: 1,
  isCovered: true,
  moveTo: null,
} as const;

const item = (id: string, subject: string, minutes: number, isBlocking = false): FirstItem => ({
  id,
  subject,
  component: components.of(subject),
  title: 't',
  remedy: 'r',
  is_blocking: isBlocking,
  principal_minutes: spreadOf(minutes / 2, minutes, minutes * 2),
});

const fact = (kind: DebtFact['kind'], subject: string, value: number, unit: string, symbol?: string): DebtFact =>
  factOf({ kind, subject, value, unit, ...(symbol === undefined ? {} : { symbol }) }, NOW_S);

function pathOf(facts: readonly DebtFact[], items: readonly FirstItem[] = []) {
  const censuses = ['teams', 'hotspots', 'service-levels'].map((symbol) => fact('census', '.', 1, 'subjects', symbol));
  return onboardingPath({ owned, facts: new FactSet([...censuses, ...facts], NOW_S), components, items });
}

describe('an onboarding path', () => {
  it('[D72] enters where most files elsewhere do, each counted once', () => {
    const own = new Set(['src/search/a.ts', 'src/search/b.ts', 'src/search/c.ts']);
    const imports = [
      ['x.ts', 'src/search/b.ts'],
      ['x.ts', 'src/search/b.ts'],
      ['x.ts', 'src/search/a.ts'],
      ['y.ts', 'src/search/a.ts'],
      ['src/search/a.ts', 'src/search/c.ts'],
    ].map(([from, to]) => ({ from: from!, to: to! }));
    expect(entryPointsOf(own, imports)).toEqual([
      { path: 'src/search/a.ts', importedBy: 2 },
      { path: 'src/search/b.ts', importedBy: 1 },
    ]);
    // Of what nothing else imports: where it begins itself.
    const inside = imports.filter(({ from }) => from.startsWith('src/'));
    expect(entryPointsOf(own, inside).map(({ path }) => path)).toEqual(['src/search/a.ts', 'src/search/b.ts']);
  });

  it('[D72] puts pages inside before pages about it, and those before how the whole is run', () => {
    const pages = ['README.md', 'docs/operations.md', 'docs/search.md', 'src/search/SPEC.md', 'docs/other.md', 'src/searching/SPEC.md'];
    expect(pagesFor('search', ['src/search'], pages)).toEqual(['src/search/SPEC.md', 'docs/search.md', 'docs/operations.md', 'README.md']);
  });

  it('[D72] begins with items in its own files that take half a day', () => {
    const items = [
      item('long', 'src/search/a.ts', 241),
      item('second', 'src/search/a.ts', 240),
      item('first', 'src/search/b.ts', 5),
      item('blocks', 'src/search/b.ts', 1, true),
      item('no file', 'src/search', 1),
      item('elsewhere', 'src/text/b.ts', 1),
    ];
    const files = ['src/search/a.ts', 'src/search/b.ts', 'src/text/b.ts'].map((path) => fact('code-lines', path, 10, 'lines'));
    expect(pathOf(files, items).firstItems.map(({ id }) => id)).toEqual(['first', 'second']);
  });

  it('[D77] has of the facts what is of the component, in their order', () => {
    const facts = [
      fact('entry-point', 'src/search/b.ts', 1, 'files', 'search'),
      fact('entry-point', 'src/search/a.ts', 3, 'files', 'search'),
      fact('entry-point', 'src/text/a.ts', 9, 'files', 'text'),
      fact('guide', 'README.md', 2, 'position', 'search'),
      fact('guide', 'src/search/SPEC.md', 1, 'position', 'search'),
      fact('guide', 'docs/text.md', 1, 'position', 'text'),
      factOf({ kind: 'incident', subject: 'src/search/a.ts', symbol: 'i-1', value: 60, unit: 'minutes', detail: { text: 'slow' } }, NOW_S),
      fact('incident', 'src/text', 60, 'minutes', 'i-2'),
    ];
    expect(pathOf(facts)).toMatchObject({
      entryPoints: [
        { path: 'src/search/a.ts', importedBy: 3 },
        { path: 'src/search/b.ts', importedBy: 1 },
      ],
      pages: ['src/search/SPEC.md', 'README.md'],
      incidents: [{ id: 'i-1', text: 'slow', minutes: 60 }],
    });
  });
});
