import { afterAll, expect, it } from 'vitest';
import { measure } from '../../../workers/cli/debt/measure.ts';
import { NOW_S } from '../../support/fixtures/debt-facts.ts';
import { functionOf } from '../../support/fixtures/debt-repository.ts';
import type { Files } from '../../support/fixtures/git-repository.ts';
import { GitRepository } from '../../support/fixtures/git-repository.ts';

const repository = new GitRepository(NOW_S);
afterAll(() => repository.remove());

const REASONS = ['kept_apart', 'settings', 'by_lines', 'mirror', 'for_speed'];

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
