import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from 'sarif';
import { afterAll, describe, expect, it } from 'vitest';
import type { DebtFact } from '../../../../src/contract/debt/debt-facts.ts';
import { isAuthor } from '../../../../src/debt/teams/ownership.ts';
import { lagOf } from '../../../../workers/cli/debt/collectors/packages.ts';
import { portions } from '../../../../workers/cli/debt/debt-upload.ts';
import { programFor } from '../../../../workers/cli/program.ts';
import { measure } from '../../../../workers/cli/debt/measure.ts';
import { factOf, todosOf } from '../../../support/debt/signed-upload.ts';
import { openRepository } from '../../../../workers/cli/debt/repository/repository.ts';
import { NOW_S } from '../../../support/fixtures/debt-facts.ts';
import { functionOf, json } from '../../../support/fixtures/debt-repository.ts';
import type { Files } from '../../../support/fixtures/git-repository.ts';
import { GitRepository } from '../../../support/fixtures/git-repository.ts';
import { carriedOut } from '../../../support/deployment/carried-out.ts';

const made: GitRepository[] = [];
afterAll(() => made.forEach((repository) => repository.remove()));

/** Facts that were collected now: commands read the clock. */
const nowS = Math.floor(Date.now() / 1000);
const repositoryOf = (): GitRepository => {
  const repository = new GitRepository(nowS);
  made.push(repository);
  repository.commit({ 'src/a.ts': functionOf('one'), CODEOWNERS: '* @all\n', 'README.md': 'read\n' }, 30);
  return repository;
};
const sluiceDebt = async (...args: string[]) => carriedOut(await programFor(['debt', ...args]), 'debt', ...args);
const jsonOf = async (...args: string[]) => JSON.parse((await sluiceDebt(...args, '--json')).stdout) as Record<string, unknown>;

it('[D29] a repository is named by its origin, without credentials', async () => {
  const repository = repositoryOf();
  repository.git('remote', 'add', 'origin', '/srv/search.git/');
  const nameUnder = async (origin: string): Promise<string> => {
    repository.git('remote', 'set-url', 'origin', origin);
    return (await openRepository(repository.root, 'HEAD')).name;
  };
  const origins = [
    'https://github.com/example/search.git',
    'https://ci:p%40ss@github.com/example/search',
    'https://ci:p@ss@github.com/example/search/',
    'ssh://git@github.com:22/example/search.git',
    'git@github.com:example/search.git',
    'github.com:/example/search.git',
  ];
  for (const origin of origins) expect(await nameUnder(origin), origin).toBe('github.com/example/search');
  for (const origin of ['/srv/search.git/', 'file:///srv/search', '../search']) expect(await nameUnder(origin), origin).toBe('search');
  repository.git('remote', 'remove', 'origin');
  repository.commit({ 'package.json': json({ name: '@example/search' }) }, 1);
  expect((await openRepository(repository.root, 'HEAD')).name).toBe('search');
});

it('[D99] an upload has facts by whole signals, and none that has expired', () => {
  const file = (facts: DebtFact[]) => ({
    format: 'sluice-debt-facts-1' as const,
    repository: 'r',
    git_commit: null,
    collected_at: NOW_S,
    facts,
  });
  const lost = { ...factOf({ kind: 'census', subject: '.', symbol: 'coverage', value: 1, unit: 'subjects' }, 0), ttl_s: 1 };
  const todos = todosOf({ 'src/a.ts': 200 }, NOW_S);
  expect(portions(file([...todos, lost]), NOW_S)).toEqual([todos]);
  const many = (kind: 'type-hole' | 'clone', unit: string) =>
    Array.from({ length: 5_000 }, (_, at) => factOf({ kind, subject: `src/${at}.ts`, value: 1, unit }, NOW_S));
  const [holes, clones] = [many('type-hole', 'count'), many('clone', 'lines')];
  expect(portions(file([...holes, ...clones]), NOW_S)).toEqual([holes, clones]);
  expect(() => portions(file([...holes, ...holes]), NOW_S)).toThrow('a signal has 10000 facts');
});

describe('[D17] collecting again', () => {
  it('reads what changed only, and finds what reading everything finds', async () => {
    const repository = repositoryOf();
    repository.commit({ 'src/b.ts': 'export const b = 1;\n', 'src/c.py': 'c = 1\n' }, 20, 'Bo <bo@example.org>');
    const first = await measure(repository.root, {}, NOW_S);
    expect(first.read).toEqual({ files: 3, ofFiles: 3, commits: 2, ofCommits: 2 });
    repository.git('mv', 'src/a.ts', 'src/moved.ts');
    repository.commit({ 'src/b.ts': 'export const b = 2;\nexport const c = 3;\n' }, 5);
    const second = await measure(repository.root, {}, NOW_S);
    expect(second.read).toEqual({ files: 1, ofFiles: 3, commits: 1, ofCommits: 3 });
    const cache = join(repository.root, 'fresh');
    const whole = await measure(repository.root, { cache }, NOW_S);
    expect(whole.read).toEqual({ files: 3, ofFiles: 3, commits: 3, ofCommits: 3 });
    // The hash of a history is that of what was read of it, in one part or two.
    const comparable = (file: typeof whole.file) =>
      file.facts.map(({ evidence, value, ...rest }) => ({
        ...rest,
        value: typeof value === 'number' ? Number(value.toFixed(9)) : value,
        evidence: evidence.file.startsWith('git log') ? evidence.file : evidence,
      }));
    expect(comparable(second.file)).toEqual(comparable(whole.file));
    const churn = whole.file.facts.find(({ kind, subject }) => kind === 'code-churn' && subject === 'src/moved.ts');
    expect(churn?.value).toBeGreaterThan(1);
  });

  it('finds the same whatever is configured, and runs nothing that the repository names', async () => {
    const repository = repositoryOf();
    const settings = { 'debt.json': json({ inputs: { settings: ['settings.json'] } }), 'settings.json': json({ rows: 1, nowhere: 2 }) };
    repository.commit({ ...settings, 'src/ä.ts': '// TODO: later\nexport const a = 1;\n' }, 2);
    const before = await measure(repository.root, { cache: join(repository.root, 'before') }, NOW_S);
    const ran = join(repository.root, 'ran');
    const configured = {
      'color.ui': 'always',
      'grep.lineNumber': 'true',
      'grep.column': 'true',
      'log.showSignature': 'true',
      'gpg.program': `touch ${ran}`,
      'core.fsmonitor': `touch ${ran}`,
      'diff.x.textconv': `touch ${ran}; cat`,
      'diff.external': `touch ${ran}`,
    };
    for (const [name, value] of Object.entries(configured)) repository.git('config', name, value);
    repository.write({ '.git/info/attributes': '*.ts diff=x\n' });
    const after = await measure(repository.root, { cache: join(repository.root, 'after') }, NOW_S);
    expect(after.file).toEqual(before.file);
    expect(after.file.facts.filter(({ kind }) => kind === 'unused-setting' || kind === 'todo').map(({ symbol }) => symbol)).toHaveLength(2);
    expect(existsSync(ran)).toBe(false);
  });

  it('counts what is left out, by reason, and reads bare repositories', async () => {
    const repository = repositoryOf();
    repository.commit(
      {
        'vendor/v.ts': 'export {};\n',
        'src/_vendor/w.ts': 'export {};\n',
        'dist/d.js': 'var d;\n',
        'src/bad.ts': 'const = ;\n',
        'src/g.ts': '// @generated\n',
      },
      2,
    );
    const bare = join(repository.root, 'bare.git');
    repository.git('clone', '-q', '--bare', '.', bare);
    const { file, read } = await measure(bare, {}, NOW_S);
    expect([read.files, read.ofFiles]).toEqual([3, 3]);
    const census = file.facts.find(({ kind, symbol }) => kind === 'census' && symbol === 'hotspots');
    expect(census?.detail).toMatchObject({
      'left out: vendored': 2,
      'left out: generated': 2,
      'left out: does not parse': 1,
      'left out: no source code': 2,
    });
  });
});

describe('[D16] sluice debt check', () => {
  it('passes where nothing blocks, and fails where changed files carry more', async () => {
    const repository = repositoryOf();
    const base = repository.git('rev-parse', 'HEAD').trim();
    const passed = await sluiceDebt('check', repository.root, '--ratchet', base);
    expect([passed.status, passed.stdout.split('\n').at(-1)]).toEqual([0, 'passed']);
    repository.commit({ 'src/copy.ts': functionOf('two') }, 1);
    const baseline = join(repository.root, 'baseline.json');
    const sarif = join(repository.root, 'debt.sarif');
    const failed = await sluiceDebt('check', repository.root, '--ratchet', base, '--sarif', sarif, '--write-baseline', baseline);
    expect(failed.status).toBe(1);
    expect(failed.stdout).toMatch(
      /worse: src\/copy\.ts, from 0 to 9 minutes: 14 lines of src\/a\.ts \(line 2\) and src\/copy\.ts \(line 2\) are the same/,
    );
    expect((await sluiceDebt('check', repository.root, '--ratchet', baseline)).status, 'it is the baseline now').toBe(0);
    const { runs } = JSON.parse(await readFile(sarif, 'utf8')) as Log;
    expect(
      runs[0]?.results?.map(({ ruleId, level, locations }) => [ruleId, level, locations?.[0]?.physicalLocation?.artifactLocation?.uri]),
    ).toEqual([['duplicate-code', 'note', 'src/a.ts']]);
    expect(runs[0]?.tool.driver.rules?.map(({ id }) => id)).toEqual(['duplicate-code']);
  });

  it('of a clone without the commit of the baseline compares the whole', async () => {
    const repository = repositoryOf();
    const baseline = join(repository.root, 'baseline.json');
    const kept = { format: 'sluice-debt-baseline-1', commit: 'ab'.repeat(20), minutes: 0, lines: 100 };
    await writeFile(baseline, JSON.stringify(kept));
    expect((await sluiceDebt('check', repository.root, '--ratchet', baseline)).status).toBe(0);
    repository.commit({ 'src/copy.ts': functionOf('two') }, 1);
    const failed = await sluiceDebt('check', repository.root, '--ratchet', baseline);
    expect([failed.status, failed.stdout]).toEqual([1, expect.stringContaining('all 2 files, compared with')]);
    // A branch that a folder has the name of is a branch.
    repository.git('branch', 'test');
    expect((await sluiceDebt('check', repository.root, '--ratchet', 'test')).stdout).toContain('compared with commit');
    const broken = join(repository.root, 'broken.json');
    await writeFile(broken, '{');
    expect((await sluiceDebt('check', repository.root, '--ratchet', broken)).stderr).toContain('broken.json is not a JSON object');
    const unknown = await sluiceDebt('check', repository.root, '--ratchet', 'no-such-branch');
    expect([unknown.status, unknown.stderr]).toEqual([1, expect.stringContaining('neither a commit of this clone nor a baseline file')]);
  });

  it('blocks on an unowned component of tier 1, and says so in SARIF', async () => {
    const repository = repositoryOf();
    repository.commit({ 'debt.json': json({ components: [{ name: 'a', paths: ['src'], tier: 1 }] }), CODEOWNERS: '/docs/ @all\n' }, 1);
    const sarif = join(repository.root, 'debt.sarif');
    const checked = await sluiceDebt('check', repository.root, '--sarif', sarif);
    expect([checked.status, checked.stdout]).toEqual([1, expect.stringContaining('blocks: a no team owns it (tier 1) (no-owner)')]);
    const { runs } = JSON.parse(await readFile(sarif, 'utf8')) as Log;
    expect(runs[0]?.results).toMatchObject([{ ruleId: 'no-owner', level: 'error', locations: [{ logicalLocations: [{ name: 'a' }] }] }]);
  });
});

describe('sluice debt', () => {
  it('scores and explains what was collected', async () => {
    const repository = repositoryOf();
    expect((await sluiceDebt('score', repository.root)).stderr).toContain('run `sluice debt collect` first');
    repository.commit({ 'src/copy.ts': functionOf('two') }, 1);
    expect((await sluiceDebt('collect', repository.root)).stdout).toContain('read 2 of 2 source files and 2 of 2 commits');
    expect(repository.git('status', '--porcelain')).toBe('');
    const scored = await jsonOf('score', repository.root);
    const [finding] = scored['findings'] as { id: string; rule: string }[];
    expect(finding?.rule).toBe('duplicate-code');
    const explained = await sluiceDebt('explain', finding!.id.slice(0, 8), repository.root);
    expect(explained.stdout).toContain('rule: Fires on two files with the same code');
    expect(explained.stdout).toMatch(/src\/a\.ts, sha256 [0-9a-f]{64}/);
    expect((await sluiceDebt('explain', 'zz', repository.root)).status).toBe(1);
    // More owners than a fact can hold.
    repository.commit({ CODEOWNERS: `* ${'@a-team-with-a-name '.repeat(100)}\n` }, 0.5);
    await sluiceDebt('collect', repository.root);
    expect((await sluiceDebt('score', repository.root)).status).toBe(0);
    expect((await sluiceDebt('score', repository.root)).stdout).toContain('duplicate-code: src/a.ts');
    repository.commit({ 'src/copy.ts': null }, 0);
    expect((await sluiceDebt('score', repository.root)).stderr).toContain('run `sluice debt collect` to have newer ones');
  });

  it('[D30] [D31] [D27] reads of the history what complexity and copies have cost', async () => {
    const repository = repositoryOf();
    const deep = (limit: number): string =>
      `export function f(a: number[]): void {\n${'  for (const b of a) { while (b) { if (b) { if (a) { f(a); } else f([]); } } }\n'.repeat(4)}${Array.from({ length: 100 }, (_, i) => `  f([${i}, a.length]);\n`).join('')}  if (a[0] === ${limit}) f([]);\n  if (a[1] === ${limit}) f([]);\n}\n`;
    const copied = (limit: number): string => functionOf('copied').replace('{', `{\n  if (1 > ${limit}) return 0;`);
    const files = (limit: number): Files => ({
      'src/deep.ts': deep(limit),
      'src/b.ts': copied(limit),
      'lib/c.ts': copied(limit),
    });
    const ADA = 'Ada <ada@example.org>';
    // Two years before the last of these, and a quarter of an hour: git is asked from some days earlier on.
    repository.commit(files(1), 95 + 730.01, ADA, 'fix: too old to count');
    repository.commit(files(2), 600, ADA, 'feat: allow two');
    for (const limit of [3, 4, 5]) repository.commit(files(limit), 215 - 20 * limit, ADA, `fix: allow ${limit}`);
    const oneLine = deep(5).replace('a[0] === 5', 'a[0] == 5');
    repository.commit({ 'src/deep.ts': `// for two\n${oneLine}` }, 96, ADA, 'fix: compare loosely');
    repository.commit(files(6), 95, ADA, 'fix: allow 6');
    const { facts } = (await measure(repository.root, {}, nowS)).file;
    const of = (kind: string) => facts.filter((one) => one.kind === kind);
    expect(of('function-fixes')).toMatchObject([{ subject: 'src/deep.ts', symbol: 'f', value: 4, detail: { commits: 5 } }]);
    // The third, src/a.ts, was there before and did not change: it has less than nine tenths of the lines.
    expect(of('clone').filter(({ detail }) => detail?.['copies'] !== 0)).toMatchObject([
      { subject: 'lib/c.ts', symbol: 'src/b.ts', detail: { commits_to_both: 5, copies: 2 } },
    ]);
    await sluiceDebt('collect', repository.root);
    const { findings, candidates } = (await jsonOf('score', repository.root)) as Record<string, { rule: string; id: string }[]>;
    expect([findings, candidates].map((all) => all?.map(({ rule }) => rule).sort())).toEqual([['complex-function', 'duplicate-code'], []]);
    repository.commit({ 'src/wish.ts': '// TODO: more\nexport const wish = 1;\n' }, 94);
    repository.commit({ 'README.md': 'read more\n' }, 1);
    await sluiceDebt('collect', repository.root);
    const { stdout } = await sluiceDebt('score', repository.root, '--candidates');
    expect(stdout).toContain('candidates, which are too unsure to be items: 1;');
    expect(stdout).toContain('old-todo: src/wish.ts');
    const [items, ...more] = (await sluiceDebt('score', repository.root)).stdout.split('candidates, too unsure to be items:');
    expect([items!.includes('src/wish.ts'), more.join('').includes('src/wish.ts')]).toEqual([false, true]);
    const { candidates: [wish] = [] } = (await jsonOf('score', repository.root)) as Record<string, { id: string }[]>;
    expect((await sluiceDebt('explain', wish!.id, repository.root)).stdout).toContain('readers of public repositories called debt');
  });

  it('[D19] learns from items that closed what paying takes, by the commits that touched them', async () => {
    const repository = repositoryOf();
    const holes = (count: number): string => 'export let a: any;\n'.repeat(count).replaceAll('a:', () => `a${(count += 1)}:`);
    repository.commit({ 'src/b.ts': holes(5), 'debt.json': json({ confidence_min: 0 }) }, 9);
    await sluiceDebt('collect', repository.root);
    const changeMinutes = async (): Promise<number> => {
      const { facts } = JSON.parse(await readFile(join(repository.root, '.sluice/debt/facts.json'), 'utf8')) as { facts: DebtFact[] };
      return Number(facts.find(({ kind }) => kind === 'change-time')?.value);
    };
    const before = 10 + (await changeMinutes());
    const estimated = (await jsonOf('score', repository.root))['findings'] as { rule: string; principal_minutes: object }[];
    expect(estimated).toMatchObject([{ rule: 'type-hole', principal_minutes: { p50: before } }]);
    repository.commit({ 'src/other.ts': 'export const c = 1;\n' }, 7);
    // The only commit of its day, of which half an hour is seen.
    repository.commit({ 'src/b.ts': 'export const b = 1;\n' }, 5);
    await sluiceDebt('collect', repository.root);
    repository.commit({ 'src/d.ts': holes(5) }, 1);
    // An earlier commit in between opens nothing, so that nothing is paid twice.
    for (const commit of ['HEAD', 'HEAD~3', 'HEAD']) await sluiceDebt('collect', repository.root, '--commit', commit);
    const learnt = (await jsonOf('score', repository.root))['findings'] as { rule: string; principal_minutes: { p50: number } }[];
    const took = Math.sqrt(30 * 480);
    expect(learnt[0]?.principal_minutes.p50).toBeCloseTo((10 + (await changeMinutes())) * (took / before) ** (1 / 11), 6);
  });

  it('[D8] counts a signal that an earlier collection knew as a gap, though nothing expects it', async () => {
    const repository = repositoryOf();
    repository.commit({ 'debt.json': json({ inputs: { coverage: ['lcov.info'] } }), '.gitignore': 'lcov.info\n' }, 1);
    repository.write({ 'lcov.info': 'SF:src/a.ts\nBRDA:5,0,0,4\nend_of_record\n' });
    await sluiceDebt('collect', repository.root);
    expect(await jsonOf('score', repository.root)).toMatchObject({ findings: [], total: { rating: 'A' } });
    repository.write({ 'lcov.info': null });
    for (const again of [1, 2]) {
      await sluiceDebt('collect', repository.root);
      const scored = await jsonOf('score', repository.root);
      expect(scored, `${again}`).toMatchObject({ findings: [{ rule: 'measurement-gap', symbol: 'coverage' }], total: { rating: 'C' } });
    }
  });

  it('[D26] takes the summary of coverage that a repository keeps as of when and where tests were run', async () => {
    const repository = repositoryOf();
    const NONE = { lines: { covered: 0, total: 1 }, branches: { covered: 0, total: 1 } };
    const kept = (atS: number, covered: number) => ({
      'coverage.json': json({
        format: 'sluice-debt-coverage-1',
        git_commit: 'c'.repeat(40),
        collected_at: atS,
        command: 'npm test',
        tests: 'unit tests',
        left_out: { 'bin/**': 'other tests start it' },
        files: { 'src/a.ts': { lines: { covered: 9, total: 9 }, branches: { covered, total: 4 } }, 'src/gone.ts': NONE },
      }),
    });
    repository.commit({ 'debt.json': json({ expects: ['coverage'], inputs: { coverage: ['coverage.json'] } }), ...kept(nowS - 99, 1) }, 1);
    const { file } = await measure(repository.root, {}, nowS);
    const [fact, census] = file.facts.filter(({ kind, symbol }) => kind === 'missed-branches' || symbol === 'coverage');
    expect(fact).toMatchObject({ subject: 'src/a.ts', value: 3, detail: { branches: 4, tests: 'unit tests' }, collected_at: nowS - 99 });
    expect(fact?.evidence).toMatchObject({ file: 'coverage.json', git_commit: 'c'.repeat(40) });
    expect(census).toMatchObject({ value: 1, collected_at: nowS - 99 });
    repository.commit(kept(nowS - 31 * 86_400, 4), 0.5);
    await sluiceDebt('collect', repository.root);
    expect((await jsonOf('score', repository.root))['findings']).toMatchObject([{ rule: 'measurement-gap', symbol: 'coverage' }]);
    repository.commit(kept(nowS, 5), 0);
    expect((await sluiceDebt('collect', repository.root)).stderr).toContain('must not cover more than there are');
  });

  it('refuses what is no repository, no policy and no revision', async () => {
    expect((await sluiceDebt('collect', '/nowhere')).stderr).toContain('/nowhere does not exist');
    expect((await sluiceDebt('collect', '/')).stderr).toContain('is no git repository');
    const repository = repositoryOf();
    expect((await sluiceDebt('collect', repository.root, '--commit', 'nope')).stderr).toContain('has no commit nope');
    repository.commit({ 'debt.json': json({ components: [{ name: 'a', tier: 4 }] }) }, 1);
    const refused = await sluiceDebt('collect', repository.root);
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('debt.json: ')]);
    repository.commit({ 'debt.json': json({ inputs: { coverage: ['../secrets'] } }) }, 1);
    expect((await sluiceDebt('collect', repository.root)).stderr).toContain('has to lie in the repository');
  });
});

describe('collectors', () => {
  it('tell how far a version is behind, and use dates only where they rise', () => {
    const dated = (dates: readonly number[]) =>
      Object.fromEntries(['1.0.0', '1.4.0', '2.0.0', '3.1.0', '4.0.0-rc.1'].map((version, i) => [version, { released_at: dates[i] ?? 0 }]));
    const year = 365.25 * 86_400;
    expect(lagOf('1.4.0', dated([0, year, 2 * year, 3 * year, 4 * year]))).toEqual({
      majors: 2,
      detail: { installed: '1.4.0', latest: '3.1.0', minors: 0, libyears: 2 },
    });
    const copied = lagOf('1.0.0', dated([5, 5, 5, 5, 5]));
    expect(copied).toMatchObject({ majors: 2, detail: { dates: 'unreliable or absent: versions are compared' } });
    expect(lagOf('3.0.0', dated([1, 2, 3, 4]))).toMatchObject({ majors: 0, detail: { minors: 1 } });
    expect(lagOf('main', dated([1]))).toBeUndefined();
  });

  it('[D10] count the commits of a year among the lines of a complex function, and not those around it', async () => {
    const repository = repositoryOf();
    const branch = (name: string): string => `  for (const x of a) { if (x > 1) { while (x < 9) { ${name}(x); } } }`;
    const write = (before: string, third: string, last: string, daysAgo: number) => {
      const body = [branch('one'), branch('two'), third, branch(last), branch('five')].join('\n');
      repository.commit({ 'src/f.ts': `${before}export function f(a: number[]) {\n${body}\n}\n` }, daysAgo);
    };
    write('', branch('three'), 'four', 800);
    write('', branch('third'), 'four', 400);
    write('', branch('third'), 'fourth', 20);
    write('export let b = 1;\n', branch('third'), 'fourth', 10);
    const changes = async (cache: string) => {
      const { file } = await measure(repository.root, { cache: join(repository.root, cache) }, NOW_S);
      return file.facts.find(({ kind }) => kind === 'function-changes');
    };
    expect(await changes('a')).toMatchObject({ subject: 'src/f.ts', symbol: 'f', value: 1, detail: { line: 2, last_line: 8 } });
    write('export let b = 2;\n', branch('third'), 'last', 1);
    expect((await changes('a'))?.value).toBe(1);
    write('export let b = 2;\n', branch('new'), 'last', 0.5);
    expect([(await changes('a'))?.value, (await changes('b'))?.value]).toEqual([2, 2]);
  });

  it('[D20] find no owner missing where nothing has owners or is declared', async () => {
    const ownersOf = async (files: Files) => {
      const repository = repositoryOf();
      repository.commit({ CODEOWNERS: null, 'lib/b.ts': 'export const b = 1;\n', ...files }, 1);
      const { facts, policy } = await measure(repository.root, {}, NOW_S);
      expect(policy.expects.includes('ownership')).toBe(false);
      return facts.of('owner').map(({ subject, value }) => `${subject}: ${value}`);
    };
    expect(await ownersOf({})).toEqual([]);
    expect(await ownersOf({ 'lib/CODEOWNERS': '* @lib\n' })).toEqual([]);
    const [core, lib] = [
      { name: 'core', paths: ['src'] },
      { name: 'lib', paths: ['lib'], owners: ['@lib'] },
    ];
    expect(await ownersOf({ 'debt.json': json({ components: [core] }) })).toEqual(['core: ']);
    expect(await ownersOf({ 'debt.json': json({ components: [lib] }) })).toEqual(['lib: @lib', 'src: ']);
    expect(await ownersOf({ '.github/CODEOWNERS': '/lib/ @lib\n' })).toEqual(['lib: @lib', 'src: ']);
  });

  it('tell owners among authors by handle, address or name', () => {
    const author = 'Ada Lovelace <1234+ada@users.noreply.github.com>';
    expect(['@ada', '@adalovelace', '1234+ada@users.noreply.github.com'].filter((owner) => !isAuthor(owner, author))).toEqual([]);
    expect(['@ad', '@org/ada', 'ada@example.org'].filter((owner) => isAuthor(owner, author))).toEqual([]);
  });
});
