import { once } from 'node:events';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { beforeAll, describe, expect, it } from 'vitest';

import { VECTOR_LIMITS } from '../../src/contract/vectors/vector-limits.ts';
import { VECTOR_FRAME_TYPE, writeFrame } from '../../src/kernel/vector-frame.ts';
import type { ApiAnswer, ApiClient } from '../support/deployment/api-client.ts';
import { BulkStream } from '../support/deployment/bulk-stream.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const DIMENSIONS = 8;
const PATIENCE = { timeout: 90_000 };

const server = sharedDeployment();
let client: ApiClient;
let serial = 0;

beforeAll(async () => {
  ({ client } = await createTenant(server));
});

async function createIndex(options: object = { dimensions: DIMENSIONS }): Promise<string> {
  const name = `bulk-${(serial += 1)}`;
  expect((await client.post('/v1/indexes', { name, owner: 'bulk', ...options })).status).toBe(201);
  return `/v1/indexes/${name}`;
}

// As they are printed: the shortest decimals that read back as the same floats.
const valuesOf = (n: number): number[] =>
  Array.from({ length: DIMENSIONS }, (_, axis) => Number((Math.sin(n * 13 + axis) + 1.5).toPrecision(5)));

const line = (n: number, more: object = {}): string =>
  `${JSON.stringify({ id: `v${n}`, values: valuesOf(n), metadata: { n }, ...more })}\n`;

const linesFrom = (from: number, until: number): string => Array.from({ length: until - from }, (_, i) => line(from + i)).join('');

/** Sends a whole import in one request. */
async function importAll(index: string, text: string | Uint8Array, query = '', headers: Record<string, string> = {}) {
  const stream = new BulkStream(client, `${index}/import${query}`, headers);
  void stream.send(text).then(() => stream.end());
  await stream.read();
  return stream;
}

// oxlint-disable-next-line typescript/no-explicit-any -- lines of every shape; a wrong path reads undefined and fails the expectation
type Row = any;

const linesOf = (text: string): Row[] =>
  text
    .trimEnd()
    .split('\n')
    .map((row) => JSON.parse(row));

async function exported(index: string, query = ''): Promise<{ vectors: Row[]; told: Row[] }> {
  const { status, body } = await client.get(`${index}/export${query}`);
  expect(status).toBe(200);
  const rows = linesOf(body);
  return { vectors: rows.filter((row) => !('export' in row)), told: rows.flatMap((row) => row.export ?? []) };
}

const stats = async (index: string): Promise<ApiAnswer['body']> => (await client.get(`${index}/stats`)).body;

async function written(): Promise<number> {
  const { body } = await client.get('/v1/usage');
  return body.data.find(({ meter }: { meter: string }) => meter === 'vectors_written')?.quantity ?? 0;
}

describe('an import over HTTP', () => {
  it('[B17][B9] of vector frames writes what lines would, and is billed for it', async () => {
    const index = await createIndex();
    const before = await written();
    const ids = Array.from({ length: 1_500 }, (_, n) => n);
    const frames = [ids.slice(0, 1_000), ids.slice(1_000)].map((some) => {
      const vectors = some.map((n, at) => ({ id: `v${n}`, values: at, metadata: { n } }));
      return writeFrame({ vectors }, Float32Array.from(some.flatMap(valuesOf)), DIMENSIONS);
    });
    const broken = writeFrame({ vectors: [{ id: 'odd', values: 0 }] }, Float32Array.of(1, NaN), 2);
    const body = Buffer.concat([...frames, broken]);
    const { last } = await importAll(index, body, '', { 'content-type': VECTOR_FRAME_TYPE });
    expect(last).toMatchObject({ status: 'stopped', lines: 1_500, written: 1_500, bytes: body.length - broken.length });
    expect(last?.error).toMatchObject({ code: 'invalid_value', line: 1_501, param: 'values[1]' });
    const { vectors } = await exported(index);
    const byId = new Map(vectors.map((row) => [row.id, row]));
    expect(byId.size).toBe(1_500);
    for (const n of [0, 999, 1_000, 1_499]) expect(byId.get(`v${n}`)).toEqual({ id: `v${n}`, values: valuesOf(n), metadata: { n } });
    await expect.poll(written, PATIENCE).toBe(before + 1_500);
  });

  it('[B2][B8][B9] writes every line in order, reports progress, and is billed for what it wrote', async () => {
    const index = await createIndex();
    const before = await written();
    const text = linesFrom(0, 3000) + line(7, { values: valuesOf(8000) });
    const { news, last } = await importAll(index, text);
    expect(news[0]).toMatchObject({ object: 'index.import', status: 'running', lines: 0, bytes: 0, written: 0, lsn: null });
    expect(last).toMatchObject({ status: 'done', lines: 3001, bytes: text.length, written: 3001 });
    expect(await stats(index)).toMatchObject({ vectors: 3000 });
    const { body } = await client.post(`${index}/fetch`, { ids: ['v7', 'v2999'] });
    expect(body.vectors).toMatchObject([{ values: valuesOf(8000) }, { values: valuesOf(2999), metadata: { n: 2999 } }]);
    expect((await written()) - before).toBe(3001);
  });

  it('[B5] stops at the first bad line, names it, and can continue before or after it', async () => {
    const index = await createIndex();
    const bad = line(20, { values: [...valuesOf(20).slice(1), 'x'] });
    const text = linesFrom(0, 20) + bad + linesFrom(21, 30);
    const { last, news } = await importAll(index, text);
    expect(last).toMatchObject({
      status: 'stopped',
      lines: 20,
      written: 20,
      error: {
        code: 'invalid_value',
        line: 21,
        param: `values[${DIMENSIONS - 1}]`,
        message: expect.stringMatching(/^line 21: values\[7\].*it is "x"$/),
      },
    });
    expect(news.filter(({ status }) => status === 'stopped')).toHaveLength(1);
    expect((await stats(index)).vectors).toBe(20);
    const mended = await importAll(index, line(20) + linesFrom(21, 30), `?token=${last?.token}`);
    expect(mended.last).toMatchObject({ status: 'done', import: last?.import, lines: 30, written: 10 });
    const skipped = await importAll(index, linesFrom(21, 30), `?token=${last?.skip_token}`);
    expect(skipped.last).toMatchObject({ status: 'done', lines: 30, bytes: text.length });
    expect((await stats(index)).vectors).toBe(30);
  });

  it('[B5] names the line whose vector does not fit the index, and writes those before it', async () => {
    const index = await createIndex();
    const text = linesFrom(0, 10) + '\n' + line(10, { values: [1, 2] }) + linesFrom(11, 20);
    const { last } = await importAll(index, text);
    expect(last).toMatchObject({
      status: 'stopped',
      lines: 11,
      written: 10,
      error: { code: 'dimension_mismatch', line: 12, param: 'values' },
    });
    expect(last?.error?.message).toMatch(/^line 12: values: has 2 numbers/);
    expect((await stats(index)).vectors).toBe(10);
    const first = await importAll(index, line(0, { values: Array.from({ length: DIMENSIONS + 1 }, () => 0) }));
    expect(first.last).toMatchObject({ status: 'stopped', lines: 0, written: 0, error: { line: 1, param: 'values' } });
  });

  it('[B4] continues after disconnects: no line is lost, written twice or billed twice', async () => {
    const index = await createIndex();
    const before = await written();
    const total = 6000;
    const text = linesFrom(0, total);
    let [token, from, cuts] = ['', 0, 0];
    for (;;) {
      const stream = new BulkStream(client, `${index}/import${token === '' ? '' : `?token=${token}`}`, { 'idempotency-key': 'whole' });
      const reading = stream.read();
      const rest = text.slice(from);
      const isLast = cuts === 3;
      await stream.send(isLast ? rest : rest.slice(0, 260_000));
      if (isLast) stream.end();
      else {
        // The first cut comes before anything is stored, the others after. Without its last lines the import cannot finish before the cut.
        await expect.poll(() => stream.news.length, PATIENCE).toBeGreaterThan(0);
        const stored = cuts === 0 ? 0 : VECTOR_LIMITS.importBatchVectorsMaxCount;
        await expect.poll(async () => (await stats(index)).vectors, PATIENCE).toBeGreaterThanOrEqual(stored);
        stream.cut();
        cuts += 1;
      }
      await reading;
      if (stream.last?.status === 'done') break;
      token = stream.last?.token ?? token;
      from = stream.last?.bytes ?? from;
    }
    expect(cuts).toBe(3);
    expect((await stats(index)).vectors).toBe(total);
    expect((await stats(index)).lsn, 'every batch was written once').toBe(total / VECTOR_LIMITS.importBatchVectorsMaxCount);
    expect((await written()) - before).toBe(total);
    // Sent again from the start under the same key, it is the same import.
    expect((await importAll(index, text, '', { 'idempotency-key': 'whole' })).last).toMatchObject({ status: 'done', written: total });
    expect((await stats(index)).lsn).toBe(total / VECTOR_LIMITS.importBatchVectorsMaxCount);
    expect((await written()) - before).toBe(total);
  });

  it('[B7] completes even if the client reads nothing until it has sent everything', async () => {
    const index = await createIndex();
    const stream = new BulkStream(client, `${index}/import`);
    for (let from = 0; from < 20_000; from += 2000) await stream.send(linesFrom(from, from + 2000));
    stream.end();
    await expect.poll(async () => (await stats(index)).vectors, { ...PATIENCE, interval: 200 }).toBe(20_000);
    await stream.read();
    expect(stream.last).toMatchObject({ status: 'done', lines: 20_000 });
  });

  it('[B12] accepts texts if the index has a model, and the lines of an export', async () => {
    const source = await createIndex({ model: 'glove-sif-100' });
    const texts = ['the miller opens the sluice', 'a barge waits at the lock', 'the tide turns'];
    const rows = texts.map((text, i) => `${JSON.stringify({ id: `t${i}`, text, namespace: i === 2 ? 'sea' : '', metadata: { i } })}\n`);
    expect((await importAll(source, rows.join(''))).last).toMatchObject({ status: 'done', written: 3 });
    const { body: raw } = await client.get(`${source}/export`);
    const copy = await createIndex({ dimensions: 100 });
    expect((await importAll(copy, raw)).last).toMatchObject({ status: 'done', lines: 4, written: 3 });
    expect((await exported(copy)).vectors).toEqual((await exported(source)).vectors);
    expect((await exported(copy)).vectors[2]).toMatchObject({ id: 't2', namespace: 'sea', text: texts[2], metadata: { i: 2 } });
    const refused = await importAll(source, line(1), '?model=nonesuch');
    expect([await refused.status(), JSON.parse(refused.text).error.code]).toEqual([404, 'model_not_found']);
  });

  it('[B13] refuses a token that is malformed, of another call or of an earlier index', async () => {
    const index = await createIndex();
    const { last } = await importAll(index, linesFrom(0, 3));
    const { told } = await exported(index);
    for (const token of ['x', 'AAAA', told[0].token]) {
      const answer = await client.call('POST', `${index}/import?token=${token}`, new Blob(['{}'], { type: 'application/x-ndjson' }));
      expect(answer).toMatchObject({ status: 400, body: { error: { code: 'invalid_value', param: 'token' } } });
    }
    expect(await client.get(`${index}/export?token=${last?.token}`)).toMatchObject({ status: 400, body: { error: { param: 'token' } } });
    const wrongType = await client.post(`${index}/import`, {});
    expect(wrongType).toMatchObject({ status: 415, body: { error: { code: 'unsupported_media_type' } } });
    await client.delete(index);
    await client.post('/v1/indexes', { name: index.slice('/v1/indexes/'.length), dimensions: DIMENSIONS, owner: 'bulk' });
    const late = await client.call('POST', `${index}/import?token=${last?.token}`, new Blob(['{}'], { type: 'application/x-ndjson' }));
    expect(late).toMatchObject({ status: 400, body: { error: { param: 'token' } } });
    expect(await client.get(`${index}/export?token=${told[0].token}`)).toMatchObject({ status: 409, body: { error: { param: 'token' } } });
  });
});

describe('an export over HTTP', () => {
  it('[B10][B11] sends each vector once, in order, while vectors change, and continues from any token', async () => {
    const index = await createIndex();
    const total = 20_000;
    await importAll(index, linesFrom(0, total));
    await importAll(index, Array.from({ length: 50 }, (_, n) => line(n, { namespace: n % 2 === 0 ? 'a' : 'ä' })).join(''));
    const writing = { on: true };
    const writer = async (): Promise<void> => {
      for (let n = 0; writing.on; n = (n + 400) % total) {
        // Replaces vectors that remain, and adds and removes others.
        await client.post(`${index}/upsert`, {
          vectors: Array.from({ length: 200 }, (_, i) => ({ id: `v${n + i}`, values: valuesOf(n + i + 1), metadata: { n: n + i } })),
        });
        await client.post(`${index}/upsert`, { vectors: [{ id: `w${n}`, values: valuesOf(n) }] });
        await client.post(`${index}/delete`, { ids: [`w${n}`] });
      }
    };
    const writers = writer();
    const { vectors, told } = await exported(index);
    writing.on = false;
    await writers;
    expect(told.at(-1)).toMatchObject({ status: 'done', vectors: vectors.length });
    expect(told.length).toBeGreaterThan(2);
    const keys = vectors.map(({ namespace = '', id }) => `${namespace}\0${id}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys, 'no id here is a number').toEqual(keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    expect(vectors.filter(({ id, namespace }) => id.startsWith('v') && namespace === undefined)).toHaveLength(total);
    expect(vectors.filter(({ namespace }) => namespace !== undefined)).toHaveLength(50);

    const rest = await exported(index, `?token=${told[1].token}&include_values=false&include_metadata=false`);
    const at = told[1].vectors;
    expect(rest.vectors.filter(({ id }) => id.startsWith('v')).map(({ id }) => id)).toEqual(
      vectors
        .slice(at)
        .filter(({ id }) => id.startsWith('v'))
        .map(({ id }) => id),
    );
    expect(Object.keys(rest.vectors[0])).toEqual(['id']);
  });

  it('[B7] waits for a slow reader, with little in memory', async () => {
    const index = await createIndex();
    await importAll(index, linesFrom(0, 30_000));
    const request = get(`${client.url}${index}/export`, { headers: { authorization: `Bearer ${client.apiKey}` } });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of response) {
      if (text.length < 600_000) await sleep(20);
      text += String(chunk);
    }
    expect(linesOf(text).filter((row) => !('export' in row))).toHaveLength(30_000);
  });
});
