import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';

import { programFor } from '../../workers/cli/program.ts';
import { carriedOut } from '../support/deployment/carried-out.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const server = sharedDeployment();
let tenant: TestTenant;
let folder = '';

/** One of each document, whose vector says nothing of it: only by words is it found. */
const WORDS = [
  'zorbat',
  'quimple',
  'vashtor',
  'plinkev',
  'drumzol',
  'fexibar',
  'gronset',
  'halvick',
  'ystrane',
  'tolbrug',
  'mubrant',
  'skelvic',
];

beforeAll(async () => {
  tenant = await createTenant(server, { scopes: ['inference', 'index:read', 'index:write'] });
  folder = await mkdtemp(join(tmpdir(), 'sluice-judged-'));
  await tenant.client.post('/v1/indexes', { name: 'barges', model: 'glove-sif-100', fields: { body: { kind: 'text', source: 'text' } } });
  const vectors = WORDS.map((word, at) => ({
    id: word,
    text: `the barge ${word} passes the lock`,
    values: Array.from({ length: 100 }, (_, i) => (i === at ? 1 : 0)),
  }));
  await tenant.client.post('/v1/indexes/barges/upsert', { vectors });
  await writeFile(file('queries.tsv'), WORDS.map((word, at) => `${at}\tbarge ${word}\n`).join(''));
  await writeFile(file('qrels.tsv'), `query-id\tcorpus-id\tscore\n${WORDS.map((word, at) => `${at}\t${word}\t1\n`).join('')}`);
  await writeFile(file('near.json'), JSON.stringify({ legs: [{ kind: 'vector', text: '{{text}}' }] }));
});

afterAll(() => rm(folder, { recursive: true }));

beforeEach(() => {
  vi.stubEnv('SLUICE_PROFILE', file('none.json'));
  vi.stubEnv('SLUICE_URL', server.urls[0] ?? '');
  vi.stubEnv('SLUICE_API_KEY', tenant.client.apiKey);
});

afterEach(() => void vi.unstubAllEnvs());

const file = (name: string): string => join(folder, name);

async function printed(...words: string[]): Promise<string> {
  const all = ['indexes', ...words, '--queries', file('queries.tsv'), '--qrels', file('qrels.tsv')];
  const { status, stdout, stderr } = await carriedOut(await programFor(all), ...all);
  expect({ status, stderr }, words.join(' ')).toEqual({ status: 0, stderr: '' });
  return stdout;
}

const settings = async () => (await tenant.client.get('/v1/indexes/barges')).body.search_settings;
const fusion = async () => (await tenant.client.post('/v1/indexes/barges/search', { text: 'barge zorbat' })).body.fusion;

it('[TX316] [TX327] an evaluation from the command line is that of the API, in a table or as JSON', async () => {
  const shown = await printed('evaluate', 'barges', '--against', file('near.json'), '--measures', 'mrr, success@1');
  expect(shown).toMatch(/^measure +search +mean +95 % +difference +95 % +p +better +worse\nmrr +\S+near.json +0\.\d{4} /);
  expect(shown).toMatch(/\nsuccess@1 +the index +1\.0000 +1\.0000 to 1\.0000 +\+0\.\d{4} +.* 0\n\n12 queries$/);
  const asJson = JSON.parse(await printed('evaluate', 'barges', '--json', '--measures', 'mrr,ndcg@5'));
  const queries = WORDS.map((word, at) => ({ id: String(at), text: `barge ${word}`, relevant: { [word]: 1 } }));
  const { body } = await tenant.client.post('/v1/indexes/barges/evaluate', { queries, measures: ['mrr', 'ndcg@5'], include_queries: true });
  const { judged, measures, unjudged, unknown_relevant, generation } = body;
  expect(asJson).toEqual({ judged, measures, unjudged, unknown_relevant, generation, queries: body.queries });
});

it('[TX328] tuning stores what is significantly better than the search in use, and nothing else', async () => {
  const poor = {
    legs: [
      { kind: 'vector', weight: 1 },
      { kind: 'text', weight: 0 },
    ],
    fusion: { kind: 'rrf' },
  };
  expect((await tenant.client.put('/v1/indexes/barges/search_settings', poor)).status).toBe(200);
  const before = await settings();
  expect(await printed('tune', 'barges', '--dry-run')).toMatch(/\ngain \+0\.\d{4} [^]*\nnot stored \(--dry-run\): /);
  expect(await settings()).toEqual(before);
  const tuned = JSON.parse(await printed('tune', 'barges', '--json'));
  expect(tuned).toMatchObject({
    stored: true,
    held_out: { mean: 1 },
    queries: 12,
    legs: [{ leg: 'vector' }, { leg: 'text', ndcg_at_10: 1 }],
  });
  expect(tuned.in_use).toBeLessThan(0.9);
  const stored = await settings();
  expect(stored).toMatchObject({
    state: 'used',
    evidence: { queries: 12, judgements: 12, measure: 'ndcg@10', before: tuned.in_use, after: 1 },
  });
  expect(stored.legs).toEqual(tuned.settings.legs);
  expect(await fusion()).toMatchObject({ basis: 'tuned', search_settings: 'used' });
  expect(await printed('tune', 'barges')).toMatch(/\nin use +1\.0000\n[^]*\nnothing is changed: the gain may be chance$/);
  expect(await settings()).toEqual(stored);
});

it('[TX322] settings rest while a generation has other vectors, and are used again after a rollback', async () => {
  const own = { legs: [{ kind: 'vector', weight: 1 }], fusion: { kind: 'dbsf' }, k1: 2 };
  await tenant.client.put('/v1/indexes/barges/search_settings', own);
  await tenant.client.post('/v1/indexes/barges/generations', { metric: 'dot' });
  const states = async () =>
    (await tenant.client.get('/v1/indexes/barges/generations')).body.data.map(({ state }: { state: string }) => state);
  await expect.poll(states, { timeout: 20_000 }).toEqual(['serving', 'following']);
  expect((await settings()).state).toBe('used');
  await tenant.client.post('/v1/indexes/barges/generations/activate', {});
  expect(await settings()).toMatchObject({ state: 'other_vectors', k1: 2, generation: 1 });
  await expect.poll(fusion).toMatchObject({ basis: 'expected', search_settings: 'other_vectors' });
  await tenant.client.post('/v1/indexes/barges/generations/rollback', {});
  expect((await settings()).state).toBe('used');
});
