import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BrowserCaches } from '../../workers/edge/browser-files.ts';
import type { EdgeOptions } from '../../workers/edge/edge.ts';
import type { Server } from '../../workers/local/serve.ts';
import { promoteModel, registerModel } from '../support/deployment/register-model.ts';
import { secondModel } from '../support/fixtures/second-model.ts';
import { SMALL_ENGINE_BERT } from '../support/models/bert-weights.ts';
import { bertFolder } from '../support/models/model-folder.ts';
import { cosine } from '../support/models/real-encoders.ts';
import { deploy } from '../support/deployment/deployment.ts';
import type { Made } from '../support/deployment/edge-page.ts';
import { embeddedInPage, freshPage, launchBrowser } from '../support/deployment/edge-page.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const ONNX = 'glove-sif-100-onnx';
const TEXTS = ['the lock keeper opens the gates at dawn', 'a weir holds back the river', 'interest rates rose', 'river'];

let server: Server;
let tenant: TestTenant;
let browser: Browser;

beforeAll(async () => {
  server = await deploy();
  tenant = await createTenant(server);
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const openPage = () => freshPage(browser, server.urls[0] ?? '');

const embedded = (page: Page, options: Omit<EdgeOptions, 'signal'>, isAborted = false): Promise<Made> =>
  embeddedInPage(page, options, TEXTS, isAborted);

async function ofGateway(model: string): Promise<number[][]> {
  const { body } = await tenant.client.post('/v1/embeddings', { model, input: TEXTS });
  return body.data.map(({ embedding }: { embedding: number[] }) => embedding);
}

it.each([
  ['static', 'glove-sif-100'],
  ['wasm', ONNX],
  ['webgpu', ONNX],
] as const)("[M28] %s on the page's device makes the gateway's vectors, under the same contract", async (device, model) => {
  const { page } = await openPage();
  const made = await embedded(page, { device, model });
  expect([made.error, made.device]).toEqual([undefined, device]);
  const { body } = await tenant.client.get(`/v1/models/${model}`);
  expect(made.contract).toBe(body.contract_hash);
  const theirs = await ofGateway(model);
  for (const [i, vector] of made.vectors.entries()) expect(cosine(vector, theirs[i] ?? [])).toBeGreaterThan(1 - 1e-3);
});

it('[M28] a model is fetched once, with its progress, and then kept; damaged bytes are fetched again', async () => {
  const { page, fetched } = await openPage();
  const first = await embedded(page, {});
  expect(first.progress.at(-1)).toMatchObject({ isCached: false });
  expect(first.progress.at(-1)?.loadedBytes).toBe(first.progress.at(-1)?.totalBytes);
  const isModel = (path: string) => path.endsWith('/model.onnx');
  expect(fetched.filter(isModel)).toHaveLength(1);
  await page.reload();
  const again = await embedded(page, {});
  expect(again.progress).toEqual([expect.objectContaining({ isCached: true })]);
  expect(again.vectors).toEqual(first.vectors);
  expect(fetched.filter(isModel)).toHaveLength(1);
  await page.evaluate(async () => {
    const { caches } = globalThis as unknown as { readonly caches: BrowserCaches };
    const cache = await caches.open('sluice-models');
    const [key] = await cache.keys();
    if (key === undefined) throw new Error('nothing was kept');
    await cache.put(key, new Response(new Uint8Array(100)));
  });
  const mended = await embedded(page, {});
  expect(mended.vectors).toEqual(first.vectors);
  expect(fetched.filter(isModel)).toHaveLength(2);
});

it('[M29] without the runtime the gateway computes, if there is a key and no device was named', async () => {
  const { page } = await openPage();
  await page.route('**/sdk/ort/**', (route) => route.abort());
  const apiKey = tenant.client.apiKey;
  const made = await embedded(page, { model: ONNX, apiKey });
  expect([made.device, made.fallback]).toEqual(['gateway', 'unsupported']);
  const theirs = await ofGateway(ONNX);
  for (const [i, vector] of made.vectors.entries()) expect(cosine(vector, theirs[i] ?? [])).toBeGreaterThan(1 - 1e-6);
  expect((await embedded(page, { model: ONNX })).error).toBe('unsupported');
  expect((await embedded(page, { model: ONNX, apiKey, device: 'wasm' })).error).toBe('unsupported');
});

it('[M29] an unknown model, a load given up and other bytes than stated are refused by code', async () => {
  const { page } = await openPage();
  expect((await embedded(page, { model: 'none' })).error).toBe('model_not_found');
  expect((await embedded(page, {}, true)).error).toBe('aborted');
  await page.route('**/model.onnx', (route) => route.fulfill({ body: 'not the model' }));
  expect((await embedded(page, {})).error).toBe('unavailable');
});

it('[M28] [G32] the page embeds and compares under its policy, showing progress and timings', async () => {
  const { page } = await openPage();
  const failures: string[] = [];
  page.on('pageerror', (error) => failures.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') failures.push(message.text());
  });
  await page.getByLabel('API key').fill(tenant.client.apiKey);
  for (const device of ['static', 'wasm', 'webgpu']) {
    await page.getByLabel('Computed by').selectOption(device);
    await page.getByRole('button', { name: 'Embed' }).click();
    await page.getByText(`${device}, `).waitFor();
    const least = await page.locator('dd').last().textContent();
    expect(Number(least), device).toBeGreaterThan(1 - 1e-3);
  }
  expect(await page.locator('progress').evaluate((bar) => (bar as unknown as { value: number }).value)).toBe(1);
  expect(failures).toEqual([]);
  const folder = process.env['SCREENSHOTS'];
  if (folder !== undefined) await page.screenshot({ path: `${folder}/sdk.png`, fullPage: true });
});

/** The SHA-256 of the files that the page fetched of a registered version. */
const filesOf = (urls: readonly string[]): string[] => urls.filter((url) => url.endsWith('/file'));

it('[M96] a registered model runs in the page: the vectors of the gateway, kept by hash, with progress', async () => {
  const encoder = bertFolder();
  const owner = (await createTenant(server, { scopes: ['inference', 'files', 'models:write', 'models:read', 'keys:write'] })).client;
  await promoteModel(owner, 'encoder', await registerModel(owner, 'encoder', encoder.files));
  const words = new Map([['model.onnx', secondModel('words').bytes]]);
  await promoteModel(owner, 'words', await registerModel(owner, 'words', words));
  const scopes = ['inference', 'models:read'];
  const { key } = (await owner.post('/v1/keys', { name: 'page', owner: 'testers', scopes, resources: ['model/encoder', 'model/words'] }))
    .body;
  expect(key).toBeTypeOf('string');

  const { page, fetched } = await openPage();
  for (const [device, model] of [
    ['wasm', 'encoder'],
    ['webgpu', 'encoder@1'],
    ['static', 'words'],
  ] as const) {
    const made = await embedded(page, { device, model, apiKey: key });
    expect([made.error, made.device], model).toEqual([undefined, device]);
    const { body } = await owner.get(`/v1/models/${model.replace('@1', '')}`);
    expect(made.contract).toBe(body.contract_hash);
    const theirs = (await owner.post('/v1/embeddings', { model, input: TEXTS })).body.data;
    for (const [i, vector] of made.vectors.entries()) {
      const { embedding } = theirs[i];
      // Words that the static model does not know have no vector on either side.
      if (embedding.some((x: number) => x !== 0)) expect(cosine(vector, embedding), `${model}, text ${i}`).toBeGreaterThan(1 - 1e-3);
    }
    // The graph and the tokeniser came once for both devices.
    expect(made.progress.every(({ isCached }) => isCached)).toBe(device === 'webgpu');
    expect(made.progress.at(-1)?.loadedBytes).toBe(made.progress.at(-1)?.totalBytes);
  }
  expect(filesOf(fetched)).toHaveLength(4);
});

it("[M136] an encoder of BERT's shape runs by the engine in the page, without the runtime, and on WebGPU if that is named", async () => {
  const owner = (await createTenant(server, { scopes: ['inference', 'files', 'models:write', 'models:read', 'keys:write'] })).client;
  const encoder = bertFolder('embedding', { shape: SMALL_ENGINE_BERT });
  await promoteModel(owner, 'shaped', await registerModel(owner, 'shaped', encoder.files));
  const theirs = (await owner.post('/v1/embeddings', { model: 'shaped', input: TEXTS })).body.data;
  const { page, fetched } = await openPage();
  for (const device of [undefined, 'wasm', 'webgpu'] as const) {
    const made = await embedded(page, { model: 'shaped', apiKey: owner.apiKey, ...(device === undefined ? {} : { device }) });
    expect([made.error, made.device, made.fallback]).toEqual([undefined, device ?? 'wasm', undefined]);
    for (const [i, vector] of made.vectors.entries()) {
      // The engine's bits are the same everywhere [M130].
      if (device !== 'webgpu') expect(vector).toEqual([...Float32Array.from(theirs[i].embedding as number[])]);
      expect(cosine(vector, theirs[i].embedding), `${device}, text ${i}`).toBeGreaterThan(1 - 1e-3);
    }
    expect(fetched.some((path) => path.startsWith('/sdk/ort/'))).toBe(device === 'webgpu');
    expect(fetched).toContain('/sdk/encoder/encoder.relaxed.wasm');
  }
});

it('[M96] a page without the scope, of another model or of another tenant loads nothing', async () => {
  const owner = (await createTenant(server, { scopes: ['inference', 'files', 'models:write', 'models:read', 'keys:write'] })).client;
  await promoteModel(owner, 'secret', await registerModel(owner, 'secret', bertFolder().files));
  const keyWith = async (terms: object): Promise<string> =>
    (await owner.post('/v1/keys', { name: 'page', owner: 'testers', ...terms })).body.key;
  const { page, fetched } = await openPage();
  const errorOf = async (apiKey: string) => (await embedded(page, { model: 'secret', device: 'wasm', apiKey })).error;
  expect(await errorOf(await keyWith({ scopes: ['inference'] }))).toBe('unavailable');
  expect(await errorOf(await keyWith({ scopes: ['inference', 'models:read'], resources: ['model/other'] }))).toBe('scope_denied');
  expect(await errorOf(tenant.client.apiKey)).toBe('model_not_found');
  // Without `models:read` the gateway computes, unless a device was named.
  const apiKey = await keyWith({ scopes: ['inference'] });
  expect(await embedded(page, { model: 'secret', apiKey })).toMatchObject({ device: 'gateway' });
  expect((await embedded(page, { model: 'secret' })).error).toBe('model_not_found');
  expect(new Set(filesOf(fetched)).size).toBeLessThanOrEqual(1);
});
