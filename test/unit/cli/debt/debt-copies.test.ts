import { afterAll, expect, it } from 'vitest';
import { measure } from '../../../../workers/cli/debt/measure.ts';
import { NOW_S } from '../../../support/fixtures/debt-facts.ts';
import { functionOf } from '../../../support/fixtures/debt-repository.ts';
import type { Files } from '../../../support/fixtures/git-repository.ts';
import { GitRepository } from '../../../support/fixtures/git-repository.ts';

const repository = new GitRepository(NOW_S);
const ofClasses = new GitRepository(NOW_S);
afterAll(() => [repository, ofClasses].forEach((one) => one.remove()));

const REASONS = ['kept_apart', 'settings', 'by_lines', 'mirror', 'for_speed'];

it('[D34] keeps with a copy whether its places are in two classes', async () => {
  const [one, two, same] = ['one', 'two', 'same'].map((name) => functionOf('f').replaceAll('row', name));
  const methodOf = (text = '') => `m() {\n${text.replaceAll(/^export /gm, '')}}\n`;
  ofClasses.commit(
    {
      'a.ts': `class A {\n${methodOf(one)}}\n`,
      'b.ts': `class B {\n${methodOf(one)}}\n`,
      'c.ts': `class C {\n${methodOf(two)}}\n`,
      'd.ts': `${two}`,
      'e.ts': `class E {\n${methodOf(same)}${methodOf(same).replace('m()', 'n()')}}\n`,
    },
    8,
  );
  const { facts } = (await measure(ofClasses.root, {}, NOW_S)).file;
  const found = facts.flatMap(({ kind, subject, detail }) => (kind === 'clone' ? [[subject, detail?.['in_classes']] as const] : []));
  expect(Object.fromEntries(found)).toEqual({
    'a.ts': true,
    'c.ts': false,
    'e.ts': false,
  });
});

it('[D31] keeps with a copy what asks for both', async () => {
  const pairs: readonly (readonly [string, string, string])[] = [
    ['api/v1/d.ts', 'api/v2/d.ts', 'kept_apart'],
    ['api/v1/e.ts', 'lib/v1/e.ts', ''],
    ['f.config.ts', 'lib/f.config.ts', 'settings'],
    ['g.config.ts', 'lib/g.ts', ''],
    ['lib/b.ts', 'web/b.ts', ''],
    ['lib/c.ts', 'lib/legacy/c.ts', 'kept_apart'],
    ['lib/h.go', 'web/h.go', 'by_lines'],
  ];
  const files = pairs.map(([path, other], i) => {
    const text = functionOf('f').replaceAll('row', `row${i}`);
    return { [path]: text, [other]: text };
  });
  repository.commit(Object.assign({}, ...files) as Files, 9);
  const { facts } = (await measure(repository.root, {}, NOW_S)).file;
  const found = facts.flatMap(({ kind, subject, symbol, detail }) =>
    kind === 'clone' ? [[subject, symbol, REASONS.filter((name) => detail?.[name] === true).join(' ')]] : [],
  );
  expect(new Map(found.map((one) => [one[0], one]))).toEqual(new Map(pairs.map((one) => [one[0], one])));
});
