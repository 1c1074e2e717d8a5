import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Server } from '../../workers/local/serve.ts';
import type { ApiAnswer, ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { killWorkerd, persistently, revived } from '../support/deployment/kill-workerd.ts';
import { promoteModel, registerModel } from '../support/deployment/register-model.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { effort } from '../support/fixtures/effort.ts';
import { SMALL_ENGINE_BERT } from '../support/models/bert-weights.ts';
import { bertFolder } from '../support/models/model-folder.ts';

// Encoders of two tenants in an isolate that dies while it loads them, and that change while they are called.

/** So large that it is read in pieces. */
const SHAPE = { ...SMALL_ENGINE_BERT, hidden: 96, inner: 384, heads: 6, vocabulary: 20_000 };
const MODEL = 'large';

let server: Server;
let owners: readonly ApiClient[];
let other: ApiClient;

beforeAll(async () => {
  server = await deploy();
  const scopes = ['inference', 'files', 'models:write'];
  const made: ApiClient[] = [];
  for (const seed of [1, 2]) {
    const { client } = await createTenant(server, { scopes });
    await promoteModel(client, MODEL, await registerModel(client, MODEL, bertFolder('embedding', { shape: SHAPE, seed }).files));
    made.push(client);
  }
  owners = made;
  ({ client: other } = await createTenant(server, { scopes }));
});

afterAll(() => server?.stop());

const embed = (of: ApiClient, input: string, model = MODEL): Promise<ApiAnswer> => of.post('/v1/embeddings', { model, input });
/** Computed again, whatever was kept of it. */
const computed = async (of: ApiClient, input: string, model = MODEL): Promise<number[]> =>
  (await of.post('/v1/embeddings', { model, input }, { 'cache-control': 'no-store' })).body.data[0].embedding;

it('[M205] a death while the encoders of two tenants load makes no wrong vector and loses no call', async () => {
  const asked = new Map<string, readonly ApiAnswer[]>();
  let cutOff = 0;
  for (let round = 0; cutOff < effort(2, 20); round += 1) {
    killWorkerd(server);
    await revived(other);
    const text = `lock ${'river '.repeat(round % 16)}${round}`;
    let answered = 0;
    const waiting = owners.map((owner) =>
      persistently(() => embed(owner, text)).then((answer) => {
        answered += 1;
        return answer;
      }),
    );
    // Another tenant is answered while both load.
    expect((await persistently(() => embed(other, `keeper ${round}`, 'glove-sif-100'))).status).toBe(200);
    if (answered < owners.length) {
      cutOff += 1;
      killWorkerd(server);
    }
    asked.set(text, await Promise.all(waiting));
  }
  for (const [text, answers] of asked) {
    for (const [i, { status, body }] of answers.entries()) {
      expect([status, body.error]).toEqual([200, undefined]);
      expect(body.data[0].embedding).toEqual(await computed(owners[i]!, text));
    }
    expect(answers[0]!.body.data[0].embedding).not.toEqual(answers[1]!.body.data[0].embedding);
  }
});

it('[M205] no promotion makes a wrong vector or loses a call that is under way', async () => {
  const [owner] = owners as [ApiClient];
  const version = await registerModel(owner, MODEL, bertFolder('embedding', { shape: SHAPE, seed: 1 }).files);
  const texts = Array.from({ length: 12 }, (_, i) => `boat ${'gate '.repeat(i)}`);
  const asked = texts.map((text) => embed(owner, text));
  await promoteModel(owner, MODEL, version);
  asked.push(...texts.map((text) => embed(owner, `weir ${text}`)));
  const answers = await Promise.all(asked);
  for (const [i, { status, body, headers }] of answers.entries()) {
    expect(status, JSON.stringify(body)).toBe(200);
    const text = i < texts.length ? texts[i]! : `weir ${texts[i - texts.length]}`;
    const served = headers.get('x-sluice-model') ?? '';
    expect(served).toMatch(/^large@[12]$/);
    expect(body.data[0].embedding).toEqual(await computed(owner, text, served));
  }
  let more = 0;
  await expect.poll(async () => (await embed(owner, `dawn ${(more += 1)}`)).headers.get('x-sluice-model')).toBe(`${MODEL}@${version}`);
});
