import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { bootstrap } from '../../workers/local/bootstrap.ts';
import { ROOT } from '../../workers/local/paths.ts';
import type { Server } from '../../workers/local/serve.ts';
import { deploy } from '../support/deployment.ts';

/** The gateway of the README is the one that `npm start` starts. */
const URL_SHOWN = 'http://127.0.0.1:8787';

interface Block {
  readonly line: number;
  readonly language: 'sh' | 'js';
  readonly text: string;
}

let server: Server;
let folder = '';

/** Every block of commands and of JavaScript that the README does not mark as `not-run`. */
function blocksOf(readme: string): Block[] {
  const blocks: Block[] = [];
  for (const match of readme.matchAll(/^```(sh|js)( [^\n]*)?\n(.*?)^```$/gms)) {
    const [, language, mark = '', text = ''] = match;
    if (mark.trim() === 'not-run') continue;
    expect(mark, 'the only mark is `not-run`').toBe('');
    blocks.push({ line: readme.slice(0, match.index).split('\n').length, language: language as 'sh' | 'js', text });
  }
  return blocks;
}

/** Blocks as one script: a reader's shell keeps its variables from block to block. Calls of curl tell their status to stderr. */
function scriptOf(blocks: readonly Block[]): string {
  const parts = blocks.map(({ line, language, text }) => {
    const shown = language === 'js' ? `cat > block-${line}.mjs <<'END_OF_BLOCK'\n${text}END_OF_BLOCK\nnode block-${line}.mjs` : text;
    return `echo "@@ ${line}" >&2\n${shown}`;
  });
  return ['set -euo pipefail', `curl() { command curl -w '%{stderr}@ %{http_code}\\n' "$@"; }`, ...parts].join('\n');
}

beforeAll(async () => {
  server = await deploy();
  folder = await mkdtemp(join(tmpdir(), 'sluice-readme-'));
  const demo = await bootstrap(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  await mkdir(join(folder, '.sluice'));
  const dev = { url: server.urls[0], admin_key: demo.adminKey, api_key: demo.apiKey, tenant: demo.tenant };
  await writeFile(join(folder, '.sluice/dev.json'), JSON.stringify(dev));
  // A checkout, as far as commands look at it: its scripts, its packages, and a server of its own.
  for (const name of ['package.json', 'node_modules', 'workers', 'src']) await symlink(join(ROOT, name), join(folder, name));
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

it('[G40] the commands and snippets of the README work, in their order', async () => {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const blocks = blocksOf(readme);
  expect(blocks.map(({ language }) => language)).toEqual(expect.arrayContaining(['sh', 'js']));
  expect(blocks.length).toBeGreaterThanOrEqual(7);
  const script = scriptOf(blocks).replaceAll(URL_SHOWN, server.urls[0] ?? '');
  const { SLUICE_URL, SLUICE_TENANT } = { SLUICE_URL: server.urls[0], SLUICE_TENANT: (await devFile()).tenant };
  const child = spawn('bash', ['-c', script], {
    cwd: folder,
    env: { ...process.env, SLUICE_URL, SLUICE_TENANT, SLUICE_ADMIN_KEY: (await devFile()).admin_key, SLUICE_PROFILE: join(folder, 'none') },
  });
  const texts = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) child[stream].on('data', (chunk) => (texts[stream] += String(chunk)));
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  expect(status, `${texts.stdout.slice(-2_000)}\n${texts.stderr.slice(-2_000)}`).toBe(0);
  // Only the call that says so is refused.
  const refusals = [...texts.stderr.matchAll(/^@ ([45]\d\d)$/gm)].map((match) => match[1]);
  expect(refusals, texts.stdout.slice(-4_000)).toEqual([...readme.matchAll(/ # ([45]\d\d)$/gm)].map((match) => match[1]));
  expect(texts.stderr.match(/^@ 2\d\d$/gm)?.length).toBeGreaterThan(30);
  expect(texts.stdout).toContain('3 vectors, ');
  expect(texts.stdout).toMatch(/^0\.\d{4} +1 +the lock keeper opens the gates at dawn/m);
});

async function devFile(): Promise<{ admin_key: string; tenant: string }> {
  return JSON.parse(await readFile(join(folder, '.sluice/dev.json'), 'utf8')) as { admin_key: string; tenant: string };
}
