import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { run } from '../../workers/cli/command/command.ts';
import { programFor } from '../../workers/cli/program.ts';
import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { Agent } from '../support/deployment/agent.ts';
import { startAgent } from '../support/deployment/agent.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { promoteModel, registerModel } from '../support/deployment/register-model.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { TRAINING_PAIRS } from '../support/fixtures/tuning-pairs.ts';
import type { Folder } from '../support/models/model-folder.ts';
import { bertFolder } from '../support/models/model-folder.ts';
import { staticFolder } from '../support/models/static-folder.ts';
import { firstFile } from '../support/fixtures/default-model.ts';

// Jobs that make models on a pool and register them.

const IS_FULL = process.env['SLUICE_TEST_FULL'] === '1';
const LONG = { timeout: 90_000, interval: 100 };
const WORDS = ['river', 'lock', 'gate', 'boat', 'weir', 'rain', 'canal', 'bank', 'keeper', 'dawn', 'water', 'flow'];
const RETRIEVAL = WORDS.flatMap((word, i) => [
  { id: word, text: `the ${word} of the ${WORDS[(i + 1) % WORDS.length]}` },
  { query: word, relevant: [word] },
]);

let server: Server;
let client: ApiClient;
let pool: { readonly id: string; readonly agent_token: string };
let retrieval: string;
const agents: Agent[] = [];
const agent = (): Agent => {
  const started = startAgent(server, pool, ['--allow', 'quantize,prune,distill,training']);
  agents.push(started);
  return started;
};

beforeAll(async () => {
  server = await deploy();
  ({ client } = await createTenant(server, { scopes: ['inference', 'files', 'jobs', 'models:write', 'index:read', 'index:write'] }));
  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  pool = await admin.create('/v1/pools', { name: 'models', owner: 'testers' });
  await promoteModel(client, 'encoder', await registerModel(client, 'encoder', bertFolder().files));
  retrieval = await upload(RETRIEVAL.map((row) => JSON.stringify(row)).join('\n'), 'user_data');
});

afterAll(async () => {
  await Promise.all(agents.map((one) => one.stop()));
  await server.stop();
});

async function upload(content: string, purpose: string): Promise<string> {
  const form = new FormData();
  form.set('purpose', purpose);
  form.set('file', new Blob([content]), 'input.jsonl');
  return (await client.call('POST', '/v1/files', form)).body.id;
}

const submit = async (body: object) => {
  const made = await client.post('/v1/jobs', body);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body.id as string;
};
const job = async (id: string) => (await client.get(`/v1/jobs/${id}`)).body;
const ended = async (id: string) => {
  await expect.poll(async () => (await job(id)).state, LONG).toBeOneOf(['succeeded', 'failed']);
  return job(id);
};
const versions = async (model: string) => (await client.get(`/v1/models/${model}/versions`)).body.data;
const embed = async (model: string, input: string): Promise<number[]> => {
  const { status, body } = await client.post('/v1/embeddings', { model, input });
  expect(status, JSON.stringify(body)).toBe(200);
  return body.data[0].embedding;
};
const cosine = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

it('[J255] [J256] an encoder is quantised, judged and registered once, though its agent dies', async () => {
  const first = agent();
  const id = await submit({
    kind: 'quantize',
    model: 'encoder',
    gate: { retrieval_file: retrieval, overlap_min: 0.8, ndcg_min: 0.8 },
    register: { name: 'encoder' },
  });
  await expect.poll(async () => (await job(id)).state, LONG).toBeOneOf(['running', 'succeeded']);
  first.kill();
  agent();
  const { state, registered_model: registered, outputs, error } = await ended(id);
  expect([state, registered, error]).toEqual(['succeeded', 'encoder@2', null]);
  expect(outputs.map(({ path }: { path: string }) => path)).toEqual(['model.onnx', 'recipe.json', 'report.json']);
  const [one, two, ...others] = await versions('encoder');
  expect(others).toEqual([]);
  const graph = outputs[0];
  expect(two).toMatchObject({
    stage: 'verified',
    parents: ['encoder@1'],
    recipe: { job: id, parameters: { bits: 8 } },
    contract_hash: one.contract_hash,
  });
  expect(two.files).toContainEqual({ path: 'onnx/model.onnx', bytes: graph.bytes, sha256: graph.sha256 });
  expect(two.evaluation.gate.checks.map(({ name }: { name: string }) => name)).toContain('overlap@10');
  expect(cosine(await embed('encoder@1', 'the river'), await embed('encoder@2', 'the river'))).toBeGreaterThan(0.98);
});

it('[J256] one that its gate refuses fails with the report in its log, and registers nothing', async () => {
  const before = await versions('encoder');
  const id = await submit({
    kind: 'quantize',
    model: 'encoder@1',
    bits: 4,
    gate: { retrieval_file: retrieval, overlap_min: 1, ndcg_min: 1 },
    register: { name: 'encoder' },
  });
  expect(await ended(id)).toMatchObject({ state: 'failed', error: { reason: 'gate_refused' }, registered_model: null, outputs: [] });
  expect((await client.get(`/v1/jobs/${id}/logs`)).body).toContain('"passes": false');
  expect(await versions('encoder')).toEqual(before);
});

it('[J255] only keys that may register models submit such jobs, and only of registered models', async () => {
  const { client: limited } = await createTenant(server, { scopes: ['jobs', 'files', 'inference'] });
  const build = { kind: 'quantize', model: 'encoder', register: { name: 'own' } };
  const refused = await limited.post('/v1/jobs', build);
  expect([refused.status, refused.body.error?.code, refused.body.error?.param]).toEqual([403, 'scope_denied', 'register']);
  const builtin = await client.post('/v1/jobs', { ...build, model: 'glove-sif-100' });
  expect([builtin.status, builtin.body.error?.param]).toEqual([400, 'model']);
});

it('[J255] [M94] a fine-tuned model is registered, and its name is one that embeds', async () => {
  const training = await upload(TRAINING_PAIRS, 'fine-tune');
  const made = await client.post('/v1/fine_tuning/jobs', {
    model: 'glove-sif-100',
    training_file: training,
    hyperparameters: { n_epochs: 1 },
    register: { name: 'jargon', stage: 'serving' },
  });
  expect(made.status, JSON.stringify(made.body)).toBe(200);
  await ended(made.body.id.replace('ftjob_', 'job_'));
  const tuning = (await client.get(`/v1/fine_tuning/jobs/${made.body.id}`)).body;
  expect([tuning.status, tuning.fine_tuned_model, tuning.error]).toEqual(['succeeded', 'jargon@1', null]);
  const vector = await embed('jargon@1', 'river ledger');
  expect(vector).toHaveLength(100);
  // One epoch moves words of the pairs, and no other.
  expect(cosine(await embed('jargon', 'umbrella'), await embed('glove-sif-100', 'umbrella'))).toBeGreaterThan(0.9999);
  expect(cosine(vector, await embed('glove-sif-100', 'river ledger'))).toBeLessThan(0.9999);
  expect(await versions('jargon')).toMatchObject([{ stage: 'serving', parents: ['glove-sif-100@2'], owner: 'testers' }]);
});

describe('each way from a source to a model that serves', () => {
  /** Those of the texts, and others that may be left out. */
  const KNOWN = ['the', 'of', ...WORDS, ...Array.from({ length: 50 }, (_, i) => `word${i}`)];
  const TEACHING = WORDS.flatMap((word, i) => [`the ${word}`, `the ${word} of the ${WORDS[(i + 5) % WORDS.length]}`]);
  const jsonl = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const inputs = {
    corpus: TEACHING.join('\n'),
    calibration: jsonl(TEACHING.map((text) => ({ text }))),
    texts: jsonl(TEACHING.map((text) => ({ text }))),
    retrieval: jsonl(RETRIEVAL),
  };
  const SOURCES: Readonly<Record<string, Folder>> = {
    floats: staticFolder(KNOWN, 'float32'),
    codes: staticFolder(KNOWN, 'int8'),
    // The first version of the model of the deployment.
    glove: new Map([['model.onnx', firstFile]]),
    bert: bertFolder().files,
  };
  const LOOSE = { overlap_min: 0, ndcg_min: 0 };
  const OPERATIONS = {
    quantize: { kind: 'quantize' },
    // Of static models the words of texts alone stay, so that no ranking changes.
    words: { kind: 'prune', corpus: true },
    dimensions: { kind: 'prune', dimensions: 12, gate: LOOSE },
    layers: { kind: 'prune', layers: 1, calibration: true, gate: LOOSE },
    distill: { kind: 'distill', texts: true, words: 200, folds: 2, recall_min: 0 },
  } as const;
  type Operation = keyof typeof OPERATIONS;
  /**
   * What is made of what; of that which was made, too. A pattern: why it is refused. `by`: the ways that `npm test` goes, as each job takes a
   * second of CPU; `npm run test:full` goes all ways, by jobs and by commands.
   */
  const WAYS: readonly {
    readonly made: string;
    readonly source: string;
    readonly operation: Operation;
    readonly refused?: RegExp;
    readonly by?: 'job' | 'command';
  }[] = [
    { made: 'floats-int8', source: 'floats', operation: 'quantize', by: 'command' },
    { made: 'floats-words', source: 'floats', operation: 'words', by: 'command' },
    { made: 'floats-student', source: 'floats', operation: 'distill', by: 'command' },
    { made: 'codes-int8', source: 'codes', operation: 'quantize', refused: /already_quantised: /, by: 'job' },
    { made: 'codes-words', source: 'codes', operation: 'words' },
    { made: 'codes-short', source: 'codes', operation: 'dimensions', by: 'job' },
    { made: 'codes-student', source: 'codes', operation: 'distill' },
    { made: 'glove-int8', source: 'glove', operation: 'quantize', refused: /already_quantised: / },
    { made: 'glove-words', source: 'glove', operation: 'words', by: 'job' },
    { made: 'glove-student', source: 'glove', operation: 'distill' },
    { made: 'bert-int8', source: 'bert', operation: 'quantize', by: 'command' },
    { made: 'bert-words', source: 'bert', operation: 'words', refused: /are for static models/ },
    { made: 'bert-layers', source: 'bert', operation: 'layers', by: 'command' },
    { made: 'bert-student', source: 'bert', operation: 'distill', by: 'job' },
    { made: 'short-int8', source: 'codes-short', operation: 'quantize', refused: /already_quantised: / },
    { made: 'pruned-int8', source: 'floats-words', operation: 'quantize', by: 'command' },
    { made: 'pruned-words', source: 'floats-words', operation: 'words', refused: /nothing_pruned: /, by: 'command' },
    { made: 'pruned-student', source: 'floats-words', operation: 'distill' },
    { made: 'student-int8', source: 'bert-student', operation: 'quantize', refused: /already_quantised: / },
    { made: 'student-words', source: 'bert-student', operation: 'words' },
    { made: 'student-student', source: 'bert-student', operation: 'distill' },
    { made: 'twice-int8', source: 'bert-int8', operation: 'quantize', refused: /already_quantised: /, by: 'command' },
  ];
  const waysBy = (means: 'job' | 'command') => WAYS.filter(({ by }) => IS_FULL || by === means);
  let root: string;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'sluice-builds-'));
    for (const [name, content] of Object.entries(inputs)) await writeFile(join(root, `${name}.jsonl`), content);
    for (const [name, files] of Object.entries(SOURCES)) {
      await promoteModel(client, name, await registerModel(client, name, files));
      for (const [path, bytes] of files) {
        await mkdir(dirname(join(root, name, path)), { recursive: true });
        await writeFile(join(root, name, path), bytes);
      }
    }
    if (agents.length === 0) agent();
  });

  afterAll(() => rm(root, { recursive: true }));

  const bytesOf = async (model: string): Promise<number> =>
    (await versions(model))[0].files.reduce((sum: number, { bytes }: { bytes: number }) => sum + bytes, 0);

  /** It embeds, serves an index, and is not larger than what it was made of. */
  async function serves(model: string, source: string, operation: Operation): Promise<void> {
    const [version] = await versions(model);
    expect([model, version.checks.passed]).toEqual([model, true]);
    // What lacks layers or dimensions whose weights are of a seed ranks otherwise, and serves alone with a reason.
    const override =
      operation === 'layers' || operation === 'dimensions' ? { override: { reason: 'its rankings are no subject here' } } : {};
    expect(await client.post(`/v1/models/${model}/promote`, { version: 1, ...override }), model).toMatchObject({ status: 200 });
    const vector = await embed(model, 'the river of the weir');
    expect(vector, model).toHaveLength(version.dimensions);
    expect(cosine(vector, vector), model).toBeCloseTo(1, 3);
    if (operation !== 'distill') expect(await bytesOf(model), model).toBeLessThan(await bytesOf(source));
    const index = `/v1/indexes/by-${model}`;
    expect(await client.post('/v1/indexes', { name: `by-${model}`, model, owner: 'testers' })).toMatchObject({ status: 201 });
    const written = await client.post(`${index}/upsert`, { vectors: WORDS.map((text) => ({ id: text, text: `the ${text}` })) });
    expect([written.status, written.body.error], model).toEqual([200, undefined]);
    const found = await client.post(`${index}/query`, { text: 'the keeper', top_k: 1 });
    expect(found.body.matches, model).toMatchObject([{ id: 'keeper' }]);
  }

  it('[MB18] by a job', async () => {
    const files: Record<string, string> = {};
    for (const [name, content] of Object.entries(inputs)) files[name] = await upload(content, 'user_data');
    const named = (name: keyof typeof inputs): object => ({ [`${name}_file`]: files[name] });
    const bodyOf = (made: string, source: string, operation: Operation): object => {
      const { kind, ...options } = OPERATIONS[operation] as Record<string, unknown>;
      const given = Object.entries(options).map(([name, value]) =>
        value === true ? named(name as keyof typeof inputs) : { [name]: value },
      );
      const gate = kind === 'distill' ? {} : { gate: { ...(options['gate'] as object), ...named('retrieval') } };
      return Object.assign({ kind, model: source, register: { name: made } }, ...given, gate) as object;
    };
    const done = new Map<string, Promise<void>>();
    for (const { made, source, operation, refused } of waysBy('job'))
      done.set(
        made,
        (async () => {
          await done.get(source);
          const end = await ended(await submit(bodyOf(`job-${made}`, source in SOURCES ? source : `job-${source}`, operation)));
          if (refused === undefined) {
            expect([made, end.registered_model, end.error]).toEqual([made, `job-${made}@1`, null]);
            await serves(`job-${made}`, source in SOURCES ? source : `job-${source}`, operation);
          } else {
            expect(end, made).toMatchObject({
              state: 'failed',
              registered_model: null,
              error: { message: expect.stringMatching(refused) },
            });
            expect((await client.get(`/v1/models/job-${made}/versions`)).status, made).toBe(404);
          }
        })(),
      );
    await Promise.all(done.values());
  });

  it('[MB18] by commands', async () => {
    vi.stubEnv('SLUICE_URL', server.urls[0] ?? '');
    vi.stubEnv('SLUICE_API_KEY', client.apiKey);
    const said: string[] = [];
    for (const stream of ['log', 'error'] as const)
      vi.spyOn(console, stream).mockImplementation((line: unknown) => void said.push(String(line)));
    const sluice = async (...words: string[]) => {
      said.length = 0;
      return [await run(await programFor(words), words), said.join('\n')] as const;
    };
    const at = (name: string): string => join(root, name);
    const wordsOf = (source: string, operation: Operation): string[] =>
      ({
        quantize: ['quantize', at(source)],
        words: ['prune', at(source), '--corpus', at('corpus.jsonl')],
        dimensions: ['prune', at(source), '--dimensions', '12'],
        layers: ['prune', at(source), '--layers', '1', '--calibrate', at('calibration.jsonl')],
        distill: ['distil', '--teacher', at(source), '--texts', at('texts.jsonl'), '--base', at('codes'), '--words', '200', '--folds', '2'],
      })[operation];
    for (const { made, source, operation, refused } of waysBy('command')) {
      const [status, text] = await sluice('models', ...wordsOf(source, operation), '--out', at(made));
      if (refused !== undefined) {
        expect([made, status, text]).toEqual([made, expect.any(Number), expect.stringMatching(refused)]);
        expect(status, made).toBeGreaterThan(0);
        continue;
      }
      expect([status, text], made).toEqual([0, expect.any(String)]);
      const added = await sluice('models', 'add', at(made), '--name', `cli-${made}`);
      expect(added, made).toEqual([0, expect.stringContaining(`cli-${made}@1: `)]);
      await serves(`cli-${made}`, source in SOURCES ? source : `cli-${source}`, operation);
    }
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });
});
