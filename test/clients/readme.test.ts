import { spawn } from 'node:child_process';
import { glob, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bootstrap } from '../../workers/local/bootstrap.ts';
import type { Demo } from '../../workers/local/bootstrap.ts';
import { ROOT } from '../../workers/local/paths.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { Agent } from '../support/deployment/agent.ts';
import { startAgent } from '../support/deployment/agent.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { bertFolder } from '../support/models/model-folder.ts';
import { spladeFolder } from '../support/models/splade-folder.ts';
import { isWithoutPython, PYTHON } from '../support/python/python-client.ts';

/** The URL in the pages is that of `npm start`. */
const URL_SHOWN = 'http://127.0.0.1:8787';

/**
 * The guides in the order in which the test runs them, and a pattern that each prints. A guide starts in a new shell and needs nothing but
 * what the README created.
 */
const GUIDES: Readonly<Record<string, RegExp>> = {
  'docs/start.md': /the lock keeper opens the gates at dawn\n$/,
  'docs/api/embeddings.md': /"object":"embedding"[^]*splade@1: passed[^]*minilm@1: passed/,
  'docs/api/indexes.md': /"overlap_at_10":/,
  'docs/api/documents.md': /"chunks_added":1[^]*"overlap_tokens":8[^]*"object":"document.deleted"/,
  'docs/api/search.md': /"kind":"sum"[^]*"kind":"rrf"/,
  'docs/api/judging.md': /"judged":2[^]*"measure":"mrr"[^]*^gain [+-]0\.\d{4} [^]*"basis":"tuned"[^]*"deleted":true/m,
  'docs/api/client.md': /^dimension_mismatch vector req_/m,
  'docs/api/edge.md': /^static gateway 1\.0000$/m,
  'docs/api/models.md': /^constants: \d+ bytes, now \d+\nwords: 20000\n/m,
  'docs/api/model-registry.md': /"contract_hash":/,
  'docs/api/filters.md': /"count":1/,
  'docs/api/caching.md': /cache-status: sluice-l1/,
  'docs/api/tenancy.md': /"total_usd":/,
  'docs/api/upstreams.md': /"hint":"-out"[^]*"idle_ms":30000/,
  'docs/api/chat.md': /"code":"invalid_value"/,
  'docs/api/jobs.md': /"state":"succeeded"/,
  'docs/api/programs.md': /^10000 squares\n[^]*path: 'table.json'/m,
  'docs/api/qdrant.md': /^\[ 2 \]$/m,
  'docs/api/cli.md': /^0\.\d{4} +1 +the lock keeper opens the gates at dawn/m,
  'docs/scaling.md': /"shards":1,/,
  'docs/preemption-tour.md': /from step 120\n[^]*"outcome":"released"[^]*"stopped_for":"requested"[^]*"outcome":"succeeded"[^]*"steps":200/,
  'docs/api/routes.md': /^support-desk@1 serves\nsupport-desk@1: default\nnot +long-prompts +\+kind="chat" -prompt_tokens=/m,
  'docs/api/guardrails.md': /"code":"invalid_value"[^]*"guardrails":\[\{"hook":"people","kind":"pii","on":"both"\}/,
  'docs/api/prompts.md': /mail-reply@1 is production\n[^]*Where is my parcel\?&lt;\/mail&gt;<\/mail>\n[^]*production is mail-reply@2\n/,
  'docs/api/cost.md': /^Saved: \d+\.\d{9} USD$/m,
  'docs/api/requests.md': /"object":"request.feedback"[^]*"errors":1/,
  'docs/api/capacity.md': /"not_enough_data"/,
  'docs/api/slos.md': /notes-recall[^]*"objective":0\.999/,
  'docs/api/debt.md': /"repository":"search"[^]*"object":"capacity.teams"/,
  'docs/api/queues.md': /"within_queue":"lower_priority"[^]*"name":"search","parent":"labs"/,
};

/** Pages without commands that run here: the one is written by test/clients/sdk-methods.test.ts, the other needs models of OpenAI. */
const WITHOUT_COMMANDS = ['docs/api/sdk-methods.md', 'docs/api/media.md'];

/** The page whose commands `npx` finds. Elsewhere they are called as what it finds: npm computes for half a second to find it. */
const FOUND_BY_NPX = 'docs/api/jobs.md';
const NOT_BY_NPX = `npx() { if [ "$1" = sluice ]; then shift; node ${join(ROOT, 'workers/cli/sluice.mjs')} "$@"; else command npx "$@"; fi; }`;

type Language = 'sh' | 'js' | 'python';

const MAIN_WAYS = 'embeddings indexes filters qdrant chat routes models jobs caching prompts tenancy guardrails'.split(' ');

/** The pages that those read first who write Python. */
const IN_PYTHON = ['README.md', 'docs/start.md', ...MAIN_WAYS.map((name) => `docs/api/${name}.md`)];

/** A client, a collection, documents with texts, a query by text and its answer, as Chroma's guide has them. */
const CHROMA_LINES = 17;

interface Block {
  readonly line: number;
  readonly language: Language;
  readonly text: string;
}

let server: Server;
let demo: Demo;
let agents: readonly Agent[];
let folder = '';

beforeAll(async () => {
  server = await deploy();
  folder = await mkdtemp(join(tmpdir(), 'sluice-readme-'));
  demo = await bootstrap(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  // As many, and allowed as much, as the guide that asks for most.
  agents = [1, 2].map(() => startAgent(server, { id: demo.pool, agent_token: demo.agentToken }, ['--allow', 'command,training']));
  await mkdir(join(folder, '.sluice'));
  const dev = { url: server.urls[0], admin_key: demo.adminKey, api_key: demo.apiKey, tenant: demo.tenant };
  await writeFile(join(folder, '.sluice/dev.json'), JSON.stringify(dev));
  // Folders of models as they come from a hub.
  for (const [name, { files }] of Object.entries({ splade: spladeFolder(), minilm: bertFolder() })) {
    for (const [path, bytes] of files) {
      await mkdir(dirname(join(folder, name, path)), { recursive: true });
      await writeFile(join(folder, name, path), bytes);
    }
  }
  // A checkout, as far as the commands use it: scripts, packages, and a server of its own.
  for (const name of ['package.json', 'node_modules', 'workers', 'src']) await symlink(join(ROOT, name), join(folder, name));
});

afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
  await server.stop();
  await rm(folder, { recursive: true });
});

/** Every block of shell commands, JavaScript or Python, except those marked with a reason not to run them. */
function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  for (const match of page.matchAll(/^```(sh|js|python)( [^\n]*)?\n(.*?)^```$/gms)) {
    const [, language, mark = '', text = ''] = match;
    if (/^ not-run: \S.{10,}$/.test(mark)) continue;
    expect(mark, 'the only mark is `not-run: REASON`').toBe('');
    blocks.push({ line: page.slice(0, match.index).split('\n').length, language: language as Language, text });
  }
  return blocks;
}

/** What runs the files of blocks. Without the environment of Python its blocks are passed over, which is said once. */
const PROGRAMS: { readonly [L in Language]?: { readonly ending: string; readonly command: string } } = {
  js: { ending: '.mjs', command: 'node' },
  python: { ending: '.py', command: isWithoutPython('the blocks of Python in the guides') ? 'true' : PYTHON },
};

/** The blocks as one script, so that shell variables last from block to block. Each call of curl writes its status to stderr. */
function scriptOf(path: string, blocks: readonly Block[]): string {
  const parts = blocks.map(({ line, language, text }) => {
    const program = PROGRAMS[language];
    const file = `${basename(path, '.md')}-${line}${program?.ending}`;
    const shown = program === undefined ? text : `cat > ${file} <<'END_OF_BLOCK'\n${text}END_OF_BLOCK\n${program.command} ${file}`;
    return `echo "@@ ${line}" >&2\n${shown}`;
  });
  const curl = `curl() { command curl -w '%{stderr}@ %{http_code}\\n' "$@"; }`;
  return ['set -euo pipefail', curl, ...(path === FOUND_BY_NPX ? [] : [NOT_BY_NPX]), ...parts].join('\n');
}

/** Runs a page as a reader would; returns its output. Exactly the calls marked with an error status fail, and all calls are made. */
async function follow(path: string): Promise<string> {
  const page = await readFile(join(ROOT, path), 'utf8');
  const blocks = blocksOf(page);
  expect(blocks.length, `${path} shows something to run`).toBeGreaterThan(0);
  const script = scriptOf(path, blocks).replaceAll(URL_SHOWN, server.urls[0] ?? '');
  // The CLI finds the server by the file that `npm start` writes.
  const env = { ...process.env, SLUICE_PROFILE: join(folder, '.sluice/dev.json') };
  const child = spawn('bash', ['-c', script], { cwd: folder, env });
  const texts = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) child[stream].on('data', (chunk) => (texts[stream] += String(chunk)));
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  expect(status, `${path}: ${texts.stdout.slice(-2_000)}\n${texts.stderr.slice(-2_000)}`).toBe(0);
  const statuses = [...texts.stderr.matchAll(/^@ (\d{3})$/gm)].map((match) => match[1] ?? '');
  const refusals = statuses.filter((code) => code >= '400');
  expect(refusals, texts.stdout.slice(-4_000)).toEqual([...page.matchAll(/ # ([45]\d\d)$/gm)].map((match) => match[1]));
  const calls = blocks.flatMap(({ text }) => text.match(/^[^#\n]*\bcurl .*$/gm) ?? []).length;
  expect(statuses.length, `${path} makes all its calls`).toBeGreaterThanOrEqual(calls);
  return texts.stdout;
}

it('[G40] the commands and snippets of the README work, in order', async () => {
  expect(await follow('README.md')).toContain('3 vectors, ');
});

it.each(Object.entries(GUIDES))('[G40] the commands and snippets of %s work after those of the README', async (path, shown) => {
  expect(await follow(path)).toMatch(shown);
});

it('[G150] the guides of the main ways through the API show them in Python', async () => {
  const shown = await Promise.all(IN_PYTHON.map(async (path) => blocksOf(await readFile(join(ROOT, path), 'utf8'))));
  const without = IN_PYTHON.filter((_, i) => !shown[i]?.some(({ language }) => language === 'python'));
  expect(without).toEqual([]);
});

it('[G152] a search from nothing takes no more lines of Python than with Chroma', async () => {
  const blocks = blocksOf(await readFile(join(ROOT, 'docs/start.md'), 'utf8'));
  const script = blocks.find(({ language }) => language === 'python')?.text ?? '';
  expect(script).toMatch(/\/upsert[^]*\/query[^]*print/);
  expect(script.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(CHROMA_LINES);
});

it('[G40] every guide is tested', async () => {
  const pages = await Array.fromAsync(glob('docs/api/*.md', { cwd: ROOT }));
  expect([...Object.keys(GUIDES), ...WITHOUT_COMMANDS]).toEqual(expect.arrayContaining(pages));
});
