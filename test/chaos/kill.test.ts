import { afterAll, beforeAll, expect, it } from 'vitest';

import { SCOPES } from '../../src/contract/scope.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { ApiAnswer } from '../support/api-client.ts';
import { ApiClient } from '../support/api-client.ts';
import { deploy } from '../support/deployment.ts';
import { createTenant } from '../support/tenant.ts';

const KILLS = 5;
const LANES = 4;
const DIMENSIONS = 8;

let server: Server;
let client: ApiClient;

beforeAll(async () => {
  server = await deploy();
  client = (await createTenant(server)).client;
});

afterAll(() => server.stop());

/** Sends a write until it is acknowledged, as a client with an idempotency key may; counts what the kills cut off. */
async function acknowledged(write: () => Promise<ApiAnswer>, cutOff: () => void): Promise<ApiAnswer> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const answer = await write().catch(() => undefined);
    if (answer !== undefined && answer.status < 300) return answer;
    if (answer !== undefined && answer.status < 500) throw new Error(`refused: ${JSON.stringify(answer.body)}`);
    cutOff();
    await sleep(100);
  }
  throw new Error('never acknowledged');
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until the server answers, lets it work for `delayMs`, and kills workerd as the kernel would. */
async function killAfter(delayMs: number): Promise<void> {
  while (
    !(await client.get('/healthz').then(
      ({ status }) => status === 200,
      () => false,
    ))
  )
    await sleep(20);
  await sleep(delayMs);
  const pid = server.workerdPid();
  expect(pid, 'a workerd to kill').toBeGreaterThan(0);
  process.kill(pid!, 'SIGKILL');
}

const vectorOf = (number: number): number[] => Array.from({ length: DIMENSIONS }, (_, axis) => Math.fround(Math.sin(number * 31 + axis)));

it('kill -9 between acknowledged writes loses none of them and doubles none', async () => {
  expect((await client.post('/v1/indexes', { name: 'survivors', dimensions: DIMENSIONS, owner: 'chaos' })).status).toBe(201);
  const written: number[] = [];
  let cutOff = 0;
  let kills = 0;
  let next = 0;

  const lane = async (): Promise<void> => {
    for (;;) {
      if (kills >= KILLS) return;
      const number = (next += 1);
      const body = { vectors: [{ id: `v${number}`, values: vectorOf(number), metadata: { number } }] };
      const write = () => client.post('/v1/indexes/survivors/upsert', body, { 'idempotency-key': `write-${number}` });
      await acknowledged(write, () => (cutOff += 1));
      written.push(number);
    }
  };
  const killer = async (): Promise<void> => {
    for (; kills < KILLS; kills += 1) await killAfter(200 + kills * 37);
  };
  await Promise.all([killer(), ...Array.from({ length: LANES }, lane)]);

  expect(cutOff, 'a kill that interrupts nothing proves nothing').toBeGreaterThan(0);
  expect(written.length).toBeGreaterThan(50);
  const { body: stats } = await acknowledged(
    () => client.get('/v1/indexes/survivors/stats'),
    () => undefined,
  );
  expect(stats.vectors).toBe(written.length);
  for (let from = 0; from < written.length; from += 100) {
    const numbers = written.slice(from, from + 100);
    const { body } = await client.post('/v1/indexes/survivors/fetch', { ids: numbers.map((number) => `v${number}`) });
    const found = new Map<string, number[]>(body.vectors.map((vector: { id: string; values: number[] }) => [vector.id, vector.values]));
    for (const number of numbers) {
      expect(found.get(`v${number}`)).toEqual(vectorOf(number));
    }
  }
});

it('kill -9 while jobs are being created leaves exactly one job an idempotency key', async () => {
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', new Blob(['{"id": "a", "text": "weir"}\n']), 'input.jsonl');
  const file = await client.call('POST', '/v1/files', form);
  expect(file.status).toBe(200);

  let kills = 0;
  const ids = new Map<number, string>();
  const create = async (number: number): Promise<void> => {
    const body = { kind: 'batch_embedding', model: 'glove-sif-100', input_file: file.body.id, owner: 'chaos' };
    const answer = await acknowledged(
      () => client.post('/v1/jobs', body, { 'idempotency-key': `job-${number}` }),
      () => undefined,
    );
    ids.set(number, answer.body.id);
  };
  const killer = async (): Promise<void> => {
    for (; kills < 3; kills += 1) await killAfter(20);
  };
  await Promise.all([killer(), ...Array.from({ length: 30 }, (_, number) => create(number))]);
  await Promise.all(Array.from({ length: 30 }, (_, number) => create(number)));

  expect(new Set(ids.values()).size).toBe(30);
  const listed = await client.get('/v1/jobs?limit=1000');
  expect(listed.body.data.map((job: { id: string }) => job.id).sort()).toEqual([...ids.values()].sort());
});

it('kill -9 while keys are made and revoked and a quota is drawn on: every key is what was last said of it, and the quota holds', async () => {
  const limit = 150;
  const tenant = await createTenant(server, { scopes: SCOPES, quota: { requests: { day: limit } } });
  const owner = (await createTenant(server, { scopes: SCOPES })).client;
  const made: { id: string; key: string; revoked: boolean }[] = [];
  let [kills, admitted, cutOff] = [0, 0, 0];
  const count = () => (cutOff += 1);
  const keyLane = async (): Promise<void> => {
    for (let n = 0; ; n += 1) {
      if (kills >= KILLS) return;
      const { body } = await acknowledged(
        () => owner.post('/v1/keys', { name: 'k', owner: 'chaos' }, { 'idempotency-key': `key-${n}` }),
        count,
      );
      const key = { id: body.id, key: body.key, revoked: n % 2 === 0 };
      if (key.revoked) await acknowledged(() => owner.delete(`/v1/keys/${key.id}`), count);
      made.push(key);
    }
  };
  const quotaLane = async (): Promise<void> => {
    for (;;) {
      if (kills >= KILLS) return;
      const answer = await tenant.client.get('/v1/models').catch(() => undefined);
      admitted += Number(answer?.status === 200);
      await sleep(5);
    }
  };
  const killer = async (): Promise<void> => {
    for (; kills < KILLS; kills += 1) await killAfter(150 + kills * 41);
  };
  await Promise.all([killer(), keyLane(), quotaLane(), quotaLane()]);

  expect(cutOff, 'a kill that interrupts nothing proves nothing').toBeGreaterThan(0);
  expect(admitted).toBeGreaterThan(0);
  // What is left is used up: a refusal shows that the limit was really reached.
  while ((await answerTo(tenant.client)).status !== 429) admitted += 1;
  expect(admitted).toBeLessThanOrEqual(limit);
  expect(made.length).toBeGreaterThan(10);
  expect(new Set(made.map(({ id }) => id)).size).toBe(made.length);
  for (const { key, revoked } of made) {
    const { status } = await answerTo(new ApiClient(owner.url, key));
    expect(status).toBe(revoked ? 401 : 200);
  }
});

/** What a key is answered, once the server answers. */
async function answerTo(holder: ApiClient): Promise<ApiAnswer> {
  for (;;) {
    const answer = await holder.get('/v1/models').catch(() => undefined);
    if (answer !== undefined && answer.status < 500) return answer;
    await sleep(50);
  }
}
