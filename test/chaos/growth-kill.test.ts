import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApiAnswer, ApiClient } from '../support/deployment/api-client.ts';
import { deployReachable } from '../support/deployment/deployment.ts';
import type { ReachableDeployment } from '../support/deployment/deployment.ts';
import { Interruptions } from '../support/deployment/interruptions.ts';
import { killWorkerd, persistently, revived } from '../support/deployment/kill-workerd.ts';
import { untilMoved } from '../support/deployment/route-watch.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const LANES = 3;
const KILLS = 4;
const DIMENSIONS = 8;
const SHARD_VECTORS_MAX = 40;
const BATCH = 8;

let server: ReachableDeployment;
let client: ApiClient;
let tenant: string;

beforeAll(async () => {
  server = await deployReachable();
  ({ client, id: tenant } = await createTenant(server));
});

afterAll(() => server.stop());

const seeds = Array.from({ length: process.env['SLUICE_TEST_FULL'] === '1' ? 50 : 1 }, (_, i) => i + 1);

it.each(seeds)(
  '[RT10] kill -9 while an index splits and is written to: counts and vectors are exact (seed %i)',
  async (seed) => {
    const random = new Seeded(seed);
    const index = `/v1/indexes/splits-${seed}`;
    const created = { name: `splits-${seed}`, dimensions: DIMENSIONS, owner: 'chaos', shard_vectors_max: SHARD_VECTORS_MAX };
    await revived(client);
    expect((await client.post('/v1/indexes', created)).status).toBe(201);
    const truth = new Map<string, number>();
    const calls = new Interruptions();
    let serial = 0;
    const acknowledged = async (call: () => Promise<ApiAnswer>): Promise<ApiAnswer> => {
      const answer = await calls.call(call);
      expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
      return answer;
    };
    const stats = async () => (await persistently(() => client.get(`${index}/stats`))).body;
    // Each lane has its own ids, which it also overwrites and deletes.
    const lane = async (number: number): Promise<void> => {
      while (calls.count < KILLS) {
        // After each kill more ids than the shards can hold, so that there is always another split.
        const range = 20 * 2.5 ** calls.count;
        const ids = Array.from({ length: BATCH }, () => `${number}-${Math.floor(random.next() * range)}`);
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
      await expect.poll(async () => (await stats()).vectors, { timeout: 60_000, interval: 1 }).toBeGreaterThan(SHARD_VECTORS_MAX);
      // The first kill before the first split ends, the others soon after shards were added or removed: rows keep moving for `moveGraceMs`.
      for (let shards = 1; calls.count < KILLS;) {
        await calls.kill(1 + Math.floor(random.next() * 6), () => killWorkerd(server));
        await revived(client);
        if (calls.count === KILLS) return;
        const known = shards;
        await expect.poll(async () => (shards = (await stats()).shards), { timeout: 60_000, interval: 1 }).not.toBe(known);
      }
    };
    await Promise.all([killer(), ...Array.from({ length: LANES }, (_, number) => lane(number))]);

    // Moves may still be in progress: results do not depend on them.
    for (let look = 0; look < 3; look += 1) {
      const found = await acknowledged(() => client.post(`${index}/query`, { vector: vectorOf(1, random), top_k: 1000, exact: true }));
      const states = found.body.matches.map((match: { id: string; metadata: { serial: number } }) => [match.id, match.metadata.serial]);
      expect(states.length).toBe(new Set(states.map(([id]: [string]) => id)).size);
      expect(new Map(states)).toEqual(truth);
      expect((await stats()).vectors).toBe(truth.size);
      if (look === 1) {
        killWorkerd(server);
        await revived(client);
      }
      await untilMoved(server.objects, tenant, `splits-${seed}`);
    }
    expect((await stats()).shards).toBeGreaterThan(1);
    const fetched = await acknowledged(() => client.post(`${index}/fetch`, { ids: [...truth.keys()] }));
    expect(fetched.body.vectors.length).toBe(truth.size);
  },
  300_000,
);

/** A vector near one of a few centres, so that shards can be split. */
function vectorOf(serial: number, random: Seeded): number[] {
  return Array.from({ length: DIMENSIONS }, (_, axis) => Math.fround(Math.sin((serial % 7) * 31 + axis) + 0.4 * (random.next() - 0.5)));
}
