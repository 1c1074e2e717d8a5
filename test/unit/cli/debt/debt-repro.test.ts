import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { provenanceStatement } from '../../../../src/contract/debt/provenance.ts';
import { reproducibilityOf } from '../../../../src/debt/reproducibility.ts';
import { run } from '../../../../workers/cli/command/command.ts';
import { rerunRecipe } from '../../../../workers/cli/debt/recipes/rerun.ts';
import { programFor } from '../../../../workers/cli/program.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const MINUTE_MS = 60_000;

/** Counts the words of an input, and says whether it could reach this machine's own network. */
const BUILD = `
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
const words = readFileSync('data/words.txt', 'utf8').trim().split(/\\s+/).sort();
mkdirSync('out', { recursive: true });
writeFileSync('out/counts.json', JSON.stringify({ words: words.length, first: words[0], ...process.env.EXTRA && { extra: process.env.EXTRA } }));
writeFileSync('out/report.json', JSON.stringify({ metrics: { words: words.length } }));
`;
const WORDS = 'lock weir canal sluice';
const COUNTS = '{"words":4,"first":"canal"}';

const recipe = {
  command: 'node build.mjs',
  node: process.version,
  inputs: [{ path: 'data/words.txt', sha256: sha256(WORDS) }],
  outputsFolder: 'out',
  outputs: [{ path: 'counts.json', sha256: sha256(COUNTS) }],
  metrics: { words: 4 },
  metricsFile: 'report.json',
};

describe('a recipe that is run again', () => {
  let root: string;
  const git = (...words: string[]): void => {
    execFileSync('git', ['-C', root, '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...words], { stdio: 'pipe' });
  };

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'sluice-test-recipe-'));
    await mkdir(join(root, 'data'));
    await mkdir(join(root, 'out'));
    await writeFile(join(root, 'build.mjs'), BUILD);
    await writeFile(join(root, 'data/words.txt'), WORDS);
    await writeFile(join(root, 'out/counts.json'), COUNTS);
    git('init', '--quiet');
    git('add', '.');
    git('commit', '--quiet', '-m', 'all');
  });
  afterAll(() => rm(root, { recursive: true }));

  async function rerun(change: object) {
    const path = join(root, 'recipe.json');
    await writeFile(path, JSON.stringify({ ...recipe, ...change }));
    return (await rerunRecipe(path, MINUTE_MS)).rerun;
  }

  it('[D45] runs in a clone of the last commit and leaves the repository as it was', async () => {
    const found = await rerun({});
    expect(found).toMatchObject({
      hasRun: true,
      inputs: [{ name: 'data/words.txt', pinned: sha256(WORDS), found: sha256(WORDS) }],
      outputs: [{ name: 'counts.json', expected: sha256(COUNTS), made: sha256(COUNTS) }],
      metrics: [{ name: 'words', expected: 4, measured: 4 }],
      isEnvironmentRecorded: true,
    });
    expect(reproducibilityOf(found, false).level).toBe('R3');
    expect(execFileSync('git', ['-C', root, 'status', '--porcelain'], { encoding: 'utf8' }).trim()).toBe('?? recipe.json');
  });

  it('[D45] has no use of the committed outputs', async () => {
    const found = await rerun({ command: 'true' });
    expect(found).toMatchObject({ hasRun: false, outputs: [{ made: undefined }] });
    expect(reproducibilityOf(found, false)).toMatchObject({ index: 0, level: 'R0' });
  });

  it.each([
    ['time zone', 'EXTRA=$(date +%Z) node build.mjs'],
    ['language', 'EXTRA=$LANG node build.mjs'],
    ['umask', 'EXTRA=$(umask) node build.mjs'],
    ['home folder', 'EXTRA=$HOME node build.mjs'],
  ])('[D45] shows a build that depends on the %s', async (_, shellCommand) => {
    const usual = JSON.stringify({
      words: 4,
      first: 'canal',
      extra: execFileSync('sh', ['-c', `${shellCommand.split(' node')[0]}; printf %s "$EXTRA"`], { encoding: 'utf8' }),
    });
    const found = await rerun({ command: shellCommand, outputs: [{ path: 'counts.json', sha256: sha256(usual) }] });
    expect(found.hasRun).toBe(true);
    expect(found.outputs[0]?.made).not.toBe(sha256(usual));
  });

  it('[D42] caps the index at 0.5 when an input was altered', async () => {
    await writeFile(join(root, 'data/words.txt'), `${WORDS} dam`);
    try {
      const found = await rerun({});
      expect(found.inputs).toEqual([{ name: 'data/words.txt', pinned: sha256(WORDS), found: sha256(`${WORDS} dam`) }]);
      expect(reproducibilityOf(found, false).index).toBeLessThanOrEqual(0.5);
    } finally {
      await writeFile(join(root, 'data/words.txt'), WORDS);
    }
  });

  it('[D43] cannot reach a network where the system lets it be cut off', async () => {
    // Without a network of its own, a command finds the interfaces of this machine.
    const found = await rerun({ command: 'EXTRA=$(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " \\n") node build.mjs' });
    const alone = sha256('{"words":4,"first":"canal","extra":"lo"}');
    if (found.isNetworkCut) expect(found.outputs[0]?.made).toBe(alone);
    else expect(reproducibilityOf(found, false).index).toBeLessThanOrEqual(0.9);
  });

  it('[D44] writes its provenance beside the recipe, and exits with 1 below an index of 1', async () => {
    const path = join(root, 'recipe.json');
    await writeFile(path, JSON.stringify({ ...recipe, node: 'v1.0.0' }));
    const before = process.exitCode;
    const status = await run(await programFor(['debt', 'repro']), ['debt', 'repro', path, '--write']);
    process.exitCode = before;
    expect(status).toBe(1);
    const statement = provenanceStatement.parse(JSON.parse(await readFile(join(root, 'provenance.json'), 'utf8')));
    expect(statement.subject).toEqual([{ name: 'counts.json', digest: { sha256: sha256(COUNTS) } }]);
    await rm(join(root, 'provenance.json'));
  });

  it.each([
    ['no JSON', 'node', 'is not JSON'],
    ['a field that is missing', '{"command": "true", "inputs": []}', 'is not a recipe: outputs'],
    [
      'a path that leaves the folder',
      JSON.stringify({ ...recipe, outputs: [{ path: '../x', sha256: sha256('') }] }),
      'outputs.0.path must be a path inside',
    ],
  ])('refuses %s', async (_, text, message) => {
    const path = join(root, 'recipe.json');
    await writeFile(path, text);
    await expect(rerunRecipe(path, MINUTE_MS)).rejects.toThrow(message);
  });
});
