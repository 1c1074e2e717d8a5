import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { reproducibilityOf } from '../../../../src/debt/reproducibility.ts';
import { measure } from '../../../../workers/cli/debt/measure.ts';
import { rerunRecipe } from '../../../../workers/cli/debt/recipes/rerun.ts';
import { provenanceFileOf, recipeOfScript } from '../../../../workers/cli/debt/recipes/script-recipe.ts';
import { programFor } from '../../../../workers/cli/program.ts';
import { carriedOut } from '../../../support/deployment/carried-out.ts';
import { NOW_S } from '../../../support/fixtures/debt-facts.ts';
import { json } from '../../../support/fixtures/debt-repository.ts';
import { GitRepository } from '../../../support/fixtures/git-repository.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const [A, B, C, D] = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(64));
const MINUTE_MS = 60_000;

describe('[D111] a script as a recipe', () => {
  const of = (path: string, text: string, committed: Readonly<Record<string, string>> = {}) =>
    recipeOfScript(path, text, (file) => committed[file]);

  it('reads what a shell script downloads and checks, and what it writes', () => {
    const text = `#!/usr/bin/env bash
# from https://example.org/about
set -e
curl -fsSL -o data/words.txt https://example.org/words.txt
wget https://example.org/more/stop.csv
curl -fsSL https://example.org/loose.txt > data/loose.txt
echo "${A}  data/words.txt" | sha256sum -c
sha256sum -c <<< "${B}  stop.csv"
pip install numpy==2.1.0 --hash=sha256:${C}
pip install pandas==2.2.0 scipy -r requirements.txt
python3 tools/count.py data/words.txt config/count.toml --out build/counts.json
`;
    const recipe = of('tools/build.sh', text, { 'config/count.toml': D!, 'build/counts.json': A!, 'tools/build.sh': B! });
    expect(recipe.command).toBe("bash 'tools/build.sh'");
    expect(recipe.outputs).toEqual([{ path: 'build/counts.json', sha256: A }]);
    expect(recipe.inputs).toEqual([
      { path: 'config/count.toml', sha256: D },
      { uri: 'https://example.org/words.txt', path: 'data/words.txt', sha256: A },
      { uri: 'https://example.org/more/stop.csv', sha256: B },
      { uri: 'https://example.org/loose.txt', path: 'data/loose.txt' },
      { uri: 'pypi:numpy==2.1.0', sha256: C },
      { uri: 'pypi:pandas==2.2.0' },
      { uri: 'pypi:scipy' },
    ]);
  });

  it('reads the address and hash of a Python or Node script, and the files that it opens to write', () => {
    const python = `
URL = 'https://example.org/corpus.tsv'
SHA256 = '${A}'

def main():
    rows = [row for row in open('data/rows.csv')]
    with open('out/table.csv', 'w') as table:
        table.writelines(rows)
    np.savetxt('out/means.txt', rows)
`;
    expect(of('train.py', python, { 'data/rows.csv': B!, 'out/table.csv': C!, 'out/means.txt': D! })).toEqual({
      command: "python3 'train.py'",
      inputs: [
        { path: 'data/rows.csv', sha256: B },
        { uri: 'https://example.org/corpus.tsv', sha256: A },
      ],
      outputs: [
        { path: 'out/means.txt', sha256: D },
        { path: 'out/table.csv', sha256: C },
      ],
    });
    const node = "import { readFileSync, writeFileSync } from 'node:fs';\nwriteFileSync('out/n.json', readFileSync('data/n.txt'));\n";
    expect(of('it.mjs', node, { 'data/n.txt': A!, 'out/n.json': B! })).toEqual({
      command: "node 'it.mjs'",
      inputs: [{ path: 'data/n.txt', sha256: A }],
      outputs: [{ path: 'out/n.json', sha256: B }],
    });
  });

  it('takes a hash for one address alone, the nearest', () => {
    const list = `
FILES = {
  'a': ('https://example.org/a', '${A}'),
  'b': 'https://example.org/b',
  'c': ('https://example.org/c', '${B}'),
  'd': 'https://example.org/d',
}`;
    const pinned = of('fetch.py', list).inputs.map(({ uri = '', sha256: hash }) => [uri.slice(-1), hash]);
    expect(pinned).toEqual([
      ['a', A],
      ['b', undefined],
      ['c', B],
      ['d', undefined],
    ]);
  });

  it('never has a path outside of the repository, and quotes its own', () => {
    const { command, inputs } = of("it's.sh", 'curl -o /etc/passwd https://example.org/a\ncurl -o ../b https://example.org/b\n');
    expect(command).toBe(String.raw`sh 'it'\''s.sh'`);
    expect(inputs).toEqual([{ uri: 'https://example.org/a' }, { uri: 'https://example.org/b' }]);
  });
});

describe('[D111] a script that is run again', () => {
  const repository = new GitRepository(NOW_S);
  afterAll(() => repository.remove());
  const words = 'lock weir canal\n';
  const sorted = 'canal\nlock\nweir\n';
  repository.commit(
    {
      'data/words.txt': words,
      'out/sorted.txt': sorted,
      'build.sh': "tr ' ' '\\n' < data/words.txt | LC_ALL=C sort > out/sorted.txt\n",
      'stamp.sh': 'date -u +%N > out/sorted.txt\n',
      'nothing.sh': 'echo done\n',
      'fetch.sh': `curl -o data/words.txt https://example.org/words.txt\n# ${A}\nsort data/words.txt > out/sorted.txt\npip install numpy\n`,
      '.github/debt.json': json({ inputs: { recipes: ['*.sh'] }, confidence_min: 0 }),
    },
    1,
  );
  const rerun = async (script: string) => (await rerunRecipe(join(repository.root, script), MINUTE_MS)).rerun;

  it('makes the committed files, of inputs that the commit pins', async () => {
    const found = await rerun('build.sh');
    expect(found).toMatchObject({
      hasRun: true,
      inputs: [{ name: 'data/words.txt', pinned: sha256(words), found: sha256(words) }],
      outputs: [{ name: 'out/sorted.txt', expected: sha256(sorted), made: sha256(sorted) }],
    });
    // A script states no metrics and no runtime.
    expect(reproducibilityOf(found, false)).toMatchObject({ index: 0.7, level: 'R3' });
    expect(reproducibilityOf(await rerun('stamp.sh'), false)).toMatchObject({ level: 'R1' });
    expect(execFileSync('git', ['-C', repository.root, 'status', '--porcelain', '--', 'out'], { encoding: 'utf8' })).toBe('');
  });

  it('is refused where it writes nothing that is committed', async () => {
    await expect(rerun('nothing.sh')).rejects.toThrow('nothing.sh names no committed file that it writes');
  });

  it('is measured by what it says, and by the statement beside it', async () => {
    const path = join(repository.root, 'build.sh');
    expect(provenanceFileOf(path)).toBe(`${path}.provenance.json`);
    const before = process.exitCode;
    await carriedOut(await programFor(['debt', 'repro', path, '--write']), 'debt', 'repro', path, '--write').catch(() => {});
    process.exitCode = before;
    expect(existsSync(`${path}.provenance.json`)).toBe(true);
    chmodSync(`${path}.provenance.json`, 0o644);
    repository.git('add', 'build.sh.provenance.json');
    repository.commit({ 'README.md': 'made again\n' }, 0);
    const { file } = await measure(repository.root, {}, NOW_S);
    const of = (kind: string) =>
      file.facts.filter((fact) => fact.kind === kind).map(({ subject, symbol = '', value }) => [subject, symbol, value]);
    expect(of('reproducibility')).toEqual([
      ['build.sh', '', 0.7],
      ['fetch.sh', '', 0],
      ['stamp.sh', '', 0],
    ]);
    expect(of('recipe-input')).toContainEqual(['build.sh', 'data/words.txt', sha256(words)]);
    expect(of('recipe-input')).toContainEqual(['fetch.sh', 'https://example.org/words.txt', A]);
    expect(of('recipe-input')).toContainEqual(['fetch.sh', 'pypi:numpy', '']);
  });
});
