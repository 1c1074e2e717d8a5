import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Server } from '../../workers/local/serve.ts';
import type { ApiAnswer } from '../support/api-client.ts';
import type { ApiClient } from '../support/api-client.ts';
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
