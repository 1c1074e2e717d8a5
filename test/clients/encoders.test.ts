import { beforeAll, expect, it } from 'vitest';

import type { ApiClient } from '../support/deployment/api-client.ts';
import { promoteModel, registerModel } from '../support/deployment/register-model.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { bertReference } from '../support/models/bert-reference.ts';
import { SMALL_ENGINE_BERT } from '../support/models/bert-weights.ts';
import { bertFolder, VOCABULARY } from '../support/models/model-folder.ts';

// Encoders of BERT's shape that the engine of our own computes.

const TEXTS = ['river lock', 'the keeper opens the gate', 'a boat'];

const server = sharedDeployment();
const encoder = bertFolder('embedding', { shape: SMALL_ENGINE_BERT, seed: 5 });
let client: ApiClient;

beforeAll(async () => {
  ({ client } = await createTenant(server, { scopes: ['inference', 'files', 'models:write', 'index:read', 'index:write'] }));
  await promoteModel(client, 'own', await registerModel(client, 'own', encoder.files));
});

const idsOf = (text: string): number[] => [2, ...text.split(' ').map((word) => VOCABULARY[word] ?? 1), 3];

function reference(text: string): number[] {
  const ids = idsOf(text);
  const states = bertReference(
    encoder.shape,
    encoder.weights,
    ids,
    ids.map(() => 0),
  );
  const sum = states[0]!.map((_, d) => states.reduce((total, state) => total + state[d]!, 0));
  const length = Math.hypot(...sum);
  return sum.map((x) => x / length);
}

const cosine = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

const embedded = async (input: string | readonly string[]): Promise<number[][]> => {
  const { status, body } = await client.post('/v1/embeddings', { model: 'own', input });
  expect(status, JSON.stringify(body)).toBe(200);
  return body.data.map(({ embedding }: { embedding: number[] }) => embedding);
};

it('[M140] an encoder is computed by the engine, says so, and has the vectors of the network', async () => {
  const version = (await client.get('/v1/models/own/versions/1')).body;
  expect(version.checks.measured).toMatchObject({ runs_on: 'edge', computed_by: 'encoder' });
  const vectors = await embedded(TEXTS);
  for (const [i, text] of TEXTS.entries()) expect(cosine(vectors[i]!, reference(text)), text).toBeGreaterThan(0.99);
});

it('[M142] a text has the same vector in every call, and a text that is too long is refused', async () => {
  const together = await embedded([...TEXTS, 'the keeper opens the gate at dawn in the rain and the boat', 'weir']);
  const crowd = await Promise.all(TEXTS.map((text) => embedded(text)));
  expect(crowd.map(([vector]) => vector)).toEqual(together.slice(0, TEXTS.length));
  const { status, body } = await client.post('/v1/embeddings', { model: 'own', input: ['a', 'river '.repeat(50)] });
  expect([status, body.error.param]).toEqual([400, 'input[1]']);
});

it('[M143] [M144] the graph of such an encoder still runs on tensors, by the runtime, with vectors near', async () => {
  const ids = idsOf(TEXTS[1]!);
  const input = (name: string, data: readonly number[]) => ({ name, datatype: 'INT64', shape: [1, ids.length], data });
  const inputs = [
    input('input_ids', ids),
    input(
      'attention_mask',
      ids.map(() => 1),
    ),
    input(
      'token_type_ids',
      ids.map(() => 0),
    ),
  ];
  const { status, body } = await client.post('/v2/models/own/infer', { inputs });
  expect(status, JSON.stringify(body)).toBe(200);
  const [{ shape, data }] = body.outputs;
  expect(shape).toEqual([1, ids.length, encoder.shape.hidden]);
  const states = bertReference(
    encoder.shape,
    encoder.weights,
    ids,
    ids.map(() => 0),
  ).flat();
  for (const [i, x] of states.entries()) expect(data[i]).toBeCloseTo(x, 3);
  const sum = Array.from({ length: shape[2] }, (_, d) => ids.reduce((total, __, i) => total + data[i * shape[2] + d], 0));
  const [own = []] = await embedded(TEXTS[1]!);
  expect(cosine(own, sum) / Math.hypot(...sum)).toBeGreaterThan(0.99);
  // Texts go on with the engine.
  expect(await embedded(TEXTS[1]!)).toEqual([(await embedded(TEXTS))[1]]);
});
