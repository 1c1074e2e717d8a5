import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Server } from '../../workers/local/serve.ts';
import type { ApiAnswer, ApiClient } from '../support/api-client.ts';
import { deploy } from '../support/deployment.ts';
import { killWorkerd, persistently, revived } from '../support/kill-workerd.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import { createTenant } from '../support/tenant.ts';

const LANES = 3;
const KILLS = 4;
const DIMENSIONS = 8;
const SHARD_VECTORS_MAX = 40;
const BATCH = 8;

let server: Server;
let client: ApiClient;

beforeAll(async () => {
  server = await deploy();
  client = (await createTenant(server)).client;
});

afterAll(() => server.stop());

const seeds = Array.from({ length: process.env['SLUICE_TEST_FULL'] === '1' ? 50 : 2 }, (_, i) => i + 1);

it.each(seeds)('[RT10] kill -9 while an index splits and is written to: every count and every vector is exact (seed %i)', async (seed) => {
  const random = new Seeded(seed);
  const index = `/v1/indexes/splits-${seed}`;
  const created = { name: `splits-${seed}`, dimensions: DIMENSIONS, owner: 'chaos', shard_vectors_max: SHARD_VECTORS_MAX };
  await revived(client);
  expect((await client.post('/v1/indexes', created)).status).toBe(201);
  const truth = new Map<string, number>();
  let [cutOff, kills, serial] = [0, 0, 0];

  const acknowledged = async (call: () => Promise<ApiAnswer>): Promise<ApiAnswer> => {
    const answer = await persistently(() =>
      call().catch((error: unknown) => {
        cutOff += 1;
        throw error;
      }),
    );
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
    return answer;
  };
  // Each lane has its own ids: they are written again and deleted, too.
  const lane = async (number: number): Promise<void> => {
    for (;;) {
      if (kills >= KILLS) return;
      const ids = Array.from({ length: BATCH }, () => `${number}-${Math.floor(random.next() * 90)}`);
      const distinct = [...new Set(ids)];
      if (random.next() < 0.15) {
        await acknowledged(() => client.post(`${index}/delete`, { ids: distinct }));
        for (const id of distinct) truth.delete(id);
        continue;
      }
      const vectors = distinct.map((id) => ({ id, values: vectorOf((serial += 1), random), metadata: { serial } }));
      await acknowledged(() =>
        client.post(`${index}/upsert`, { vectors }, { 'idempotency-key': `${seed}-${vectors[0]!.metadata.serial}` }),
      );
      for (const { id, metadata } of vectors) truth.set(id, metadata.serial);
    }
  };
  const killer = async (): Promise<void> => {
    for (; kills < KILLS; kills += 1) {
      await revived(client);
      await sleep(300 + random.next() * 1200);
      expect(killWorkerd(server)).toBe(true);
    }
  };
  await Promise.all([killer(), ...Array.from({ length: LANES }, (_, number) => lane(number))]);
  expect(cutOff, 'a kill that interrupts nothing proves nothing').toBeGreaterThan(0);

  // Moves may still be under way: what is found does not depend on it.
  for (let look = 0; look < 3; look += 1) {
    const found = await acknowledged(() => client.post(`${index}/query`, { vector: vectorOf(1, random), top_k: 1000, exact: true }));
    const states = found.body.matches.map((match: { id: string; metadata: { serial: number } }) => [match.id, match.metadata.serial]);
    expect(states.length).toBe(new Set(states.map(([id]: [string]) => id)).size);
    expect(new Map(states)).toEqual(truth);
    expect((await acknowledged(() => client.get(`${index}/stats`))).body.vectors).toBe(truth.size);
    if (look === 1) killWorkerd(server);
    await sleep(700);
  }
  const stats = await acknowledged(() => client.get(`${index}/stats`));
  expect(stats.body.shards).toBeGreaterThan(1);
  const fetched = await acknowledged(() => client.post(`${index}/fetch`, { ids: [...truth.keys()] }));
  expect(fetched.body.vectors.length).toBe(truth.size);
});

/** Around a few centres, so that there is something to split. */
function vectorOf(serial: number, random: Seeded): number[] {
  return Array.from({ length: DIMENSIONS }, (_, axis) => Math.fround(Math.sin((serial % 7) * 31 + axis) + 0.4 * (random.next() - 0.5)));
}
