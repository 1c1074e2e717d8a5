import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { killWorkerd, persistently, revived } from '../support/deployment/kill-workerd.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const IS_FULL = process.env['SLUICE_TEST_FULL'] === '1';
const SEEDS = IS_FULL ? 50 : 2;
const MODEL = 'glove-sif-100';
const COUNT = 400;
const CHANGES = IS_FULL ? 3 : 2;
const SHARD_VECTORS_MAX = 90;

const THINGS = ['barge', 'violin', 'storm', 'bread', 'engine', 'poem', 'tax', 'wolf'];
const PLACES = ['canal', 'street', 'school', 'garden', 'market', 'bank', 'island'];

/** Texts about different subjects, so that a shard of them can be split. */
const textOf = (n: number): string => `${THINGS[n % THINGS.length]} ${n} by the ${PLACES[n % PLACES.length]}`;

let server: Server;
let client: ApiClient;
let elsewhere: ApiClient;

beforeAll(async () => {
  server = await deploy(2);
  ({ client } = await createTenant(server));
  elsewhere = new ApiClient(server.urls[1] ?? '', client.apiKey);
});

afterAll(() => server.stop());

const generationsOf = async (index: string) => (await persistently(() => client.get(`${index}/generations`))).body.data;

/** Waits until the shadow generation is ready to serve. */
const settled = (index: string) =>
  expect.poll(async () => (await generationsOf(index))[1].state, { timeout: 120_000, interval: 50 }).toBe('following');

/** Kills during the exchange of the two generations; the activation is in progress then, and its connection breaks. */
async function killWhileChangingOver(index: string, looks: number): Promise<void> {
  const activation = { isAnswered: false, isCutOff: false };
  while (!activation.isCutOff) {
    await settled(index);
    activation.isAnswered = false;
    const answer = client.post(`${index}/generations/activate`, {}).then(
      () => (activation.isAnswered = true),
      () => (activation.isCutOff = true),
    );
    for (let look = 0; !activation.isAnswered; look += 1) {
      const [, other] = await generationsOf(index);
      if (other.state === 'changing-over' && look >= looks && killWorkerd(server)) break;
    }
    await answer;
  }
  await revived(client);
}

it(`[B31][B33] kill -9 while generations are switched: one serves, and no write is lost (${SEEDS} seeds)`, async () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = new Seeded(seed);
    const name = `flipped-${seed}`;
    const index = `/v1/indexes/${name}`;
    const key = (what: string) => ({ 'idempotency-key': `${what}-${seed}` });
    // Every other index has many shards in both of its generations, and keeps splitting.
    const isGrown = seed % 2 === 0;
    const created = { name, model: MODEL, owner: 'chaos', ...(isGrown ? { shard_vectors_max: SHARD_VECTORS_MAX } : {}) };
    await persistently(() => client.post('/v1/indexes', created, key('index')));
    const vectors = Array.from({ length: COUNT }, (_, n) => ({ id: `v${n}`, text: textOf(n) }));
    await persistently(() => client.post(`${index}/upsert`, { vectors }, key('first')));
    // With three shards, the rows of the first splits are still moving.
    const isReady = async () => !isGrown || (await persistently(() => client.get(`${index}/stats`))).body.shards >= 3;
    while (!(await isReady())) await sleep(100);
    await persistently(() => client.post(`${index}/generations`, { model: `${MODEL}-onnx`, recall: 0.99 }, key('second')));

    const acknowledged = new Map(vectors.map(({ id, text }) => [id, text]));
    const over = { is: false };
    const writer = async (): Promise<void> => {
      for (let n = 0; !over.is; n += 1) {
        const [id, gone] = [`v${(n * 7) % COUNT}`, `v${(n * 11 + 3) % COUNT}`];
        const text = `${textOf(n * 5)} replaced by ${n}`;
        const written = await persistently(() => (n % 2 === 0 ? client : elsewhere).post(`${index}/upsert`, { vectors: [{ id, text }] }));
        expect(written.status, JSON.stringify(written.body)).toBe(200);
        acknowledged.set(id, text);
        if (n % 3 !== 0) continue;
        expect((await persistently(() => elsewhere.post(`${index}/delete`, { ids: [gone] }))).status).toBe(200);
        acknowledged.delete(gone);
      }
    };
    const operator = async (): Promise<void> => {
      // One kill while the new generation has only just been created.
      expect(killWorkerd(server)).toBe(true);
      await revived(client);
      for (let kill = 0; kill < CHANGES; kill += 1) await killWhileChangingOver(index, Math.floor(random.next() * 4));
      await settled(index);
    };
    await Promise.all([writer(), operator().finally(() => (over.is = true))]);
    await revived(client);
    // The generation that serves now keeps splitting.
    while (!(await isReady())) await sleep(100);
    const { body: told } = await persistently(() => elsewhere.get(`${index}/export?include_values=false&include_metadata=false`));
    const found = (told as string)
      .split('\n')
      .flatMap((row) => (row.startsWith('{"id"') ? [JSON.parse(row) as { id: string; text: string }] : []));
    expect(found.length, `seed ${seed}`).toBe(acknowledged.size);
    expect(new Map(found.map(({ id, text }) => [id, text]))).toEqual(acknowledged);
    await persistently(() => client.delete(`${index}/generations`));
    const { body: stats } = await persistently(() => client.get(`${index}/stats`));
    expect(stats.vectors).toBe(acknowledged.size);
    if (!isGrown) expect(stats.shards).toBe(1);
  }
}, 1_800_000);
