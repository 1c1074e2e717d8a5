import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { afterEach, expect, it, vi } from 'vitest';

import { CONTRACT_VERSION } from '../../../src/contract/api/version.ts';
import { programFor } from '../../../workers/cli/program.ts';
import { carriedOut } from '../../support/deployment/carried-out.ts';

afterEach(() => void vi.unstubAllEnvs());

const sluice = (...args: string[]) =>
  spawnSync(process.execPath, [join(import.meta.dirname, '../../../workers/cli/sluice.ts'), ...args], { encoding: 'utf8' });

it('carries out a command', () => {
  const { status, stdout } = sluice('models', 'verify');
  expect(status).toBe(0);
  expect(stdout).toContain('glove-sif-100@1: glove-sif-100/model.onnx verified');
  expect(stdout).toContain('glove-sif-100@2: glove-sif-100/2/model.onnx verified');
});

it.each([
  ['no command', [], 'Usage: sluice'],
  ['an unknown command', ['models', 'biuld'], "unknown command 'biuld'\n(Did you mean build?)"],
  ['an unknown option', ['models', 'build', '--chek'], "unknown option '--chek'\n(Did you mean --check?)"],
  ['an argument too many', ['models', 'verify', 'all'], 'Expected 0 arguments but got 1'],
  ['a value that is none of those allowed', ['keys', 'create', '--scopes', 'everything'], 'Allowed choices are inference'],
])('answers %s with what is wrong and status 2', (_, args, message) => {
  const { status, stderr, stdout } = sluice(...args);
  expect(status).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain(message);
  expect(stderr).not.toMatch(/^\s+at /m);
});

it('prints its version', () => {
  expect(sluice('--version')).toMatchObject({ status: 0, stdout: `${CONTRACT_VERSION}\n` });
});

it('leaves the option of that name to commands that have one', async () => {
  const words = ['models', 'remove', 'halves', '--version', 'first'];
  const { status, stdout, stderr } = await carriedOut(await programFor(words), ...words);
  expect([status, stdout, stderr]).toEqual([2, '', expect.stringContaining('It must be a whole number')]);
});

it.each([
  [['--route', 'a', '--model', 'b'], 'Give one of --route, --model'],
  [['--endpoint', 'POST /v1/embeddings', '--queue'], 'Give one of --endpoint, --queue'],
  [[], 'name what the objective is of'],
])('refuses an objective of two things, or of none: %j', async (of, message) => {
  const words = ['slos', 'set', 'x', '--objective', '0.9', ...of];
  const { status, stderr } = await carriedOut(await programFor(words), ...words);
  expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
});

it.each([
  [['nonesuch', '--help'], "unknown command 'nonesuch': sluice has init, import"],
  [['help', 'nonesuch'], "unknown command 'nonesuch'"],
  [['keys', 'nonesuch', '-h'], "unknown command 'nonesuch': keys has list, create, rotate, revoke"],
  [['sim', 'nonesuch', '--help'], "unknown command 'nonesuch': sim has gavel"],
])('has no help for a command that there is not: %j', (words, message) => {
  const { status, stdout, stderr } = sluice(...words);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toContain(message);
});

/** Commands that read a file, the option or argument last. */
const READING = [
  ['jobs', 'submit', '--model', 'm', '--input'],
  ['jobs', 'plan', '--model', 'm', '--input'],
  ['jobs', 'submit', '--spec'],
  ['import', 'notes'],
  ['upstreams', 'add', 'lab', '--url', 'https://api.example.com/v1', '--models'],
  ['upstreams', 'update', 'lab', '--models'],
  ['routes', 'apply'],
  ['prompts', 'apply'],
  ['pools', 'drive'],
  ['capacity', '--assumptions'],
  ['sim', 'philly'],
  ['sim', 'openb'],
];

it.each(READING.flatMap((words) => ['/nonesuch/file', import.meta.dirname].map((path) => [[...words, path]])))(
  'answers a path where there is no file in words, without a stack: %j',
  async (words) => {
    vi.stubEnv('SLUICE_URL', 'http://127.0.0.1:9');
    vi.stubEnv('SLUICE_API_KEY', 'sk_none');
    vi.stubEnv('SLUICE_ADMIN_KEY', 'sk_none');
    const { status, stderr } = await carriedOut(await programFor(words), ...words);
    expect([1, 2], stderr).toContain(status);
    expect(stderr).toMatch(/^error: /m);
    expect(stderr).not.toMatch(/^\s+at /m);
  },
);

const helpOf = async (words: readonly string[]) => carriedOut(await programFor(words), ...words, '--help');

/** All commands, as the help of each group lists them. */
async function commandsBelow(words: readonly string[]): Promise<string[][]> {
  const { status, stdout, stderr } = await helpOf(words);
  expect({ status, stderr }, words.join(' ')).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain(`Usage: ${['sluice', ...words].join(' ')}`);
  const [, listed = ''] = stdout.split('\nCommands:\n');
  const names = [...listed.matchAll(/^ {2}([a-z-]+)/gm)].map((match) => match[1] ?? '').filter((name) => name !== 'help');
  const all = [[...words]];
  // One after another: what each prints is caught.
  for (const name of names) all.push(...(await commandsBelow([...words, name])));
  return all;
}

it('has help for every command, with status 0', async () => {
  const all = await commandsBelow([]);
  expect(all.map((words) => words.join(' '))).toEqual(
    expect.arrayContaining(['init', 'import', 'search', 'keys revoke', 'usage', 'sim load']),
  );
  expect(all.length).toBeGreaterThan(15);
});
