import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';

import { programFor } from '../../workers/cli/program.ts';
import { carriedOut } from '../support/deployment/carried-out.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const SCOPES = ['inference', 'index:read', 'index:write', 'usage:read', 'keys:write', 'cache:purge', 'upstreams:read', 'upstreams:write'];

const server = sharedDeployment();
let tenant: TestTenant;
let folder = '';

beforeAll(async () => {
  tenant = await createTenant(server, { scopes: SCOPES });
  folder = await mkdtemp(join(tmpdir(), 'sluice-operator-'));
});

afterAll(() => rm(folder, { recursive: true }));

beforeEach(() => {
  const profile = {
    SLUICE_PROFILE: join(folder, 'none.json'),
    SLUICE_URL: server.urls[0] ?? '',
    SLUICE_API_KEY: tenant.client.apiKey,
    SLUICE_ADMIN_KEY: server.secrets.SLUICE_ADMIN_KEY,
    SLUICE_TENANT: tenant.id,
  };
  for (const [name, value] of Object.entries(profile)) vi.stubEnv(name, value);
});

afterEach(() => void vi.unstubAllEnvs());

async function printed(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await carriedOut(await programFor(words), ...words);
  expect({ status, stderr }, words.join(' ')).toEqual({ status: 0, stderr: '' });
  return stdout;
}

async function refusedWith(...words: string[]): Promise<string> {
  const { status, stderr } = await carriedOut(await programFor(words), ...words);
  expect(status, words.join(' ')).not.toBe(0);
  return stderr;
}

it('creates, lists, measures and deletes indexes', async () => {
  expect(await printed('indexes', 'create', 'shelves', '--model', 'glove-sif-100')).toBe(
    'shelves takes texts, by glove-sif-100, and vectors of 100 numbers; the model finds 0.69 of what BM25 does (nDCG@10)',
  );
  expect(await printed('indexes', 'create', 'plain', '--dimensions', '3', '--metric', 'l2')).toBe('plain takes vectors of 3 numbers');
  expect(await refusedWith('indexes', 'create', 'neither')).toContain('give the model with --model');
  const texts = JSON.stringify({ body: { kind: 'text', source: 'text' } });
  expect(await printed('indexes', 'create', 'pages', '--fields', texts)).toBe('pages takes body (text)');
  expect(await printed('indexes', 'list')).toMatch(
    /^index .*\npages +- +cosine +- +testers\nplain +3 +l2 +- +testers\nshelves +100 +cosine +glove-sif-100 +testers$/,
  );
  await tenant.client.post('/v1/indexes/shelves/upsert', { vectors: [{ id: 'a', text: 'a canal' }] });
  expect(await printed('indexes', 'stats', 'shelves')).toMatch(/^index +vectors .*\nshelves +1 +\d+ +1 +0 +1 /);
  const plan = join(folder, 'plan.json');
  await writeFile(plan, JSON.stringify({ text: 'a canal', include_text: true }));
  expect(await printed('indexes', 'search', 'shelves', plan)).toMatch(/^score +id +text +metadata\n1\.0000 +a +a canal/);
  expect(await printed('indexes', 'delete', 'shelves')).toMatch(/^shelves is deleted with 1 vectors; .*\/v1\/erasures\/\w+$/);
  expect((await tenant.client.get('/v1/indexes/shelves')).status).toBe(404);
});

it('purges caches with a receipt that can be shown again, and purges nothing by mistake', async () => {
  const receipt = await printed('purge', '--tag', 'none', '--prefix', 'docs/');
  const [, id = ''] = /^(pg_\w+) is effective: no request accepted after \S+ is answered/.exec(receipt) ?? [];
  expect(await printed('purge', '--receipt', id)).toContain(`${id} is effective`);
  expect(await printed('purge', '--everything', '--dry-run')).toMatch(/^it would find \d+ entries of \d+ bytes/);
  expect(await refusedWith('purge', '--soft')).toContain('say what to purge');
});

it('gives a key a new secret, beside which the former works as long as it says', async () => {
  const { body } = await tenant.client.post('/v1/keys', { name: 'turned', owner: 'testers', scopes: ['inference'] });
  const shown = await printed('keys', 'rotate', body.id, '--grace', '60');
  const [secret = ''] = shown.split('\n');
  expect(shown).toContain('the former one works for 60 s');
  expect(secret).not.toBe(body.key);
  for (const key of [secret, body.key]) {
    const answer = await fetch(`${server.urls[0]}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    expect(answer.status).toBe(200);
  }
});

it('creates tenants, stops them and lets them go on, as the admin', async () => {
  const made = JSON.parse(await printed('tenants', 'create', '--name', 'walled', '--owner', 'testers', '--json'));
  expect(await printed('tenants', 'show', made.id)).toContain('walled');
  expect(await printed('tenants', 'list', '--organisation', made.organisation)).toMatch(/^tenant .*\n.* walled +testers +active /);
  expect(await printed('tenants', 'suspend', made.id)).toBe(`${made.id} is suspended`);
  expect(await printed('tenants', 'resume', made.id)).toBe(`${made.id} is active`);
  expect(await refusedWith('tenants', 'erase', made.id, '--yes', 'tn_other')).toContain('the id of the tenant that is to be erased');
  expect(await refusedWith('tenants', 'show', 'other/quotas')).toContain('is not the id of a tenant');
});

it('[T123] sets quotas and budgets in US dollars, and shows them so', async () => {
  expect(await printed('quotas', 'set', 'requests/minute=600', 'spend_usd/day=2.5')).toMatch(
    /^tenant tn_\w+\nof .*\nrequests +minute +600 +hard +.*\nspend, USD +day +2\.5 +hard +(-|0\.\d+|0)$/,
  );
  expect(await printed('quotas', 'show')).toMatch(/spend, USD +day +2\.5/);
  expect(await refusedWith('quotas', 'set', 'requests=600')).toContain('is not a rule such as requests/minute=600');
  expect(await printed('budgets', 'set', '12.50', '--at', '90')).toMatch(/12\.500000000 +90 % +no$/);
  const [{ id }] = JSON.parse(await printed('budgets', 'list', '--json'));
  expect(await printed('budgets', 'remove', id)).toBe(`${id} is removed`);
  expect(await printed('budgets', 'list')).toBe('no budgets');
});

it('[T123] changes an upstream, and says of which models calls would cost nothing', async () => {
  const file = join(folder, 'models.json');
  const model = { name: 'small', context_tokens: 1_000, output_tokens_max: 100 };
  await writeFile(file, JSON.stringify([model]));
  const url = 'https://api.example.com/v1';
  const added = await printed('upstreams', 'add', 'bench', '--url', url, '--models', file);
  expect(added).toContain('no price: small; their calls cost 0 USD');
  await writeFile(file, JSON.stringify([{ ...model, prices: { input: '0.15', output: '0.60' } }]));
  expect(await printed('upstreams', 'update', 'bench', '--models', file, '--weight', '2')).toBe('bench is changed');
  expect((await tenant.client.get('/v1/upstreams/bench')).body).toMatchObject({
    weight: 2,
    unpriced_models: [],
    models: [{ prices: { input: 150_000_000, output: 600_000_000 } }],
  });
  expect(await printed('upstreams', 'show', 'bench')).toMatch(/small +chat +0\.15 +0\.6$/);
  expect(await refusedWith('upstreams', 'update', 'bench')).toContain('say what to change');
});

it('[U223] adds a provider by its name, with the prices of the catalogue', async () => {
  const added = await printed('upstreams', 'add', 'mistral', '--model', 'mistral-large-latest', 'mistral-embed', '--price', 'output=3');
  expect(added).toMatch(/^mistral is added with 2 models.*\n.*it has no key: set MISTRAL_API_KEY/);
  const { base_url: url, models } = (await tenant.client.get('/v1/upstreams/mistral')).body;
  expect(url).toBe('https://api.mistral.ai/v1');
  expect(models).toMatchObject([
    { serves: ['chat'], prices: { output: 3_000_000_000 } },
    { serves: ['embeddings'], prices: { output: 3_000_000_000 } },
  ]);
  expect(await refusedWith('upstreams', 'add', 'groq', '--model', 'none-such')).toContain('do not have none-such of groq');
  expect(await printed('upstreams', 'catalogue', 'mistral')).toMatch(
    /mistral-large-latest +chat .*\n\nprices as of \d{4}-\d\d-\d\d, from LiteLLM/s,
  );
});
