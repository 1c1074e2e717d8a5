import { afterAll, beforeAll, expect, it } from 'vitest';

import { Seeded } from '../../src/kernel/seeded.ts';
import { expectCounted, expectFound, MORE_FIELDS, ownWord, WORDED_FIELDS, wordedRow } from '../support/fixtures/worded-rows.ts';
import type { ApiAnswer, ApiClient } from '../support/deployment/api-client.ts';
import type { ReachableDeployment } from '../support/deployment/deployment.ts';
import { deployReachable } from '../support/deployment/deployment.ts';
import { Interruptions } from '../support/deployment/interruptions.ts';
import { killWorkerd, persistently, revived } from '../support/deployment/kill-workerd.ts';
import { isSplitting, routeState } from '../support/deployment/route-watch.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const IS_FULL = process.env['SLUICE_TEST_FULL'] === '1';
const LANES = 2;
/** While shards split, and while a generation with another field is filled. */
const KILLS = IS_FULL ? { splitting: 4, filling: 3 } : { splitting: 2, filling: 1 };
const SAMPLED = IS_FULL ? 200 : 12;
const KEPT = 12;
const DIMENSIONS = 8;
const SHARD_VECTORS_MAX = 40;
const BATCH = 8;
/** What callers repeat: too many calls, and whatever passes. */
const RETRIED = [429, 503, 504];

let server: ReachableDeployment;
let client: ApiClient;
let tenant: string;

beforeAll(async () => {
  server = await deployReachable();
  ({ client, id: tenant } = await createTenant(server));
});

afterAll(() => server.stop());

const seeds = Array.from({ length: IS_FULL ? 20 : 1 }, (_, i) => i + 1);

it.each(seeds)(
  '[TX217] kill -9 while shards with fields split and a field is added: all is found and counted (seed %i)',
  async (seed) => {
    const world = new World(seed);
    await world.create();
    for (let kill = 1; kill <= KILLS.splitting; kill += 1) {
      // After each kill more ids than the shards can hold, so that there is always another split.
      await world.whileWriting(20 * 2 ** kill, () => world.killOnceSplit());
      await expectFound(world.search, world.truth, SAMPLED);
    }
    await world.expectCounted();

    await world.addField();
    for (let kill = 1; kill <= KILLS.filling; kill += 1) {
      await world.whileWriting(100, () => world.killWhileFilling());
      await expectFound(world.search, world.truth, SAMPLED);
    }
    await world.whileWriting(100, () => world.activate());
    await expectFound(world.search, world.truth, SAMPLED, true);
    await world.expectCounted();
    killWorkerd(server);
    await revived(client);
    await expectFound(world.search, world.truth, SAMPLED, true);
    await world.expectCounted();
    const ids = [...world.truth.keys()];
    const fetched = await persistently(() => client.post(`${world.index}/fetch`, { ids, include_values: false }));
    expect(fetched.body.vectors).toHaveLength(ids.length);
    expect(world.searches).toBeGreaterThan(KILLS.splitting);
  },
  600_000,
);

/** An index with fields, clients that write to it, and what they were acknowledged. */
class World {
  /** By id, the serial of its last write. */
  readonly truth = new Map<string, number>();
  readonly index: string;
  /** That were answered in full while rows were written. */
  searches = 0;
  readonly #name: string;
  readonly #random: Seeded;
  readonly #calls = new Interruptions();
  #shards = 1;
  #serial = KEPT;

  constructor(seed: number) {
    this.#name = `worded-${seed}`;
    this.index = `/v1/indexes/${this.#name}`;
    this.#random = new Seeded(seed);
  }

  async create(): Promise<void> {
    const shape = { dimensions: DIMENSIONS, owner: 'chaos', shard_vectors_max: SHARD_VECTORS_MAX, fields: WORDED_FIELDS };
    await revived(client);
    expect((await client.post('/v1/indexes', { name: this.#name, ...shape })).status).toBe(201);
    // Never written again, so that every search must find them.
    const kept = Array.from({ length: KEPT }, (_, serial) => ({ id: `kept-${serial}`, serial }));
    await this.#upsert(kept);
  }

  /** The whole answer, however often some shard was too late for it. */
  readonly search = async (plan: object): Promise<ApiAnswer> => {
    for (;;) {
      const answer = await this.#acknowledged(() => client.post(`${this.index}/search`, plan));
      if (answer.body.partial !== true) return answer;
    }
  };

  /** Clients write and search until `until` has come about. All that they sent is acknowledged then. */
  async whileWriting(idsEach: number, until: () => Promise<void>): Promise<void> {
    const over = { is: false };
    const lanes = Array.from({ length: LANES }, (_, number) => this.#lane(number, idsEach, over));
    await Promise.all([until().finally(() => (over.is = true)), this.#searcher(over), ...lanes]);
  }

  /** The first kill comes before the first split ends, others soon after shards were added: rows keep moving for `moveGraceMs`. */
  async killOnceSplit(): Promise<void> {
    const isDue = async (): Promise<boolean> => {
      const { vectors, shards } = (await persistently(() => client.get(`${this.index}/stats`))).body;
      const isFirst = this.#calls.count === 0;
      if (isFirst ? vectors <= SHARD_VECTORS_MAX : shards === this.#shards) return false;
      this.#shards = shards;
      return true;
    };
    await expect.poll(isDue, { timeout: 60_000, interval: 1 }).toBe(true);
    await this.#kill();
  }

  async addField(): Promise<void> {
    const created = await persistently(() =>
      client.post(`${this.index}/generations`, { fields: MORE_FIELDS }, { 'idempotency-key': `more-${this.#name}` }),
    );
    expect(created.status, JSON.stringify(created.body)).toBe(201);
  }

  async killWhileFilling(): Promise<void> {
    const isFilling = async () => (await this.#added()).progress.copied > 0;
    await expect.poll(isFilling, { timeout: 60_000, interval: 1 }).toBe(true);
    await this.#kill();
  }

  /** Lets the generation serve once it is whole. */
  async activate(): Promise<void> {
    await expect.poll(async () => (await this.#added()).state, { timeout: 120_000, interval: 50 }).toBe('following');
    const activated = await persistently(() => client.post(`${this.index}/generations/activate`, {}));
    expect(activated.status, JSON.stringify(activated.body)).toBe(200);
  }

  /** Scores are those of a plain count, unless rows moved meanwhile, which may count twice as long as they do: then once more. */
  async expectCounted(): Promise<void> {
    for (;;) {
      await expect.poll(async () => isSplitting(await this.#routes()), { timeout: 120_000, interval: 50 }).toBe(false);
      const before = await this.#routes();
      const failure = await expectCounted(this.search, this.truth).catch((found: unknown) => found);
      if (failure === undefined) return;
      const after = await this.#routes();
      if (!isSplitting(after) && after?.version === before?.version) throw failure;
    }
  }

  async #kill(): Promise<void> {
    await this.#calls.kill(1 + Math.floor(this.#random.next() * 6), () => killWorkerd(server));
    await revived(client);
  }

  async #routes() {
    return routeState(server.objects, tenant, this.#name);
  }

  async #added() {
    return (await persistently(() => client.get(`${this.index}/generations`))).body.data[1];
  }

  /** Each lane has its own ids, which it also overwrites and deletes. */
  async #lane(number: number, idsEach: number, over: { readonly is: boolean }): Promise<void> {
    while (!over.is) {
      const ids = new Set(Array.from({ length: BATCH }, () => `${number}-${Math.floor(this.#random.next() * idsEach)}`));
      if (this.#random.next() < 0.15) {
        await this.#acknowledged(() => client.post(`${this.index}/delete`, { ids: [...ids] }));
        for (const id of ids) this.truth.delete(id);
      } else await this.#upsert([...ids].map((id) => ({ id, serial: (this.#serial += 1) })));
    }
  }

  async #upsert(rows: readonly { readonly id: string; readonly serial: number }[]): Promise<void> {
    const vectors = rows.map(({ id, serial }) => ({ id, values: this.#vectorOf(serial), ...wordedRow(serial) }));
    const key = { 'idempotency-key': `${this.#name}-${rows[0]?.serial}` };
    await this.#acknowledged(() => client.post(`${this.index}/upsert`, { vectors }, key));
    for (const { id, serial } of rows) this.truth.set(id, serial);
  }

  /** What is there all the time is found once, or the search is refused as one to repeat, or says that it is partial. */
  async #searcher(over: { readonly is: boolean }): Promise<void> {
    for (let serial = 0; !over.is; serial = (serial + 1) % KEPT) {
      for (const text of [ownWord(serial), 'all']) {
        const plan = { legs: [{ kind: 'text', text, limit: 1000 }], top_k: 1000, include_metadata: false };
        const answer = await client.post(`${this.index}/search`, plan).catch(() => undefined);
        if (answer === undefined) continue;
        expect([200, ...RETRIED], JSON.stringify(answer.body)).toContain(answer.status);
        if (answer.status !== 200 || answer.body.partial === true) continue;
        const ids: string[] = answer.body.matches.map(({ id }: { id: string }) => id);
        expect(ids.length, 'no id is found twice').toBe(new Set(ids).size);
        expect(ids, `${text}: ${JSON.stringify(answer.body)}`).toContain(`kept-${serial}`);
        this.searches += 1;
      }
    }
  }

  async #acknowledged(call: () => Promise<ApiAnswer>): Promise<ApiAnswer> {
    const answer = await this.#calls.call(call);
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
    return answer;
  }

  /** A vector near one of a few centres, so that shards can be split. */
  #vectorOf(serial: number): number[] {
    return Array.from({ length: DIMENSIONS }, (_, axis) =>
      Math.fround(Math.sin((serial % 7) * 31 + axis) + 0.4 * (this.#random.next() - 0.5)),
    );
  }
}
