import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { SCOPES } from '../../src/contract/api/principal.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { ApiAnswer } from '../support/deployment/api-client.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { Interruptions } from '../support/deployment/interruptions.ts';
import { killWorkerd, revived } from '../support/deployment/kill-workerd.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const KILLS = 5;
const LANES = 4;
const JOBS = 30;
const DIMENSIONS = 8;

let server: Server;
let client: ApiClient;

beforeAll(async () => {
  server = await deploy();
  client = (await createTenant(server)).client;
});

afterAll(() => server.stop());

/** Kills workerd with SIGKILL after `acknowledgements` more calls are acknowledged, while others are under way. */
async function killAfter(calls: Interruptions, acknowledgements: number): Promise<void> {
  await calls.kill(acknowledgements, () => killWorkerd(server));
  await revived(client);
}

const vectorOf = (number: number): number[] => Array.from({ length: DIMENSIONS }, (_, axis) => Math.fround(Math.sin(number * 31 + axis)));

it('kill -9 between acknowledged writes loses none of them and applies none twice', async () => {
  expect((await client.post('/v1/indexes', { name: 'survivors', dimensions: DIMENSIONS, owner: 'chaos' })).status).toBe(201);
  const written: number[] = [];
  const calls = new Interruptions();
  let next = 0;

  const lane = async (): Promise<void> => {
    while (calls.count < KILLS) {
      const number = (next += 1);
      const body = { vectors: [{ id: `v${number}`, values: vectorOf(number), metadata: { number } }] };
      const { status } = await calls.call(() =>
        client.post('/v1/indexes/survivors/upsert', body, { 'idempotency-key': `write-${number}` }),
      );
      expect(status).toBe(200);
      written.push(number);
    }
  };
  const killer = async (): Promise<void> => {
    for (let kill = 0; kill < KILLS; kill += 1) await killAfter(calls, 10 + 3 * kill);
  };
  await Promise.all([killer(), ...Array.from({ length: LANES }, lane)]);

  const { body: stats } = await client.get('/v1/indexes/survivors/stats');
  expect(stats.vectors).toBe(written.length);
  for (let from = 0; from < written.length; from += 100) {
    const numbers = written.slice(from, from + 100);
    const { body } = await client.post('/v1/indexes/survivors/fetch', { ids: numbers.map((number) => `v${number}`) });
    const found = new Map<string, number[]>(body.vectors.map((vector: { id: string; values: number[] }) => [vector.id, vector.values]));
    for (const number of numbers) {
      expect(found.get(`v${number}`)?.map(Math.fround)).toEqual(vectorOf(number));
    }
  }
});

it('kill -9 while jobs are created leaves exactly one job for each idempotency key', async () => {
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', new Blob(['{"id": "a", "text": "weir"}\n']), 'input.jsonl');
  const file = await client.call('POST', '/v1/files', form);
  expect(file.status).toBe(200);

  const calls = new Interruptions();
  let made = 0;
  const ids = new Map<number, string>();
  const create = async (number: number): Promise<void> => {
    const body = { kind: 'batch_embedding', model: 'glove-sif-100', input_file: file.body.id, owner: 'chaos' };
    const answer = await calls.call(() => client.post('/v1/jobs', body, { 'idempotency-key': `job-${number}` }));
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
    ids.set(number, answer.body.id);
  };
  // Jobs are created until all kills have happened.
  const maker = async (): Promise<void> => {
    while (calls.count < 3 || made < JOBS) await create((made += 1));
  };
  const killer = async (): Promise<void> => {
    for (let kill = 0; kill < 3; kill += 1) await killAfter(calls, 4);
  };
  await Promise.all([killer(), ...Array.from({ length: 10 }, maker)]);
  await Promise.all([...ids.keys()].map(create));

  expect(new Set(ids.values()).size).toBe(made);
  const listed = await client.get('/v1/jobs?limit=1000');
  expect(listed.body.data.map((job: { id: string }) => job.id).sort()).toEqual([...ids.values()].sort());
});

it('kill -9 while keys and quota change: every key is as last acknowledged, and the quota holds', async () => {
  const limit = 150;
  const tenant = await createTenant(server, { scopes: SCOPES, quota: { requests: { month: limit } } });
  const owner = (await createTenant(server, { scopes: SCOPES })).client;
  const made: { id: string; key: string; revoked: boolean }[] = [];
  const calls = new Interruptions();
  let [admitted, serial] = [0, 0];
  const keyLane = async (): Promise<void> => {
    while (calls.count < KILLS) {
      const n = (serial += 1);
      const { body } = await calls.call(() => owner.post('/v1/keys', { name: 'k', owner: 'chaos' }, { 'idempotency-key': `key-${n}` }));
      const key = { id: body.id, key: body.key, revoked: n % 2 === 0 };
      if (key.revoked) expect((await calls.call(() => owner.delete(`/v1/keys/${key.id}`))).status).toBe(200);
      made.push(key);
    }
  };
  const quotaLane = async (): Promise<void> => {
    while (calls.count < KILLS) {
      const answer = await tenant.client.get('/v1/models').catch(() => undefined);
      admitted += Number(answer?.status === 200);
      await sleep(5);
    }
  };
  const killer = async (): Promise<void> => {
    for (let kill = 0; kill < KILLS; kill += 1) await killAfter(calls, 4 + kill);
  };
  await Promise.all([killer(), keyLane(), keyLane(), keyLane(), quotaLane(), quotaLane()]);

  expect(admitted).toBeGreaterThan(0);
  // Uses up the remaining quota: the refusal shows that the limit was really reached.
  while ((await answerTo(tenant.client)).status !== 429) admitted += 1;
  expect(admitted).toBeLessThanOrEqual(limit);
  expect(made.length).toBeGreaterThan(10);
  expect(new Set(made.map(({ id }) => id)).size).toBe(made.length);
  for (const { key, revoked } of made) {
    const { status } = await answerTo(new ApiClient(owner.url, key));
    expect(status).toBe(revoked ? 401 : 200);
  }
});

it('[T110] kill -9 loses no more of what callers were told than is shown as unreconciled', async () => {
  const tenant = await createTenant(server);
  const month = new Date().toISOString().slice(0, 7);
  const nano = (usd: string | null): bigint => BigInt((usd ?? '0').replace('.', ''));
  const calls = new Interruptions();
  const shown: { told: bigint; billed: bigint; unreconciled: bigint }[] = [];
  let told = 0n;
  const lane = async (number: number): Promise<void> => {
    for (let n = 0; calls.count < 2; n += 1) {
      const body = { model: 'glove-sif-100', input: `the lock ${number} of the canal ${n}` };
      const answer = await calls.call(() => tenant.client.post('/v1/embeddings', body));
      expect(answer.status).toBe(200);
      told += nano(answer.headers.get('x-sluice-cost-usd'));
    }
  };
  /** What was told before the invoice was read. */
  const read = async (): Promise<void> => {
    const before = told;
    const { total_usd: billed, unreconciled } = (await tenant.client.get(`/v1/invoices/${month}`)).body;
    shown.push({ told: before, billed: nano(billed), unreconciled: nano(unreconciled[0]?.amount_usd ?? null) });
  };
  const killer = async (): Promise<void> => {
    for (let kill = 0; kill < 2; kill += 1) {
      await killAfter(calls, 40);
      await read();
    }
  };
  await Promise.all([killer(), ...Array.from({ length: LANES }, (_, number) => lane(number))]);
  await read();
  for (const each of shown) expect(each.told - each.billed, String(Object.values(each))).toBeLessThanOrEqual(each.unreconciled);
  expect(shown.at(-1)?.told).toBeGreaterThan(0n);
});

/** The answer to a call with this key, once the server responds. */
async function answerTo(holder: ApiClient): Promise<ApiAnswer> {
  for (;;) {
    const answer = await holder.get('/v1/models').catch(() => undefined);
    if (answer !== undefined && answer.status < 500) return answer;
    await sleep(50);
  }
}
