import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { LIMITS } from '../../src/contract/limits.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { ApiClient } from '../support/api-client.ts';
import { BulkStream } from '../support/bulk-stream.ts';
import { deploy } from '../support/deployment.ts';
import { killWorkerd, persistently, revived } from '../support/kill-workerd.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import { createTenant } from '../support/tenant.ts';

const SEEDS = process.env['SLUICE_TEST_FULL'] === '1' ? 50 : 2;
const KILLS = 3;
const LINES = 9_000;
const GROWN = { shard_vectors_max: 700 };

let server: Server;
let client: ApiClient;

beforeAll(async () => {
  server = await deploy();
  ({ client } = await createTenant(server));
});

afterAll(() => server.stop());

const TEXT = Array.from({ length: LINES }, (_, n) => `${JSON.stringify({ id: `v${n}`, values: [n, 1, 2, 3], metadata: { n } })}\n`).join(
  '',
);

it(`[B4] kill -9 during an import: what goes on from the last token is whole, and each batch is written once (${SEEDS} seeds)`, async () => {
  let cutOff = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = new Seeded(seed);
    const index = `/v1/indexes/killed-${seed}`;
    // Every other index splits while it is filled.
    const isGrown = seed % 2 === 0;
    const created = { name: `killed-${seed}`, dimensions: 4, metric: 'l2', owner: 'chaos', ...(isGrown ? GROWN : {}) };
    await persistently(() => client.post('/v1/indexes', created, { 'idempotency-key': `i${seed}` }));
    let [token, from] = ['', 0];
    for (let kills = 0; ;) {
      await revived(client);
      const stream = new BulkStream(client, `${index}/import${token === '' ? '' : `?token=${token}`}`, {
        'idempotency-key': `import-${seed}`,
      });
      const reading = stream.read();
      const sending = stream.send(TEXT.slice(from)).then(() => stream.end());
      if (kills < KILLS) {
        await sleep(10 + random.next() * 250);
        kills += Number(killWorkerd(server));
      }
      await reading;
      await sending;
      if (stream.last?.status === 'done') break;
      cutOff += 1;
      expect(stream.last?.error?.code ?? 'invalid_value', 'only the cut ends it').toBeOneOf([
        'invalid_value',
        'unavailable',
        'index_growing',
      ]);
      token = stream.last?.token ?? token;
      from = stream.last?.bytes ?? from;
    }
    await expectWhole(index, isGrown);
    const { body: told } = await persistently(() => client.get(`${index}/export?include_values=false`));
    const numbers = (told as string)
      .split('\n')
      .flatMap((row) => (row.includes('"metadata"') ? [JSON.parse(row).metadata.n as number] : []));
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: LINES }, (_, n) => n));
  }
  expect(cutOff, 'a kill that interrupts nothing proves nothing').toBeGreaterThan(SEEDS);
}, 1_800_000);

/** Each batch of an index of one shard is one write. */
async function expectWhole(index: string, isGrown: boolean): Promise<void> {
  const stats = async () => (await persistently(() => client.get(`${index}/stats`))).body;
  // It may have been quicker than the first split.
  if (isGrown) await expect.poll(async () => (await stats()).shards, { timeout: 30_000 }).toBeGreaterThan(1);
  const { vectors, lsn } = await stats();
  expect(vectors).toBe(LINES);
  if (!isGrown) expect(lsn).toBe(LINES / LIMITS.importBatchVectorsMaxCount);
}
