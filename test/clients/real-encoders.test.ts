import { beforeAll, describe, expect, it } from 'vitest';

import type { ApiClient } from '../support/deployment/api-client.ts';
import { promoteModel, registerModel } from '../support/deployment/register-model.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { effort } from '../support/fixtures/effort.ts';
import { cosine, COSINES, encoderFolder, ENCODERS_FOLDER, foundEncoders, goldenTexts } from '../support/models/real-encoders.ts';

// Encoders that people use, where a folder of them is beside the repository, or where SLUICE_ENCODERS says.

/** Isolates of 128 MB have no room for its weights. */
const POOL_ENCODER = 'multilingual-e5-small-q';

const NAMES = foundEncoders().slice(0, effort(0, 5));
if (NAMES.length === 0) console.log(`Only \`npm run test:full\`, with encoders in ${ENCODERS_FOLDER} (SLUICE_ENCODERS), registers any.`);

describe.skipIf(NAMES.length === 0)('encoders that people use', () => {
  const server = sharedDeployment();
  let client: ApiClient;

  beforeAll(async () => {
    ({ client } = await createTenant(server, { scopes: ['inference', 'files', 'models:write'] }));
  });

  it.each(NAMES)('[M140] %s is computed by the engine, with its tokens and near its vectors', async (name) => {
    const model = name.replaceAll('.', '-');
    await promoteModel(client, model, await registerModel(client, model, await encoderFolder(name)));
    const { checks } = (await client.get(`/v1/models/${model}/versions/1`)).body;
    const { input, texts } = await goldenTexts(name);
    const { status, body } = await client.post('/v1/embeddings', { model, input });
    if (name === POOL_ENCODER) {
      expect([checks.measured.runs_on, status, body.error?.code]).toEqual(['pool', 503, 'no_healthy_replica']);
      return;
    }
    expect(checks.measured).toMatchObject({ runs_on: 'edge', computed_by: 'encoder' });
    expect(status, JSON.stringify(body).slice(0, 300)).toBe(200);
    expect(body.usage.total_tokens).toBe(texts.reduce((sum, { ids }) => sum + ids.length, 0));
    const cosines = texts.map(({ vector }, i) => cosine(body.data[i].embedding, vector));
    const least = Math.min(...cosines);
    const mean = cosines.reduce((sum, x) => sum + x, 0) / cosines.length;
    console.log(`${name}: ${texts.length} texts, cosine at least ${least.toFixed(4)}, mean ${mean.toFixed(4)}`);
    expect(least).toBeGreaterThan(COSINES[name].least);
    expect(mean).toBeGreaterThan(COSINES[name].mean);
  });
});
