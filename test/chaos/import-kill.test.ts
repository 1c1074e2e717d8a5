import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { VECTOR_LIMITS } from '../../src/contract/vectors/vector-limits.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { BulkStream } from '../support/deployment/bulk-stream.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { killWorkerd, persistently, revived } from '../support/deployment/kill-workerd.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const SEEDS = process.env['SLUICE_TEST_FULL'] === '1' ? 50 : 2;
const KILLS = 3;
const BATCH = VECTOR_LIMITS.importBatchVectorsMaxCount;
const BATCHES_EACH = 3;
const LINES = KILLS * BATCHES_EACH * BATCH;
const GROWN = { shard_vectors_max: 700 };

let server: Server;
let client: ApiClient;

beforeAll(async () => {
  server = await deploy();
  ({ client } = await createTenant(server));
});

afterAll(() => server.stop());

const LINES_OF_TEXT = Array.from(
  { length: LINES },
  (_, n) => `${JSON.stringify({ id: `v${n}`, values: [n, 1, 2, 3], metadata: { n } })}\n`,
);
const TEXT = LINES_OF_TEXT.join('');
let end = 0;
/** The byte offset of each line. */
const OFFSETS = LINES_OF_TEXT.map((line) => (end += line.length) - line.length);

it(`[B4] an import cut off by kill -9 and resumed is complete, each batch written once (${SEEDS} seeds)`, async () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = new Seeded(seed);
    const index = `/v1/indexes/killed-${seed}`;
    // Every other index splits while it is filled.
    const isGrown = seed % 2 === 0;
    const created = { name: `killed-${seed}`, dimensions: 4, metric: 'l2', owner: 'chaos', ...(isGrown ? GROWN : {}) };
    await persistently(() => client.post('/v1/indexes', created, { 'idempotency-key': `i${seed}` }));
    const open = (token: string): BulkStream => {
      const query = token === '' ? '' : `?token=${token}`;
      return new BulkStream(client, `${index}/import${query}`, { 'idempotency-key': `import-${seed}` });
    };
    let [token, from] = ['', 0];
    for (let kill = 1; kill <= KILLS; kill += 1) {
      // Ends one line before the last of these batches is complete, so that the import cannot finish before the kill.
      const sent = OFFSETS[kill * BATCHES_EACH * BATCH - 1]!;
      const stored = BATCH * Math.max(1, (kill - 1) * BATCHES_EACH + Math.floor(random.next() * 2));
      for (let isKilled = false; !isKilled;) {
        await revived(client);
        const stream = open(token);
        const reading = stream.read();
        const sending = send(stream, from, sent, kill % 2 === 0);
        // Either acknowledged (reported once the next batch has begun), or stored (which can be seen before it is acknowledged).
        const isReached = async (): Promise<boolean> =>
          stream.last !== undefined && (kill % 2 === 0 ? stream.last.bytes > from : (await vectorsOf(index)) >= stored);
        await expect.poll(async () => isEnded(stream) || (await isReached()), { timeout: 60_000, interval: 1 }).toBe(true);
        if (!isEnded(stream)) isKilled = killWorkerd(server);
        await Promise.all([reading, sending]);
        if (isKilled) expect(stream.last?.status, 'what a kill cut off').toBe('running');
        else expectRepeatable(stream);
        token = stream.last!.token;
        from = stream.last!.bytes;
      }
    }
    await finish(open, token, from);
    await expectWhole(index, isGrown);
    const { body: told } = await persistently(() => client.get(`${index}/export?include_values=false`));
    const numbers = (told as string)
      .split('\n')
      .flatMap((row) => (row.includes('"metadata"') ? [JSON.parse(row).metadata.n as number] : []));
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: LINES }, (_, n) => n));
  }
}, 1_800_000);

/** A temporary refusal ended the import before the kill. */
const isEnded = (stream: BulkStream): boolean => stream.last !== undefined && stream.last.status !== 'running';

const vectorsOf = async (index: string): Promise<number> => (await persistently(() => client.get(`${index}/stats`))).body.vectors;

/** With `isToBeTold`, waits after the first answer line until the next progress report is due, and sends only then. */
async function send(stream: BulkStream, from: number, until: number, isToBeTold: boolean): Promise<void> {
  if (isToBeTold) {
    await expect.poll(() => stream.last, { timeout: 60_000 }).toBeDefined();
    await sleep(VECTOR_LIMITS.bulkProgressMs * 1.1);
  }
  await stream.send(TEXT.slice(from, until));
}

function expectRepeatable(stream: BulkStream): void {
  expect(stream.last?.error?.code, JSON.stringify(stream.last)).toBeOneOf(['unavailable', 'index_growing']);
}

/** Continues an import from its token until it is done, as a client does after temporary refusals. */
async function finish(open: (token: string) => BulkStream, token: string, from: number): Promise<void> {
  await revived(client);
  const stream = open(token);
  const reading = stream.read();
  await stream.send(TEXT.slice(from));
  stream.end();
  await reading;
  if (stream.last?.status === 'done') return;
  expectRepeatable(stream);
  await finish(open, stream.last!.token, stream.last!.bytes);
}

/** Every row is there; in an index of one shard, each batch was exactly one write. */
async function expectWhole(index: string, isGrown: boolean): Promise<void> {
  const stats = async () => (await persistently(() => client.get(`${index}/stats`))).body;
  // The import may end before the first split.
  if (isGrown) await expect.poll(async () => (await stats()).shards).toBeGreaterThan(1);
  const { vectors, lsn } = await stats();
  expect(vectors).toBe(LINES);
  if (!isGrown) expect(lsn).toBe(LINES / BATCH);
}
