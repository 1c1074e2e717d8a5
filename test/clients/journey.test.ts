import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminClient } from '../../workers/local/admin-client.ts';
import { ROOT } from '../../workers/local/paths.ts';
import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import type { Agent } from '../support/deployment/agent.ts';
import { startAgent } from '../support/deployment/agent.ts';
import { leased, underLease } from '../support/deployment/cache-lease.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const MODEL = 'glove-sif-100';

let server: Server;
let client: ApiClient;
/** A client with the same key at another gateway isolate over the same objects. */
let elsewhere: ApiClient;

beforeAll(async () => {
  server = await deploy(2);
  ({ client } = await createTenant(server));
  elsewhere = new ApiClient(server.urls[1] ?? '', client.apiKey);
});

afterAll(() => server.stop());

describe('the journey of a tenant', () => {
  it('embeds, indexes and finds by meaning, from either gateway, as soon as the write is acknowledged', async () => {
    await client.post('/v1/indexes', { name: 'animals', model: MODEL, owner: 'zoo' });
    const texts = {
      tiger: 'a large striped wild cat of the jungle',
      penguin: 'a flightless bird that lives on the ice',
      bee: 'an insect that makes honey',
    };
    const vectors = Object.entries(texts).map(([id, text]) => ({ id, text, metadata: { id } }));
    expect((await client.post('/v1/indexes/animals/upsert', { vectors })).body).toEqual({ upserted: 3, lsn: 1 });
    for (const [question, id] of [
      ['wild cat with stripes', 'tiger'],
      ['bird that cannot fly', 'penguin'],
      ['which insect gives us honey', 'bee'],
    ]) {
      const { status, body, headers } = await elsewhere.post('/v1/indexes/animals/query', { text: question, top_k: 3, include_text: true });
      expect(status).toBe(200);
      expect(body.matches[0]).toMatchObject({ id, metadata: { id }, text: texts[id as keyof typeof texts] });
      expect(headers.get('x-sluice-index-lsn')).toBe('1');
    }
  });

  it('finds what no vocabulary has: codes, misspelt words and other scripts', async () => {
    const vectors = [
      { id: 'odd', text: 'zzxqy' },
      { id: 'code', text: 'GPT-4o' },
      { id: 'other code', text: 'GPT-4' },
      { id: 'chinese', text: '\u6d77\u6d0b\u4e2d\u7684\u52a8\u7269' },
      { id: 'whale', text: 'the largest animal of the sea' },
    ];
    expect((await client.post('/v1/indexes/animals/upsert', { vectors })).body.upserted).toBe(5);
    const { body } = await client.post('/v1/indexes/animals/query', { text: 'a huge sea animal', top_k: 5 });
    expect(body.matches[0].id).toBe('whale');
    for (const [text, id] of [
      ['zzxqy', 'odd'],
      ['gpt-4o', 'code'],
      ['GPT-4', 'other code'],
      ['\u6d77\u6d0b', 'chinese'],
      ['a stripped wild kat', 'tiger'],
    ])
      expect((await client.post('/v1/indexes/animals/query', { text, top_k: 1 })).body.matches[0].id).toBe(id);
    const zeros = await client.post('/v1/indexes/animals/query', { vector: Array.from({ length: 100 }, () => 0) });
    expect(zeros.body.matches.map(({ score }: { score: number }) => score)).toEqual(Array<number>(8).fill(0));
  });

  it('hits the cache on the second request and misses on the first after a purge, in every isolate', () =>
    leased(async (attempt) => {
      const body = { model: MODEL, input: [`the mill race ${attempt}`, `the mill pond ${attempt}`] };
      const statusOf = async (at: ApiClient) => underLease(await at.post('/v1/embeddings', body)).headers.get('cache-status');
      for (const at of [client, elsewhere]) {
        expect(await statusOf(at)).toContain('fwd=miss');
        expect(await statusOf(at)).toMatch(/; hit/);
      }
      const { status, body: receipt } = await client.post('/v1/cache/purge', { everything: true });
      expect(status).toBeLessThan(300);
      expect(receipt).toMatchObject({ purge_id: expect.any(String), position: expect.any(Number), consistency: 'next-read' });
      for (const at of [client, elsewhere]) expect(await statusOf(at)).toContain('fwd=miss');
      expect((await elsewhere.get(`/v1/cache/purges/${receipt.purge_id}`)).body.position).toBe(receipt.position);
    }));

  it('purges single texts and keeps the others', () =>
    leased(async (attempt) => {
      const ask = async (input: string) =>
        underLease(await client.post('/v1/embeddings', { model: MODEL, input })).headers.get('cache-status');
      const [kept, purged] = [`keep me ${attempt}`, `purge me ${attempt}`];
      await ask(kept);
      await ask(purged);
      await client.post('/v1/cache/purge', { text: [purged], model: MODEL });
      expect(await ask(kept)).toMatch(/; hit/);
      expect(await ask(purged)).toContain('fwd=miss');
    }));

  it('[G6] never exceeds a quota, with concurrent requests at several gateways', async () => {
    const frugal = await createTenant(server, { quota: { requests: { minute: 40 } } });
    const gateways = server.urls.map((url) => new ApiClient(url, frugal.client.apiKey));
    const startedMs = Date.now();
    const answers = await Promise.all(Array.from({ length: 200 }, (_, request) => gateways[request % 2]!.get('/v1/indexes')));
    const minutes = Math.floor(Date.now() / 60_000) - Math.floor(startedMs / 60_000) + 1;
    const served = answers.filter(({ status }) => status === 200).length;
    const refused = answers.filter(({ status }) => status === 429);
    // A new minute, with 40 of its own, may begin while the requests run, even before the last few of them.
    expect(served).toBeGreaterThanOrEqual(39);
    expect(served).toBeLessThanOrEqual(40 * minutes);
    expect(served + refused.length).toBe(200);
    expect(refused[0]?.body.error).toMatchObject({ code: 'rate_limit_exceeded', type: 'rate_limit_error' });
    expect(Number(refused[0]?.headers.get('retry-after-ms'))).toBeGreaterThan(0);
    expect(refused[0]?.headers.get('x-ratelimit-limit-requests')).toBe('40');
  });
});

describe('a job on a pool', () => {
  const lines = Array.from({ length: 3000 }, (_, line) => JSON.stringify({ id: `line-${line}`, text: `text number ${line} about water` }));
  let agent: Agent;
  let pool: { id: string; agent_token: string };

  beforeAll(async () => {
    const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
    pool = await admin.create('/v1/pools', { name: 'journey', owner: 'testers' });
    agent = startAgent(server, pool);
  });

  afterAll(() => agent.stop());

  async function submit(content: string[]): Promise<string> {
    const form = new FormData();
    form.set('purpose', 'batch');
    form.set('file', new Blob(content.map((line) => `${line}\n`)), 'input.jsonl');
    const file = await client.call('POST', '/v1/files', form);
    const job = await client.post('/v1/jobs', { kind: 'batch_embedding', model: MODEL, input_file: file.body.id, owner: 'zoo' });
    expect(job.status).toBe(201);
    return job.body.id as string;
  }

  async function finished(id: string) {
    // As long as the test may take: a killed agent delays the job by a lease, and a busy machine by several times that.
    for (let poll = 0; poll < 2000; poll += 1) {
      const { body } = await client.get(`/v1/jobs/${id}`);
      if (body.finished_at !== null) return body;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`job ${id} never finishes`);
  }

  it('embeds a file as the gateway does, reports each bad line, and is billed', async () => {
    const job = await finished(await submit([...lines, '{"id": "broken"', '{"id": "no text"}']));
    expect(job).toMatchObject({ state: 'succeeded', error: null, progress: { completed: 3000, failed: 2, total: 3002 } });
    expect(Number(job.cost_usd)).toBeGreaterThan(0);

    const output: string = (await client.get(`/v1/files/${job.output_file}/content`)).body;
    const rows = output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows).toHaveLength(3002);
    expect(rows.filter(({ error }) => error !== null)).toHaveLength(2);
    const online = await client.post('/v1/embeddings', { model: MODEL, input: 'text number 7 about water', encoding_format: 'float' });
    const offline = rows.find(({ custom_id }) => custom_id === 'line-7').response.body.data[0].embedding;
    expect(offline.map(Math.fround)).toEqual(online.body.data[0].embedding.map(Math.fround));

    const meters = async () => {
      const { data } = (await client.get('/v1/usage')).body;
      return Object.fromEntries(data.map((line: { meter: string; quantity: number }) => [line.meter, line.quantity]));
    };
    // The pool's usage is delivered some time after the job has ended.
    await expect.poll(meters).toMatchObject({ job_tokens: expect.any(Number), vectors_written: 8 });
  });

  it('[G40] `npm run demo` completes its whole tour', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-demo-'));
    try {
      const dev = { url: client.url, api_key: client.apiKey, admin_key: server.secrets.SLUICE_ADMIN_KEY };
      await writeFile(join(folder, 'dev.json'), JSON.stringify(dev));
      const child = spawn(process.execPath, [join(ROOT, 'workers/local/demo.ts')], {
        env: { ...process.env, SLUICE_DEV_FILE: join(folder, 'dev.json') },
      });
      let text = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += String(chunk)));
      expect(await new Promise((resolve) => child.on('close', resolve)), text).toBe(0);
      for (const part of [
        'tiger',
        'next request       cache-status: sluice-l1; fwd=',
        ' succeeded, cost $',
        'request 4: 429',
        'What it cost',
      ]) {
        expect(text).toContain(part);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('runs again when its agent is killed, and ends exactly once', async () => {
    const id = await submit(Array.from({ length: 20 }, () => lines).flat());
    await expect.poll(async () => (await client.get(`/v1/jobs/${id}`)).body.state, { timeout: 60_000, interval: 10 }).toBe('running');
    agent.kill();
    agent = startAgent(server, pool);
    const job = await finished(id);
    expect(job).toMatchObject({ state: 'succeeded', progress: { completed: 60_000, failed: 0 } });
    expect(job.attempts.map(({ outcome }: { outcome: string }) => outcome)).toEqual(['lease_expired', 'succeeded']);
  });
});
