import { describe, expect, it } from 'vitest';
import type { IndexManifest } from '../../../../../src/index/index-manifest.ts';
import type { ImportProgress } from '../../../../../src/contract/vectors/bulk.ts';
import type { Refusal } from '../../../../../src/contract/api/errors.ts';
import { VECTOR_LIMITS } from '../../../../../src/contract/vectors/vector-limits.ts';
import type { Budget } from '../../../../../src/gateway/tenancy/budget.ts';
import { BulkTokens } from '../../../../../src/gateway/vectors/bulk/bulk-tokens.ts';
import { Imports } from '../../../../../src/gateway/vectors/bulk/imports.ts';
import { ManifestCache } from '../../../../../src/gateway/indexes/manifest-cache.ts';
import type { Vectors } from '../../../../../src/gateway/vectors/vectors.ts';
import { utf8 } from '../../../../../src/kernel/bytes.ts';
import { writeFrame } from '../../../../../src/kernel/vector-frame.ts';
import { Hmac } from '../../../../../src/kernel/hmac.ts';
import type { IndexId } from '../../../../../src/kernel/ids.ts';
import { err, ok } from '../../../../../src/kernel/result.ts';
import { principal } from '../../../../support/worlds/memory-cache-world.ts';
import { IN_FORCE } from '../../../../support/fakes/in-force.ts';

const tenant = principal('tn_one', { keyId: 'key_one' });
const manifest: IndexManifest = {
  id: 'ix_1' as IndexId,
  tenantId: tenant.tenantId,
  name: 'bulk',
  dimensions: 1,
  metric: 'dot',
  embedding: null,
  owner: 'search',
  createdS: 1,
  generation: 1,
};

type Write = Parameters<Vectors['write']>;

/** An index that refuses as configured, and records its writes and the settled reservations. */
class World {
  readonly refusals: Refusal[] = [];
  readonly writes: { ids: string[]; key: string | undefined }[] = [];
  readonly settled: number[] = [];
  readonly waits: number[] = [];
  reserved = 0;
  readonly imports: Imports;

  constructor() {
    const budget: Budget = {
      rates: () => [],
      reserve: async () => {
        this.reserved += 1;
        return ok({ extend: async () => ok(undefined), settle: ({ vectors_written: count = 0 }) => this.settled.push(count) });
      },
    };
    const write = async (...[, , body, repetition]: Write) => {
      this.writes.push({ ids: body.vectors.map(({ id }) => id), key: repetition?.idempotencyKey });
      const refusal = this.refusals.shift();
      return refusal === undefined
        ? ok({
            count: body.vectors.length,
            lsn: this.writes.length,
            tokens: 0,
            cachedTokens: 0,
            cut: [],
            usageId: `u${this.writes.length}`,
            manifest,
          })
        : err(refusal);
    };
    const directory = { describe: async () => ok(manifest) } as unknown as ConstructorParameters<typeof ManifestCache>[0];
    this.imports = new Imports({
      vectors: { write },
      manifests: new ManifestCache(directory, { nowMs: () => 0 }),
      space: { checkModel: async () => ok(null) },
      budget,
      tokens: new BulkTokens(new Hmac('a secret')),
      rng: { bytes: (count) => new Uint8Array(count) },
      sleep: async (ms) => void this.waits.push(ms),
    });
  }

  async run(body: AsyncIterable<Uint8Array>, token?: string, idempotencyKey?: string, isFramed = false): Promise<ImportProgress[]> {
    const opened = await this.imports.open(
      {
        principal: tenant,
        authority: IN_FORCE,
        index: 'bulk',
        token,
        model: undefined,
        truncate: undefined,
        idempotencyKey,
        route: '/r',
        isFramed,
      },
      body,
    );
    if (!opened.ok) throw new Error(opened.error.message);
    return Array.fromAsync(opened.value);
  }
}

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield utf8(text);
}

const lines = (from: number, until: number): string =>
  Array.from({ length: until - from }, (_, i) => `{"id":"v${from + i}","values":[1,1]}\n`).join('');

const BUSY: Refusal = { code: 'unavailable', message: 'busy' };

describe('an import of frames', () => {
  const frame = (from: number, until: number) =>
    writeFrame(
      { vectors: Array.from({ length: until - from }, (_, i) => ({ id: `v${from + i}`, values: i })) },
      new Float32Array(2 * (until - from)),
      2,
    );
  const body = async function* (): AsyncGenerator<Uint8Array> {
    for (const from of [0, 10, 20]) yield frame(from, from + 10);
  };

  it('[B17] writes a frame whole or not at all, and continues at it or behind it', async () => {
    const world = new World();
    world.refusals.push({ code: 'invalid_value', message: 'no', path: ['vectors', 3, 'values'] });
    const told = await world.run(body(), undefined, undefined, true);
    expect(told.at(-1)).toMatchObject({ status: 'stopped', written: 0, lines: 0, bytes: 0, error: { line: 4, param: 'values' } });
    expect(world.writes).toHaveLength(1);
    const without = new World();
    const frames = frame(10, 20);
    const last = (await without.run(only(frames), told.at(-1)?.skip_token, undefined, true)).at(-1);
    expect(last).toMatchObject({ status: 'done', written: 10, lines: 20, bytes: frame(0, 10).length + frames.length });
  });

  it('[B4][B17] is repeated from its token in the same batches', async () => {
    const [whole, part] = [new World(), new World()];
    const told = await whole.run(body(), undefined, 'key', true);
    const afterFirst = told.find(({ lines: done }) => done === 10);
    await part.run(only(frame(10, 20), frame(20, 30)), afterFirst?.token, undefined, true);
    expect(part.writes).toEqual(whole.writes.slice(1));
  });
});

async function* only(...pieces: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

describe('an import whose batches are refused', () => {
  it('[B6] retries the same batch, and settles the reservation of each try', async () => {
    const world = new World();
    world.refusals.push(BUSY, BUSY);
    const told = await world.run(chunks(lines(0, 10)));
    expect(told.at(-1)).toMatchObject({ status: 'done', written: 10, lines: 10 });
    expect(new Set(world.writes.map(({ key }) => key)).size).toBe(1);
    expect(world.writes).toHaveLength(3);
    expect([world.reserved, world.settled]).toEqual([3, [0, 0, 10]]);
    expect(world.waits[1]).toBeGreaterThan(world.waits[0]!);
  });

  it('[B6] gives up after importRetriesMaxCount retries, or if it would have to wait too long', async () => {
    const world = new World();
    world.refusals.push(...Array.from({ length: 50 }, () => BUSY));
    const told = await world.run(chunks(lines(0, 10)));
    expect(told.at(-1)).toMatchObject({ status: 'stopped', lines: 0, written: 0, error: { code: 'unavailable', line: null } });
    expect(world.writes).toHaveLength(VECTOR_LIMITS.importRetriesMaxCount + 1);

    const patient = new World();
    patient.refusals.push({ code: 'rate_limit_exceeded', message: 'later', retryAfterMs: 60_000 });
    expect((await patient.run(chunks(lines(0, 1)))).at(-1)?.status).toBe('done');
    expect(patient.waits).toEqual([60_000]);
    const late = new World();
    late.refusals.push({ code: 'rate_limit_exceeded', message: 'later', retryAfterMs: 120_000 });
    expect((await late.run(chunks(lines(0, 1)))).at(-1)?.error).toMatchObject({ code: 'rate_limit_exceeded', retry_after_ms: 120_000 });
    const spent = new World();
    spent.refusals.push({ code: 'insufficient_quota', message: 'spent' });
    expect((await spent.run(chunks(lines(0, 1)))).at(-1)?.error?.code).toBe('insufficient_quota');
    expect(spent.waits).toEqual([]);
  });

  it('[B5] writes the lines before the refused one, and reports the error with its line number', async () => {
    const world = new World();
    world.refusals.push({ code: 'dimension_mismatch', message: 'has 2 numbers', path: ['vectors', 2, 'values'] });
    const told = await world.run(chunks(`${lines(0, 2)}\n\n${lines(2, 5)}`));
    expect(world.writes.map(({ ids }) => ids.length)).toEqual([5, 2]);
    expect(told.at(-1)).toMatchObject({
      status: 'stopped',
      lines: 4,
      written: 2,
      error: { line: 5, param: 'values', message: 'line 5: values: has 2 numbers' },
    });
    const first = new World();
    first.refusals.push({ code: 'invalid_value', message: 'is odd', path: ['vectors', 0] });
    expect((await first.run(chunks(lines(0, 5)))).at(-1)).toMatchObject({
      lines: 0,
      error: { line: 1, param: null, message: 'line 1: is odd' },
    });
    expect(first.writes).toHaveLength(1);
  });
});

describe('an import that is cut off', () => {
  async function* broken(text: string): AsyncGenerator<Uint8Array> {
    yield utf8(text);
    throw new Error('reset by peer');
  }

  it('[B4] has written whole batches only, and divides the rest into the same batches when resumed', async () => {
    const world = new World();
    const told = await world.run(broken(lines(0, 2500)));
    const last = told.at(-1);
    expect(last).toMatchObject({ status: 'stopped', lines: 2000, written: 2000, error: { line: null } });
    const again = new World();
    await again.run(chunks(lines(0, 3000)), undefined, undefined);
    const resumed = new World();
    await resumed.run(chunks(lines(2000, 3000)), last?.token);
    expect(resumed.writes.map(({ key }) => key)).toEqual(again.writes.slice(2).map(({ key }) => key));
  });

  it('[B15] resumes only for its own key, and treats no batch after other lines as repeated', async () => {
    const world = new World();
    const last = (await world.run(broken(lines(0, 2500)))).at(-1);
    const other = { principal: principal('tn_one', { keyId: 'key_two' }), authority: IN_FORCE, index: 'bulk', token: last?.token };
    const terms = { ...other, model: undefined, truncate: undefined, idempotencyKey: undefined, route: '/r', isFramed: false };
    expect(await world.imports.open(terms, chunks())).toMatchObject({ error: { code: 'invalid_value', path: ['token'] } });
    const again = new World();
    await again.run(chunks(lines(5000, 5001), lines(1, 3000)));
    const resumed = new World();
    await resumed.run(chunks(lines(2000, 3000)), last?.token);
    expect(resumed.writes[0]?.ids).toEqual(again.writes[2]?.ids);
    expect(resumed.writes[0]?.key).not.toBe(again.writes[2]?.key);
  });

  it('[B4] is the same import under the same key, and another one under another key', async () => {
    const keysOf = async (key?: string): Promise<unknown[]> => {
      const world = new World();
      await world.run(chunks(lines(0, 3)), undefined, key);
      return world.writes.map(({ key: written }) => written);
    };
    expect(await keysOf('a')).toEqual(await keysOf('a'));
    expect(await keysOf('a')).not.toEqual(await keysOf('b'));
  });

  it('[B1] reads at most one batch ahead of its writes', async () => {
    const world = new World();
    let read = 0;
    const slow = async function* (): AsyncGenerator<Uint8Array> {
      for (; read < 100; read += 1) yield utf8(lines(read * 1000, (read + 1) * 1000));
    };
    const from = { principal: tenant, authority: IN_FORCE, index: 'bulk', token: undefined };
    const opened = await world.imports.open(
      { ...from, model: undefined, truncate: undefined, idempotencyKey: undefined, route: '/r', isFramed: false },
      slow(),
    );
    if (!opened.ok) throw new Error('refused');
    for (let told = 0; told < 5; told += 1) await opened.value.next();
    expect(world.writes).toHaveLength(4);
    // A batch ends when the first line of the next one is read.
    expect(read).toBeLessThanOrEqual(6);
  });
});
