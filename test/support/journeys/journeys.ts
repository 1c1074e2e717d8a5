import { strict as assert } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ApiAnswer } from '../deployment/api-client.ts';
import { BulkStream } from '../deployment/bulk-stream.ts';
import { promoteModel, registerModel } from '../deployment/register-model.ts';
import { bertFolder } from '../models/model-folder.ts';
import type { Journey, JourneyWorld } from './journey-world.ts';

/** How large journeys are: small enough for each run of the tests, or as large as the API takes in one call. */
export interface JourneySizes {
  readonly inputs: number;
  readonly pieces: number;
  readonly points: number;
  readonly imported: number;
  readonly dimensions: number;
  readonly lines: number;
  readonly shards: number;
}

export const SMALL: JourneySizes = { inputs: 130, pieces: 40, points: 2_500, imported: 2_000, dimensions: 256, lines: 200, shards: 4 };

export const LARGE: JourneySizes = {
  inputs: 2_048,
  pieces: 900,
  points: 10_000,
  imported: 20_000,
  dimensions: 1_536,
  lines: 10_000,
  shards: 100,
};

const MODEL = 'glove-sif-100';
const MODEL_OF_INFERENCE = 'glove-sif-100-onnx';
/** The vectors that one shard of the index of many shards holds at most. */
const SHARD_VECTORS = 16;

const WORDS = ['sluice', 'weir', 'lock', 'river', 'canal', 'dam', 'gate', 'water', 'flood', 'basin', 'spring'];

/** Different for every `n`. */
const textOf = (n: number): string => Array.from(n.toString(11), (digit) => WORDS[Number.parseInt(digit, 11)]).join(' ');

/** Near one of twenty centres. */
const valuesOf = (n: number, dimensions: number): number[] =>
  Array.from({ length: dimensions }, (_, axis) => Math.fround(3 * Math.sin((n % 20) * 31 + axis) + Math.sin(n * 13 + axis) / 4));

function answered(answer: ApiAnswer, status = 200): ApiAnswer {
  assert.equal(answer.status, status, JSON.stringify(answer.body).slice(0, 500));
  return answer;
}

/** Longer than a busy machine takes for any of it. */
const PATIENCE_MS = 600_000;

async function until(is: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + PATIENCE_MS;
  while (!(await is())) {
    assert.ok(Date.now() < endMs, `not so after ${PATIENCE_MS} ms: ${is.toString()}`);
    await sleep(50);
  }
}

const listOf = <T>(count: number, of: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => of(n));

/** A file of lines. */
const linesOf = (count: number, of: (n: number) => object): Blob => new Blob(listOf(count, (n) => `${JSON.stringify(of(n))}\n`));

const LINES_SENT = 100;

async function upload({ client }: JourneyWorld, content: Blob): Promise<string> {
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', content, 'input.jsonl');
  return answered(await client.call('POST', '/v1/files', form)).body.id;
}

async function createIndex({ client }: JourneyWorld, name: string, dimensions: number, more: object = {}): Promise<void> {
  answered(await client.post('/v1/indexes', { name, dimensions, metric: 'l2', owner: 'testers', ...more }), 201);
}

/** Sends as the API takes, as an import of any size does. */
async function importInto({ client }: JourneyWorld, index: string, count: number, vectorOf: (n: number) => object): Promise<void> {
  const stream = new BulkStream(client, `/v1/indexes/${index}/import`);
  const read = stream.read();
  for (let from = 0; from < count; from += LINES_SENT) {
    const lines = listOf(Math.min(LINES_SENT, count - from), (n) => `${JSON.stringify(vectorOf(from + n))}\n`);
    await stream.send(lines.join(''));
  }
  stream.end();
  await read;
  assert.partialDeepStrictEqual(stream.last, { status: 'done', written: count });
}

/** Waits for an end, which is of that name. */
async function ended({ client }: JourneyWorld, path: string, field: 'state' | 'status', end: string): Promise<void> {
  const now = async (): Promise<string> => (await client.get(path)).body[field];
  await until(async () => [end, 'failed', 'expired', 'cancelled'].includes(await now()));
  assert.equal(await now(), end);
}

/** Every main way through the API. Each leaves little to be done behind it, and those that leave the most come last. */
export const journeysOf = (sizes: JourneySizes): readonly Journey[] => [
  embedding(sizes),
  registered(sizes),
  chat(sizes),
  purge(sizes),
  qdrantUpsert(sizes),
  jobs(sizes),
  batch(sizes),
  imported(sizes),
  query(sizes),
];

const embedding = ({ inputs }: JourneySizes): Journey => ({
  name: 'embedding',
  run: async ({ client }) => {
    // Texts of their own: models of the same weights answer from one cache.
    for (const model of [MODEL, MODEL_OF_INFERENCE])
      answered(await client.post('/v1/embeddings', { model, input: listOf(inputs, (n) => `${model} ${textOf(n)}`) }));
  },
});

/** A model that a tenant has registered runs a few texts a call, so that those of others run in between. */
const registered = ({ inputs }: JourneySizes): Journey => ({
  name: 'embedding by a registered model',
  prepare: async ({ client }) => {
    await promoteModel(client, 'encoder', await registerModel(client, 'encoder', bertFolder().files));
  },
  run: async ({ client }) => {
    answered(await client.post('/v1/embeddings', { model: 'encoder', input: listOf(inputs, textOf) }));
  },
});

const GUARDRAILS = [
  { kind: 'pii', name: 'people', action: 'mask', restores: true },
  { kind: 'patterns', name: 'words', patterns: ['(?i)project x', 'forbidden'], action: 'block' },
];

const chat = ({ pieces }: JourneySizes): Journey => {
  const ask = ({ client }: JourneyWorld, more: object) =>
    client.post('/v1/chat/completions', { model: 'guarded', messages: [{ role: 'user', content: 'I am jane@example.org' }], ...more });
  return {
    name: 'chat with guardrails',
    prepare: async (world) => {
      const terms = { name: 'guarded', guardrails: GUARDRAILS, default: { kind: 'targets', groups: [[{ target: 'lab/small' }]] } };
      answered(await world.client.post('/v1/routes', terms));
      await world.upstream.script({ texts: listOf(pieces, (n) => ` word${n}`) });
      await until(async () => (await ask(world, {})).status === 200);
    },
    run: async (world) => {
      answered(await ask(world, {}));
      const { body } = answered(await ask(world, { stream: true }));
      assert.ok(String(body).includes(`word${pieces - 1}`));
    },
  };
};

const purge = ({ inputs }: JourneySizes): Journey => ({
  name: 'purge',
  prepare: async ({ client }) => {
    const input = listOf(inputs, (n) => `purged ${textOf(n)}`);
    answered(await client.post('/v1/embeddings', { model: MODEL_OF_INFERENCE, input }, { 'cache-tag': 'purged' }));
  },
  run: async ({ client }) => {
    answered(await client.post('/v1/cache/purge', { tags: ['purged'] }));
    answered(await client.post('/v1/embeddings', { model: MODEL_OF_INFERENCE, input: `purged ${textOf(0)}` }));
  },
});

const qdrantUpsert = ({ points, dimensions }: JourneySizes): Journey => ({
  name: 'Qdrant upsert',
  prepare: async ({ client }) => {
    answered(await client.put('/qdrant/collections/points', { vectors: { size: Math.min(dimensions, 128), distance: 'Dot' } }));
  },
  run: async ({ client }) => {
    const vector = (n: number) => valuesOf(n, Math.min(dimensions, 128));
    answered(
      await client.put('/qdrant/collections/points/points?wait=true', {
        points: listOf(points, (n) => ({ id: n, vector: vector(n), payload: { n } })),
      }),
    );
  },
});

const jobs = ({ lines }: JourneySizes): Journey => ({
  name: 'job',
  run: async (world) => {
    const input_file = await upload(
      world,
      linesOf(lines, (n) => ({ id: `l${n}`, text: textOf(n) })),
    );
    const { body } = answered(
      await world.client.post('/v1/jobs', { kind: 'batch_embedding', model: MODEL, input_file, owner: 'zoo' }),
      201,
    );
    await ended(world, `/v1/jobs/${body.id}`, 'state', 'succeeded');
  },
});

const batch = ({ lines }: JourneySizes): Journey => ({
  name: 'batch',
  run: async (world) => {
    const line = (n: number) => ({ custom_id: `l${n}`, method: 'POST', url: '/v1/embeddings', body: { model: MODEL, input: textOf(n) } });
    const input_file_id = await upload(world, linesOf(lines, line));
    const terms = { input_file_id, endpoint: '/v1/embeddings', completion_window: '24h' };
    const { body } = answered(await world.client.post('/v1/batches', terms));
    await ended(world, `/v1/batches/${body.id}`, 'status', 'completed');
  },
});

const imported = ({ imported: count, dimensions }: JourneySizes): Journey => ({
  name: 'import',
  prepare: (world) => createIndex(world, 'imported', dimensions),
  run: (world) => {
    const vector = (n: number) => ({ id: `v${n}`, values: valuesOf(n, dimensions), metadata: { n }, text: textOf(n) });
    return importInto(world, 'imported', count, vector);
  },
});

const query = ({ shards }: JourneySizes): Journey => ({
  name: 'query over many shards',
  prepare: async (world) => {
    await createIndex(world, 'grown', 8, { shard_vectors_max: SHARD_VECTORS });
    const count = shards * SHARD_VECTORS;
    const vector = (n: number) => ({ id: `v${n}`, values: valuesOf(n, 8), metadata: { n } });
    await importInto(world, 'grown', count, vector);
    await until(async () => (await world.client.get('/v1/indexes/grown/stats')).body.shards >= shards);
  },
  run: async ({ client, server }) => {
    const all = { vector: valuesOf(7, 8), top_k: shards * SHARD_VECTORS, exact: true, explain: true, include_metadata: true };
    const { body } = answered(await client.post('/v1/indexes/grown/query', all));
    const asked: number = body.explanation.shards_asked;
    assert.ok(asked >= shards);
    const { calls } = (await server.uses()).find(({ name }) => name === 'gateway POST /v1/indexes/grown/query') ?? {};
    const made = calls?.['SHARD'] ?? 0;
    // A shard that has just split may be asked again.
    assert.ok(made > 0 && made <= 1.5 * asked, `${made} calls of ${asked} shards`);
  },
});
