import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Server } from '../../workers/local/serve.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { embeddedInPage, freshPage, launchBrowser } from '../support/deployment/edge-page.ts';
import { promoteModel, registerModel } from '../support/deployment/register-model.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { effort } from '../support/fixtures/effort.ts';
import { cosine, COSINES, encoderFolder, ENCODERS_FOLDER, foundEncoders, goldenTexts } from '../support/models/real-encoders.ts';

// Encoders that people use, in a page; small ones are in edge.test.ts.

const NAMES = foundEncoders().slice(0, effort(0, 5));
if (NAMES.length === 0)
  console.log(`Only \`npm run test:full\`, with encoders in ${ENCODERS_FOLDER} (SLUICE_ENCODERS), runs any in a page.`);

/** The scales of its words are of 16 bits, with which not every graphics processor computes; software adapters do not. */
const HALF_ENCODER = 'multilingual-e5-small-q';

/** Of the texts: a software adapter takes half a second for one. */
const WEBGPU_TEXTS = 16;

describe.skipIf(NAMES.length === 0)('encoders that people use, in a page', () => {
  let server: Server;
  let client: ApiClient;
  let browser: Browser;

  beforeAll(async () => {
    // Room for the largest, which isolates of 128 MB have none for.
    server = await deploy(1, { LOG_LEVEL: 'warn', MODEL_MEMORY_MIB: '512' });
    ({ client } = await createTenant(server, { scopes: ['inference', 'files', 'models:write', 'models:read'] }));
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  it.each(NAMES)('[M202] %s makes its vectors in a page, by the engine and on WebGPU', async (name) => {
    const model = name.replaceAll('.', '-');
    await promoteModel(client, model, await registerModel(client, model, await encoderFolder(name)));
    const { input, texts } = await goldenTexts(name);
    const theirs = (await client.post('/v1/embeddings', { model, input })).body.data;
    const { page, fetched } = await freshPage(browser, server.urls[0] ?? '');
    for (const device of ['wasm', 'webgpu'] as const) {
      const some = device === 'wasm' ? input : input.slice(0, WEBGPU_TEXTS);
      const made = await embeddedInPage(page, { model, device, apiKey: client.apiKey }, some);
      if (name === HALF_ENCODER && device === 'webgpu' && made.error !== undefined) {
        console.log(`${name} on webgpu: ${made.message?.slice(-70)}`);
        expect(made.message).toContain('requires f16 but the device does not support it');
        return;
      }
      expect([made.error, made.message, made.device]).toEqual([undefined, undefined, device]);
      const cosines = made.vectors.map((vector, i) => cosine(vector, texts[i]!.vector));
      console.log(`${name} on ${device}: ${cosines.length} texts, cosine at least ${Math.min(...cosines).toFixed(4)}`);
      expect(Math.min(...cosines)).toBeGreaterThan(device === 'wasm' ? COSINES[name].least : COSINES[name].webGpuLeast);
      // The engine's bits are the same everywhere [M130].
      if (device === 'wasm')
        for (const [i, vector] of made.vectors.entries())
          expect(vector, `text ${i}`).toEqual([...Float32Array.from(theirs[i].embedding as number[])]);
      expect(fetched.some((path) => path.startsWith('/sdk/ort/'))).toBe(device === 'webgpu');
    }
  });
});
