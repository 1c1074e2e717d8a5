import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { ROOT } from '../../workers/local/paths.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { promoteModel, registerModel } from '../support/deployment/register-model.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { effort } from '../support/fixtures/effort.ts';

// Encoders that people use, where a folder of them is beside the repository, or where SLUICE_ENCODERS says.

const FOLDER = process.env['SLUICE_ENCODERS'] ?? join(ROOT, '../shared/models');

/**
 * The vectors beside them come from graphs that quantise activations by tensor, which moves a text of two tokens most: so far the least cosine may lie from them, with
 * activations that are finer, and the mean.
 */
const BOUNDS: Record<string, { readonly least: number; readonly mean: number }> = {
  'all-minilm-l6-v2-q': { least: 0.96, mean: 0.98 },
  'bge-small-en-v1.5-q': { least: 0.9, mean: 0.99 },
  'bge-small-zh-v1.5-q': { least: 0.95, mean: 0.98 },
  'e5-small-v2-q': { least: 0.99, mean: 0.995 },
};

const NAMES = Object.keys(BOUNDS)
  .slice(0, effort(0, 4))
  .filter((name) => existsSync(join(FOLDER, name, 'model.onnx')));
if (NAMES.length === 0) console.log(`Only \`npm run test:full\`, with encoders in ${FOLDER} (SLUICE_ENCODERS), registers any.`);

const FILES = ['model.onnx', 'tokenizer.json', 'config.json', 'modules.json', 'sentence_bert_config.json', '1_Pooling/config.json'];

interface Golden {
  readonly prefixes: Readonly<Record<string, string>>;
  readonly texts: readonly {
    readonly text: string;
    readonly kind: string;
    readonly ids: readonly number[];
    readonly vector: readonly number[];
  }[];
}

describe.skipIf(NAMES.length === 0)('encoders that people use', () => {
  const server = sharedDeployment();
  let client: ApiClient;

  beforeAll(async () => {
    ({ client } = await createTenant(server, { scopes: ['inference', 'files', 'models:write'] }));
  });

  it.each(NAMES)('[M140] %s is computed by the engine, with its tokens and near its vectors', async (name) => {
    const folder = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const file of FILES) folder.set(file, new Uint8Array(await readFile(join(FOLDER, name, file))));
    const model = name.replaceAll('.', '-');
    await promoteModel(client, model, await registerModel(client, model, folder));
    const { checks } = (await client.get(`/v1/models/${model}/versions/1`)).body;
    expect(checks.measured).toMatchObject({ runs_on: 'edge', computed_by: 'encoder' });
    const golden = JSON.parse(await readFile(join(FOLDER, name, 'golden.json'), 'utf8')) as Golden;
    // An empty text is refused, and one beyond the model's tokens, which the others were cut to.
    const texts = golden.texts.filter(({ text, ids }) => text !== '' && ids.length < 256);
    const input = texts.map(({ text, kind }) => (golden.prefixes[kind] ?? '') + text);
    const { status, body } = await client.post('/v1/embeddings', { model, input });
    expect(status, JSON.stringify(body).slice(0, 300)).toBe(200);
    expect(body.usage.total_tokens).toBe(texts.reduce((sum, { ids }) => sum + ids.length, 0));
    const cosines = texts.map(({ vector }, i) => cosine(body.data[i].embedding, vector));
    const least = Math.min(...cosines);
    const mean = cosines.reduce((sum, x) => sum + x, 0) / cosines.length;
    console.log(`${name}: ${texts.length} texts, cosine at least ${least.toFixed(4)}, mean ${mean.toFixed(4)}`);
    expect(least).toBeGreaterThan(BOUNDS[name]!.least);
    expect(mean).toBeGreaterThan(BOUNDS[name]!.mean);
  });
});

function cosine(a: readonly number[], b: readonly number[]): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (const [i, x] of a.entries()) {
    const y = b[i]!;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / Math.sqrt(aa * bb);
}
