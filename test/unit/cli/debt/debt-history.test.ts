import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { DebtFact, FactKind } from '../../../../src/contract/debt/debt-facts.ts';
import { areaOf } from '../../../../src/debt/area.ts';
import { nameAt } from '../../../../workers/cli/debt/repository/file-commits.ts';
import { keepFacts, measure } from '../../../../workers/cli/debt/measure.ts';
import { programFor } from '../../../../workers/cli/program.ts';
import { carriedOut } from '../../../support/deployment/carried-out.ts';
import {
  holdOf,
  rangesOfPackage,
  rangesOfProject,
  rangesOfRequirements,
  rangesOfSetup,
} from '../../../../workers/cli/debt/source/manifests.ts';
import { NOW_S } from '../../../support/fixtures/debt-facts.ts';
import { functionOf, json } from '../../../support/fixtures/debt-repository.ts';
import { GitRepository } from '../../../support/fixtures/git-repository.ts';

const made: GitRepository[] = [];
afterAll(() => made.forEach((repository) => repository.remove()));

/** A function whose complexity grows with its branches; each revision is another text. */
const branchy = (branches: number, revision: number): string =>
  `export function decide(a, b) {\n  let at = ${revision};\n${'  if (a) { for (const c of b) { if (c > at) at += c; } }\n'.repeat(branches)}  return at;\n}\n`;

/** Two years ago small; since then changed nine times, always together with a file that it does not import. */
function growing(): GitRepository {
  const repository = new GitRepository(NOW_S);
  made.push(repository);
  repository.commit({ 'lib/old.js': branchy(3, 0), 'lib/far.js': 'exports.x = 0;\n', 'test/other.test.js': 'it();\n' }, 1_000);
  repository.git('mv', 'lib/old.js', 'lib/core.js');
  repository.commit({ 'lib/core.js': branchy(3, 0) }, 900);
  for (let i = 1; i <= 9; i += 1) {
    repository.commit(
      { 'lib/core.js': branchy(3 + i, i), 'lib/far.js': `exports.x = ${i};\n` },
      60 - 5 * i,
      'Bo <bo@example.org>',
      'fix: it',
    );
  }
  for (let i = 0; i < 16; i += 1) repository.commit({ [`lib/f${i}.js`]: `exports.f = ${i};\n` }, 5);
  repository.commit(
    {
      'lib/user.js': "const core = require('./core');\nexports.used = core.decide;\n",
      'package.json': json({ dependencies: { a: '*' }, devDependencies: { b: '^1.0.0' } }),
      'docs_src/one.ts': functionOf('one'),
      'docs_src/two.ts': functionOf('two'),
    },
    1,
  );
  return repository;
}

const repository = growing();
const factsOf = (facts: readonly DebtFact[], kind: FactKind, subject?: string) =>
  facts.filter((one) => one.kind === kind && (subject === undefined || one.subject === subject));

describe('a history', () => {
  const measured = measure(repository.root, { cache: join(repository.root, '.cache') }, NOW_S);

  it('[D120] says what was done to each file, under the name that it has now', async () => {
    const { facts } = (await measured).file;
    const [core] = factsOf(facts, 'file-work', 'lib/core.js');
    expect(core).toMatchObject({
      value: 11,
      detail: { years: 10, authors: 2, with_tests: 1, tests: 1, tests_importing: 0, has_named_test: false },
    });
    // Five days apart: one repair, and what mended it.
    expect(core?.detail?.['repairs']).toBe(1);
  });

  it('[D123] counts the tests that import a file, and those that import its package', async () => {
    const other = new GitRepository(NOW_S);
    made.push(other);
    other.commit(
      {
        'pkg/__init__.py': 'from pkg.core import decide\n',
        'pkg/core.py': 'def decide():\n    return 1\n',
        'pkg/apart.py': 'def other():\n    return 2\n',
        'tests/test_all.py': 'import pkg\n',
      },
      9,
    );
    const { facts } = (await measure(other.root, { cache: join(other.root, '.cache') }, NOW_S)).file;
    const importing = (path: string) => factsOf(facts, 'file-work', path)[0]?.detail?.['tests_importing'];
    expect(['pkg/__init__.py', 'pkg/core.py', 'pkg/apart.py'].map(importing)).toEqual([1, 1, 0]);
  });

  it('[D121] says which files change together though neither imports the other', async () => {
    const { facts } = (await measured).file;
    expect(factsOf(facts, 'changed-with').map(({ subject, symbol, value }) => [subject, symbol, value])).toEqual([
      ['lib/core.js', 'lib/far.js', 10],
    ]);
  });

  it('[D122] says how far functions grew, by the name of two years ago', async () => {
    const { facts } = (await measured).file;
    const [grown] = factsOf(facts, 'function-growth', 'lib/core.js');
    expect(grown).toMatchObject({ symbol: 'decide', value: 9, detail: { lines: 16, lines_before: 7 } });
    expect(Number(grown?.detail?.['complexity'])).toBeGreaterThan(3 * Number(grown?.detail?.['complexity_before']));
  });

  it('[D124] counts what is beside the product, and what of it is copied', async () => {
    const { facts } = (await measured).file;
    expect(
      factsOf(facts, 'beside')
        .map(({ symbol, value, detail }) => `${symbol} ${String(value)} ${String(detail?.['copied_files'])}`)
        .sort(),
    ).toEqual(['examples 2 2', 'tests 1 undefined']);
    expect(factsOf(facts, 'clone')).toEqual([]);
  });

  it('[D125] reads what manifests allow, and when that was written', async () => {
    const { facts } = (await measured).file;
    const ranges = factsOf(facts, 'declared-range').map(({ symbol, value, detail }) => [
      symbol,
      value,
      detail?.['hold'],
      detail?.['age_days'],
    ]);
    expect(ranges).toEqual([
      ['a', '*', 'any', 0],
      ['b', '^1.0.0', 'bounded', 0],
    ]);
  });
});

it('[D121] an import is no coupling, be it by `require`', async () => {
  const linked = new GitRepository(NOW_S, repository);
  made.push(linked);
  linked.commit({ 'lib/core.js': `const far = require('./far');\n${branchy(12, 10)}` }, 0.5);
  const { facts } = (await measure(linked.root, { cache: join(linked.root, '.cache') }, NOW_S)).file;
  expect(factsOf(facts, 'changed-with')).toEqual([]);
});

describe('[D130] the report', () => {
  it('has two years by quarters, candidates with their doubts, and no markup that others wrote', async () => {
    const html = join(repository.root, 'debt.html');
    const args = ['report', repository.root, '--cache', join(repository.root, '.cache'), '--html', html, '--markdown', '-'];
    const { stdout } = await carriedOut(await programFor(['debt', ...args]), 'debt', ...args);
    expect(stdout).toContain('the product went from 8 to 35 lines, from 1 to 1 functions that are too complex');
    expect(stdout).toContain('Beside the product, and not judged as it is: 2 files of examples (30 lines), 1 file of tests');
    expect(stdout).toMatch(/No item: [a-z]/);
    const page = await readFile(html, 'utf8');
    expect(page).toContain('<h2>Two years</h2>');
    expect(page).toContain('no item: ');
    expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
  });

  it('[D129] the default output counts candidates by rule, and says why', async () => {
    const args = ['score', repository.root, '--cache', join(repository.root, '.cache')];
    const measured = await measure(repository.root, { cache: join(repository.root, '.cache') }, Math.floor(Date.now() / 1000));
    await keepFacts(measured);
    const { stdout } = await carriedOut(await programFor(['debt', ...args]), 'debt', ...args);
    expect(stdout).toMatch(/--candidates lists them: 1 \w/);
    expect(stdout).toMatch(/candidates, too unsure to be items:[^]*doubt: /);
  });
});

describe('[D128] a partial clone', () => {
  const partial = (root: string, ...filter: string[]): string => {
    repository.git('config', 'uploadpack.allowFilter', 'true');
    repository.git('clone', '-q', '--no-local', '--filter=blob:none', ...filter, `file://${repository.root}`, root);
    // Nothing can be fetched, nor may it be.
    repository.git('-C', root, 'remote', 'set-url', 'origin', 'file:///nowhere');
    return root;
  };

  it('with the texts of its commit is read by names where earlier texts are missing', async () => {
    const { repository: opened, file } = await measure(partial(join(repository.root, 'checked-out')), {}, NOW_S);
    expect(opened.lacksTexts).toBe(true);
    expect(factsOf(file.facts, 'code-complexity', 'lib/core.js')).not.toEqual([]);
    expect(factsOf(file.facts, 'file-work', 'lib/core.js')[0]?.value).toBe(11);
    // What was not read is unknown, and not none.
    for (const kind of ['function-changes', 'function-fixes', 'function-growth', 'todo'] as const)
      expect(factsOf(file.facts, kind)).toEqual([]);
    const hotspots = factsOf(file.facts, 'census').find(({ symbol }) => symbol === 'hotspots');
    expect(hotspots?.detail).toMatchObject({ 'earlier texts are missing': true });
  });

  it('without any text says what changed, and what is missing', async () => {
    const { file } = await measure(partial(join(repository.root, 'bare.git'), '--bare'), {}, NOW_S);
    expect(factsOf(file.facts, 'file-work', 'lib/core.js')[0]?.detail).toMatchObject({ unread: true });
    expect(factsOf(file.facts, 'changed-with', 'lib/core.js')[0]?.detail).toMatchObject({ unread: true });
    const hotspots = factsOf(file.facts, 'census').find(({ symbol }) => symbol === 'hotspots');
    expect(hotspots?.detail?.['left out: not in this clone']).toBe(22);
  });
});

it('[D120] a file is found under the name that it had at a time', () => {
  const renames = [
    { atS: 30, before: 'b', path: 'c', now: 'c' },
    { atS: 20, before: 'a', path: 'b', now: 'c' },
  ];
  expect([35, 30, 25, 10].map((atS) => nameAt('c', atS, renames))).toEqual(['c', 'c', 'b', 'a']);
  expect(nameAt('other', 10, renames)).toBe('other');
});

it('[D22] examples, documentation and tooling are apart from the product and from each other', () => {
  const areas = ['docs_src/a.py', 'docs/a.py', 'examples/a.js', 'scripts/a.sh', '.github/actions/a.py', 'tests/docs/a.py', 'src/a.py'].map(
    areaOf,
  );
  expect(areas).toEqual(['examples', 'docs', 'examples', 'tooling', 'tooling', 'tests', 'product']);
  expect(['noxfile.py', 'sub/gulpfile.js', 'setup.py', 'lib/setup_all.py'].map(areaOf)).toEqual([
    'tooling',
    'tooling',
    'tooling',
    'product',
  ]);
  expect(['src/scripts/a.py', 'src/tools/a.ts', 'lib/documents/a.js'].map(areaOf)).toEqual(['product', 'product', 'product']);
});

describe('[D125] manifests', () => {
  const of = (ranges: readonly { name: string; range: string; line: number; isForDevelopment: boolean }[]) =>
    ranges.map(({ name, range, line, isForDevelopment }) => `${line} ${name} ${range}${isForDevelopment ? ' dev' : ''}`);

  it('of npm name what the project chooses', () => {
    const text = json({
      name: 'a',
      dependencies: { b: '1.0.0', c: 'workspace:*' },
      devDependencies: { b: '*' },
      peerDependencies: { d: '*' },
    });
    expect(of(rangesOfPackage(text))).toEqual(['4 b 1.0.0', '8 b * dev']);
    expect(rangesOfPackage('{')).toEqual([]);
  });

  it('of Python say what is required, and on which line', () => {
    expect(of(rangesOfRequirements('requirements/dev.txt', 'a==1 ; python_version<"4"\n# c\n-r x.txt\nb[x] >= 2, <3  # why\nc\n'))).toEqual(
      ['1 a ==1 dev', '4 b >=2,<3 dev', '5 c  dev'],
    );
    const project =
      '[project]\nname = "x"\ndependencies = [\n  "a>=1",\n  "b[x]~=2.0 ; python_version < \'4\'",\n]\n[dependency-groups]\ndev = [{ include-group = "t" }, "c"]\n[tool.x]\nd = ["e"]\n[tool.poetry.dependencies]\npython = "^3"\nf = "^1.2"\n';
    expect(of(rangesOfProject(project))).toEqual(['4 a >=1', '5 b ~=2.0', '8 c  dev', '13 f ^1.2']);
    const commented = '[project.optional-dependencies]\nstandard = [\n  "a>=1",\n  # "b>=2",\n]\nall = ["a>=1", "b>=2"]\n';
    expect(of(rangesOfProject(commented)), 'what is commented out is not declared').toEqual(['3 a >=1 dev', '6 a >=1 dev', '6 b >=2 dev']);
    expect(rangesOfProject('[project')).toEqual([]);
    const setup = '[options]\ninstall_requires =\n    a>=1\n    b\npython_requires = >=3\n[options.extras_require]\ndev =\n    c==1\n';
    expect(of(rangesOfSetup(setup))).toEqual(['3 a >=1', '4 b ', '8 c ==1 dev']);
  });

  it('hold a package to one version, to a bound, or not at all', () => {
    const holds = [
      '',
      '*',
      'latest',
      '>=0',
      'user/repo',
      'git+https://x/y.git#v1',
      '@git+https://x/y.git@abcdef1',
      '1.2.3',
      '==2.0',
      '==2.*',
      '^1.0',
      '<3',
      '>=1',
    ];
    expect(holds.map(holdOf)).toEqual([
      'any',
      'any',
      'any',
      'any',
      'moving',
      'moving',
      'exact',
      'exact',
      'exact',
      'bounded',
      'bounded',
      'bounded',
      'open',
    ]);
  });
});
