import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { ROOT } from '../../workers/local/paths.ts';
import { ModelHub } from '../support/fakes/model-hub.ts';
import { bertFolder } from '../support/models/model-folder.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const SCOPES = ['inference', 'index:read', 'index:write', 'usage:read', 'keys:write', 'files', 'jobs', 'models:write'];

const server = sharedDeployment();
let tenant: TestTenant;
let folder = '';

beforeAll(async () => {
  tenant = await createTenant(server, { scopes: SCOPES });
  folder = await mkdtemp(join(tmpdir(), 'sluice-cli-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `sluice` as a user does, with a profile of its own. */
async function sluice(words: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const child = spawn(process.execPath, [join(ROOT, 'workers/cli/sluice.ts'), ...words], {
    // As the launcher does: compiled once, not by each command.
    env: {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      SLUICE_PROFILE: join(folder, 'profile.json'),
      ...environment,
    },
  });
  const texts = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) child[stream].on('data', (chunk) => (texts[stream] += String(chunk)));
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { status, ...texts };
}

async function printed(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await sluice(words);
  expect({ status, stderr }, words.join(' ')).toEqual({ status: 0, stderr: '' });
  return stdout;
}

it('stores a gateway after its key has worked, in a file that only its owner can read', async () => {
  const url = server.urls[0] ?? '';
  const refused = await sluice(['init', '--url', url, '--key', 'sk_wrong']);
  expect(refused).toMatchObject({ status: 1, stdout: '' });
  expect(refused.stderr).toContain('invalid_api_key');
  await expect(stat(join(folder, 'profile.json'))).rejects.toThrow('ENOENT');
  const { status } = await sluice(['init', '--url', url], { SLUICE_API_KEY: tenant.client.apiKey });
  expect(status).toBe(0);
  expect((await stat(join(folder, 'profile.json'))).mode & 0o777).toBe(0o600);
});

it('imports a file into an index that it creates, and searches it', async () => {
  const file = join(folder, 'notes.ndjson');
  const lines = ['the lock keeper opens the gates at dawn', 'a weir holds back the river'].map((text, page) => ({
    id: `${page}`,
    text,
    metadata: { page },
  }));
  await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  expect(await printed('import', 'notes', file, '--create-model', 'glove-sif-100')).toBe('2 lines imported into notes\n');
  // The index exists now; importing the same file again writes the same vectors.
  expect(await printed('import', 'notes', file, '--create-model', 'glove-sif-100')).toBe('2 lines imported into notes\n');
  const found = await printed('search', 'notes', 'who', 'opens', 'the', 'lock?', '--top-k', '1');
  expect(found).toMatch(/^score +id +text +metadata\n0\.\d{4} +0 +the lock keeper opens the gates at dawn +\{"page":0\}\n$/);
  const json = JSON.parse(await printed('search', 'notes', 'lock', '--filter', '{"page": 1}', '--json')) as { matches: { id: string }[] };
  expect(json.matches.map(({ id }) => id)).toEqual(['1']);
});

it('names the line at which an import stops', async () => {
  const file = join(folder, 'broken.ndjson');
  await writeFile(file, '{"id": "a", "text": "a"}\n{"id": "b"}\n');
  const { status, stdout, stderr } = await sluice(['import', 'notes', file]);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toBe(
    'error: line 2: give `values`, `text` or `fields`; `values: null` stands for no vector (invalid_value); 1 lines are written\n',
  );
});

it('continues an import by itself when its connection is cut', async () => {
  const file = join(folder, 'many.ndjson');
  const lines = Array.from({ length: 4_000 }, (_, n) => JSON.stringify({ id: `many-${n}`, text: `canal number ${n} of the north` }));
  await writeFile(file, `${lines.join('\n')}\n`);
  let connections = 0;
  // Cuts the first connection after a part of the body.
  const proxy = createServer((client) => {
    connections += 1;
    const isCut = connections === 1;
    let bytes = 0;
    const upstream = createConnection(Number(new URL(server.urls[0] ?? '').port), '127.0.0.1');
    client.on('data', (chunk) => {
      bytes += chunk.length;
      if (isCut && bytes > 100_000) client.destroy();
      else upstream.write(chunk);
    });
    upstream.on('data', (chunk) => client.write(chunk));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('close', () => other.destroy());
      one.on('error', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  try {
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const ran = await sluice(['import', 'notes', file], { SLUICE_URL: url, SLUICE_API_KEY: tenant.client.apiKey });
    expect(ran).toEqual({ status: 0, stdout: '4000 lines imported into notes\n', stderr: '' });
    expect(connections).toBeGreaterThan(1);
    const counted = await tenant.client.post('/v1/indexes/notes/count', { filter: { $id: { $in: ['many-0', 'many-3999'] } } });
    expect(counted.body.count).toBe(2);
  } finally {
    proxy.close();
  }
});

it('lists, creates and revokes keys', async () => {
  const made = JSON.parse(await printed('keys', 'create', '--name', 'short', '--scopes', 'inference', '--days', '7', '--json')) as {
    id: string;
    expires_at: number;
  };
  expect(made.expires_at).toBeGreaterThan(Date.now() / 1000 + 6 * 86_400);
  expect(await printed('keys', 'list')).toMatch(new RegExp(`${made.id} +short +testers +until `));
  expect(await printed('keys', 'revoke', made.id)).toContain('is revoked');
  expect(await printed('keys', 'list')).toMatch(new RegExp(`${made.id} +short +testers +revoked `));
  const asAdmin = await sluice(['keys', 'list', '--admin', '--tenant', tenant.id], { SLUICE_ADMIN_KEY: server.secrets.SLUICE_ADMIN_KEY });
  expect(asAdmin.stdout).toContain(made.id);
});

it('submits a job once, explains and lists it, and watches it until it is over', async () => {
  const file = join(folder, 'texts.jsonl');
  await writeFile(file, '{"id": "1", "text": "a weir holds back the river"}\n');
  const submit = ['jobs', 'submit', '--model', 'glove-sif-100', '--priority', 'high', '--idempotency-key', 'tonight'];
  const id = (await printed(...submit, '--input', file)).trim();
  expect(id).toMatch(/^job_[0-9a-z]{26}$/);
  const { input_file: input } = JSON.parse(await printed('jobs', 'get', id, '--json')) as { input_file: string };
  const spec = join(folder, 'job.json');
  await writeFile(spec, JSON.stringify({ kind: 'batch_embedding', model: 'glove-sif-100', input_file: input, priority: 'low' }));
  // The same job again, described by a file and overridden: the key finds it.
  const again = ['jobs', 'submit', '--spec', spec, '--priority', 'high', '--idempotency-key', 'tonight'];
  expect(await printed(...again)).toBe(`${id}\n`);
  expect(await printed('jobs', 'list', '--state', 'pending')).toMatch(
    new RegExp(`${id} +batch_embedding +pending +high +0/3 +- +\\d+ s +- +-`),
  );
  expect(await printed('jobs', 'explain', id)).toMatch(/reason +\w+/);

  const following = sluice(['jobs', 'events', id, '--follow', '--json']);
  // No agent has it: only what its owner wants changes.
  for (const [verb, state] of [
    [['suspend'], 'suspended'],
    [['resume'], 'pending'],
    [['preempt', '--attempt', '1'], 'pending'],
    [['reprioritise', '7'], 'pending'],
    [['resize', '1'], 'pending'],
  ] as const)
    expect(await printed('jobs', verb[0], id, ...verb.slice(1))).toBe(`${id} is ${state}\n`);
  expect(JSON.parse(await printed('jobs', 'get', id, '--json'))).toMatchObject({ priority: 7, nodes_wanted: 1 });
  expect(await sluice(['jobs', 'resize', id, '2'])).toMatchObject({ status: 1, stdout: '' });

  const [attempts, cost, logs] = await Promise.all(['attempts', 'cost', 'logs'].map((what) => printed('jobs', what, id)));
  expect([attempts, logs]).toEqual(['no attempts\n', '']);
  expect(cost).toMatch(/^what .*\ntotal .* 0\.0+\n$/);

  const watching = sluice(['jobs', 'watch', id, '--every', '0.2']);
  expect(await printed('jobs', 'cancel', id)).toBe(`${id} is cancelled\n`);
  const watched = await watching;
  expect({ ...watched, stdout: watched.stdout.split('\n').at(-2) }).toMatchObject({ status: 1, stderr: '' });
  expect(watched.stdout.trimEnd().split('\n').at(-1)).toMatch(new RegExp(`^${id} .* cancelled `));
  const followed = await following;
  expect(followed).toMatchObject({ status: 0, stderr: '' });
  const events = followed.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: number; state: string; final: boolean });
  const states = events.map(({ state }) => state);
  expect([states.slice(0, 3), states.at(-1), events.at(-1)?.final]).toEqual([['pending', 'suspended', 'pending'], 'cancelled', true]);
  const lines = (await printed('jobs', 'events', id, '--after', '1')).trimEnd().split('\n');
  expect(lines).toHaveLength(events.length - 1);
  expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}Z {2}2 {2}suspended$/);
  expect(await sluice(['jobs', 'get', 'job_../keys'])).toMatchObject({ status: 2, stdout: '' });
});

it('registers the files of a folder, names them, and removes them', async () => {
  const halves = join(folder, 'halves');
  await mkdir(join(halves, 'onnx'), { recursive: true });
  await writeFile(join(halves, 'onnx/model.onnx'), 'no graph at all');
  await writeFile(join(halves, '.DS_Store'), 'nothing of the model');
  // What is read from a file that is no graph is refused, and makes no version; nor does the upload stay.
  const read = await sluice(['models', 'add', halves]);
  expect(read).toMatchObject({ status: 1, stdout: '' });
  expect(read.stderr).toMatch(/^error: .*onnx\/model\.onnx/);
  expect((await tenant.client.get('/v1/files?purpose=model')).body.data).toEqual([]);
  // Stated, it is a version, with what its checks found.
  const spec = join(folder, 'halves.json');
  await writeFile(spec, JSON.stringify({ task: 'graph', graph: 'onnx/model.onnx' }));
  const added = await sluice(['models', 'add', halves, '--spec', spec, '--licence', 'mit']);
  expect(added).toMatchObject({ status: 1, stderr: '' });
  expect(added.stdout).toMatch(/^halves@1: (?:refused: .+|not checked yet)$/m);
  const { body } = await tenant.client.get('/v1/models/halves/versions/1');
  expect(body).toMatchObject({ licence: 'mit', task: 'graph', files: [{ path: 'onnx/model.onnx', bytes: 15 }] });
  expect((await tenant.client.get('/v1/files?purpose=model')).body.data, 'the uploads are copied').toEqual([]);
  expect(await printed('models', 'list')).toMatch(/^halves +testers +graph +1 +registered/m);
  expect(await printed('models', 'show', 'halves')).toMatch(/ register +1 /);
  expect((await sluice(['models', 'promote', 'halves', '1', '--share', '0.1'])).status).toBe(1);
  expect(await printed('models', 'alias', 'glove-sif-100', 'text-embedding-3-small')).toContain('stands for glove-sif-100');
  const aliased = await tenant.client.post('/v1/embeddings', { model: 'text-embedding-3-small', input: 'a weir' });
  expect(aliased).toMatchObject({ status: 200, body: { model: 'glove-sif-100' } });
  expect(aliased.headers.get('x-sluice-route')).toBe('gateway');
  expect(await printed('models', 'alias', 'glove-sif-100', 'text-embedding-3-small', '--remove')).toContain('no name any more');
  expect(await printed('models', 'remove', 'halves', '--version', '1')).toBe('halves@1 is retired\n');
  expect(await printed('models', 'remove', 'halves')).toBe('halves is deleted\n');
  expect((await sluice(['models', 'rollback', 'halves'])).stderr).toContain('model_not_found');
  expect((await sluice(['models', 'add', join(folder, 'absent')])).status).toBe(2);
});

it('[M90] registers a model of a hub by its name alone, which then embeds', async () => {
  const hub = await new ModelHub('org/tiny-bert').start();
  try {
    for (const [path, content] of bertFolder().files) hub.put(path, content);
    const environment = { HF_ENDPOINT: hub.endpoint, SLUICE_HUB_CACHE: join(folder, 'hub') };
    const added = await sluice(['models', 'add', 'hf:org/tiny-bert'], environment);
    expect(added).toMatchObject({ status: 0, stdout: expect.stringMatching(/^tiny-bert@1: passed/) });
    expect(added.stderr).toContain('onnx/model.onnx');
    const { body } = await tenant.client.get('/v1/models/tiny-bert/versions/1');
    const read = { task: 'embedding', pooling: 'mean', normalised: true, prompts: { query: 'the ', passage: 'of ' } };
    expect(body).toMatchObject({ ...read, licence: 'apache-2.0', parents: [`hf:org/tiny-bert@${hub.commit}`] });
    expect(added.stdout).toMatch(/; it serves$/m);
    const embedded = await tenant.client.post('/v1/embeddings', { model: 'tiny-bert', input: 'the lock opens' });
    expect(embedded.status).toBe(200);
    expect(embedded.headers.get('x-sluice-model')).toBe('tiny-bert@1');
    // The hub is away: what was downloaded does.
    await hub.stop();
    const again = await sluice(['models', 'add', 'hf:org/tiny-bert', '--name', 'again', '--no-promote'], environment);
    expect(again).toMatchObject({ status: 0, stdout: expect.stringMatching(/^again@1: passed[^;]*$/m) });
    expect((await tenant.client.get('/v1/models/again/versions/1')).body.stage).toBe('verified');
    expect(await printed('models', 'promote', 'again', '1')).toBe('again@1 serves\n');
  } finally {
    await hub.stop();
  }
});

it('[M214] measures a model beside BM25 on judged texts, and has indexes weigh it by that', async () => {
  const judged = join(folder, 'judged');
  for (const [path, bytes] of bertFolder().files) {
    await mkdir(dirname(join(judged, path)), { recursive: true });
    await writeFile(join(judged, path), bytes);
  }
  const words = ['river', 'lock', 'gate', 'boat', 'weir', 'rain', 'canal', 'bank', 'keeper', 'dawn'];
  const pairs = words.flatMap((word, i) => [1, 2, 3].map((step) => `${word} ${words[(i + step) % words.length]}`));
  const lines = (queries: number) => [
    ...pairs.map((pair) => JSON.stringify({ id: pair, text: `the ${pair} of the ${pair}` })),
    ...pairs.slice(0, queries).map((pair) => JSON.stringify({ query: pair, relevant: [pair] })),
  ];
  const [few, enough] = [join(folder, 'few.jsonl'), join(folder, 'enough.jsonl')];
  await writeFile(few, lines(29).join('\n'));
  await writeFile(enough, lines(30).join('\n'));
  const refused = await sluice(['models', 'add', judged, '--retrieval', few]);
  expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining('29 queries, and fewer than 30') });
  const added = await printed('models', 'add', judged, '--retrieval', enough, '--language', 'none');
  const [, quality = '', ndcg = ''] =
    /^it finds (\S+) of what BM25 does: nDCG@10 (\S+) and 1\.0000, 30 queries, 30 documents, none$/m.exec(added) ?? [];
  expect(Number(quality)).toBeCloseTo(Number(ndcg), 2);
  const { body } = await tenant.client.get('/v1/models/judged/versions/1');
  expect(body).toMatchObject({ retrieval_quality: Number(quality), evaluation: { retrieval: { queries: 30, bm25NdcgAt10: 1 } } });
  expect((await tenant.client.get('/v1/models/judged')).body.retrieval_quality).toBe(Number(quality));
  expect(await printed('indexes', 'create', 'weighed', '--model', 'judged')).toContain(
    `the model finds ${quality} of what BM25 does (nDCG@10)`,
  );
  expect((await tenant.client.get('/v1/indexes/weighed')).body.retrieval_quality).toBe(Number(quality));
  const percent = { name: 'percent', retrieval_quality: 87, files: [{ path: 'model.onnx', file: 'file_0123456789abcdefghjkmnpqrs' }] };
  expect((await tenant.client.post('/v1/models', percent)).body.error).toMatchObject({ param: 'retrieval_quality' });
  expect((await printed('indexes', 'delete', 'weighed')).length).toBeGreaterThan(0);
});

it('creates and shows pools as the admin', async () => {
  const admin = { SLUICE_ADMIN_KEY: server.secrets.SLUICE_ADMIN_KEY };
  const made = await sluice(['pools', 'create', '--name', 'basement', '--owner', 'platform'], admin);
  expect(made).toMatchObject({ status: 0, stderr: '' });
  const [id = '', , , token = ''] = made.stdout.split('\n');
  expect([id, token]).toEqual([expect.stringMatching(/^pool_/), expect.stringMatching(/^pt_/)]);
  expect((await sluice(['pools', 'list'], admin)).stdout).toMatch(new RegExp(`^${id} +basement +platform +reserved +local$`, 'm'));
  expect((await sluice(['pools', 'get', id], admin)).stdout).toMatch(new RegExp(`^${id} +basement +platform +0 +0$`, 'm'));
  // Too small for any job of the others that share the deployment.
  const agents = new ApiClient(server.urls[0] ?? '', token);
  const { body: agent } = await agents.post(`/v1/pools/${id}/agents`, { name: 'by-hand', capacity: { cpu_milli: 1, memory_mib: 1 } });
  // It is there for as long as it asks, which is until its token is replaced or its pool is gone.
  const ask = async (): Promise<void> => {
    for (let status = 200; status === 200;)
      ({ status } = await agents.post(`/v1/pools/${id}/lease`, { agent: agent.agent, wait_ms: 20_000 }));
  };
  const asking = ask();
  const nodes = async () => (await sluice(['pools', 'nodes', id], admin)).stdout;
  await expect.poll(nodes).toMatch(new RegExp(`^${agent.agent} +by-hand +open`, 'm'));
  expect((await sluice(['pools', 'cordon', id, agent.agent], admin)).stdout).toBe(`${agent.agent} is cordoned\n`);
  expect(await nodes()).toMatch(new RegExp(`^${agent.agent} +by-hand +cordoned +- +0/1`, 'm'));
  expect((await sluice(['pools', 'set-price', id, '2.50', '--accelerator', 'h100', '--margin', '200'], admin)).stdout).toBe(
    'h100 costs 2.500000000 USD an hour; tenants are billed 3.000000000 (margin 200 per mille)\n',
  );
  expect((await sluice(['pools', 'prices', id], admin)).stdout).toMatch(/^h100 +2\.500000000 +200 +3\.000000000 +20.* the pool +yes/m);
  expect((await sluice(['pools', 'rotate-token', id], admin)).stdout).toMatch(/^pt_/);
  expect((await sluice(['pools', 'delete', id, '--force'], admin)).stdout).toBe(`${id} is deleted\n`);
  await asking;
});

it('shows usage, and reports when no gateway answers or is known', async () => {
  // Usage reaches the ledger within seconds.
  await expect.poll(() => printed('usage', '--group-by', 'model')).toMatch(/embedding_tokens +\d+ +0\.\d+/);
  expect(await sluice(['usage'], { SLUICE_URL: 'http://127.0.0.1:9', SLUICE_API_KEY: 'sk' })).toMatchObject({ status: 1, stdout: '' });
  const unknown = await sluice(['usage', '--from', 'yesterday']);
  expect(unknown).toMatchObject({ status: 2 });
  expect(unknown.stderr).toContain('It must be a date such as 2026-11-01');
});

it('lays cohorts down and reserves capacity as an operator, and says what a tenant has not', async () => {
  const environment = { SLUICE_ADMIN_KEY: server.secrets.SLUICE_ADMIN_KEY };
  const operate = async (...words: string[]): Promise<string> => {
    const { status, stdout, stderr } = await sluice(['queues', ...words], environment);
    expect({ status, stderr }, words.join(' ')).toEqual({ status: 0, stderr: '' });
    return stdout;
  };
  const name = `labs-${tenant.id.slice(-8)}`;
  expect(await operate('cohorts', 'create', name, '--weight', '3', '--quota', 'h100=4:2')).toMatch(
    new RegExp(`${name} +root +3 +- +0 +0 `),
  );
  const own = ['cohorts', 'create', `own-${name}`, '--parent', name, '--tenant', tenant.id, '--quota', 'cpu=2', '--json'];
  expect(JSON.parse(await operate(...own))).toMatchObject({ parent: name, tenant: tenant.id, quotas: { cpu: { nominal: 2 } } });
  expect(JSON.parse(await operate('cohorts', 'update', name, '--weight', '5', '--json'))).toMatchObject({
    weight: 5,
    quotas: { h100: {} },
  });
  expect(await operate('cohorts', 'list')).toContain(`own-${name}`);

  const reserve = ['reservations', 'create', '--hours', '1', '--start', '2030-01-01T00:00Z'];
  const refused = await sluice(['queues', ...reserve, '--tenant', tenant.id, '--accelerator', 'b900', '--count', '1'], environment);
  expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('limit_exceeded') });
  expect(await sluice(['queues', ...reserve])).toMatchObject({ status: 2, stderr: expect.stringContaining('--count') });
  expect(await sluice(['queues', ...reserve, '--pool', 'pool_0000000000', '--count', '1'])).toMatchObject({ status: 1 });
  expect(await printed('queues', 'reservations', 'list')).toBe('no reservations\n');

  expect(await operate('cohorts', 'delete', `own-${name}`)).toBe(`own-${name} is deleted\n`);
  expect(await operate('cohorts', 'delete', name)).toBe(`${name} is deleted\n`);
  expect(await sluice(['queues', 'cohorts', 'get', name], environment)).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('cohort_not_found'),
  });
});
