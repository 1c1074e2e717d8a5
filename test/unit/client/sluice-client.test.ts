import { describe, expect, it } from 'vitest';

import { PATH_PARAMS } from '../../../src/contract/api/endpoint.ts';
import type { Endpoint } from '../../../src/contract/api/endpoint.ts';
import { ENDPOINTS } from '../../../src/contract/endpoints.ts';
import { openApiDocument } from '../../../src/contract/openapi/openapi.ts';
import { readFrame, VECTOR_FRAME_TYPE, writeFrame } from '../../../src/kernel/vector-frame.ts';
import { SluiceClient, SluiceError } from '../../../workers/client/sluice-client.ts';
import { CALLS } from '../../../workers/client/wire-types.ts';

interface Seen {
  readonly url: string;
  readonly headers: Headers;
  readonly body: unknown;
}

const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });
const overloaded = (headers: Record<string, string> = {}) =>
  json(503, { error: { message: 'busy', code: 'overloaded', param: null }, request_id: 'req_7' }, { 'x-should-retry': 'true', ...headers });

/** A client of a gateway that answers these, one after another; what throws is a broken connection. */
function world(...answers: (() => Response)[]) {
  const seen: Seen[] = [];
  const waits: number[] = [];
  const client = new SluiceClient({
    url: 'http://sluice/',
    apiKey: 'sk_1',
    sleep: async (ms) => void waits.push(ms),
    fetch: async (url, { headers, body } = {}) => {
      seen.push({ url: url as string, headers: new Headers(headers), body });
      return answers[seen.length - 1]!();
    },
  });
  return { client, seen, waits };
}

const FOUND = { matches: [{ id: 'a', score: 1 }], lsn: 4 };

describe('[G72] the client', () => {
  it('calls only what the API document has, and sends and takes frames only where it does', () => {
    const { paths = {} } = openApiDocument();
    for (const [name, { method, path }] of Object.entries(CALLS)) {
      const operation = paths[path.replaceAll(PATH_PARAMS, '{$1}')]?.[method.toLowerCase() as 'post'];
      expect(operation?.operationId, name).toBe(name);
    }
    const framed = Object.keys(CALLS).filter((name) => {
      const { body, reply }: Endpoint = ENDPOINTS[name as keyof typeof CALLS];
      return (body.kind === 'json' && body.rows !== undefined) || (reply.kind === 'json' && reply.hasRows === true);
    });
    const answered = ['searchIndex', 'searchIndexBatch'];
    expect(framed).toEqual(['createEmbeddings', 'queryVectors', 'queryVectorsBatch', ...answered, 'upsertVectors', 'fetchVectors']);
  });

  it('sends vectors as rows, and everything else as JSON', async () => {
    const { client, seen } = world(
      () => json(200, { results: [FOUND, FOUND] }),
      () => json(200, FOUND),
    );
    await client.index('a/b').queryAll([{ vector: [1, 2], top_k: 3 }, { text: 'x' }, { vector: Float32Array.of(3, 4) }]);
    const frame = readFrame(seen[0]?.body as Uint8Array<ArrayBuffer>);
    if (typeof frame === 'string') throw new Error(frame);
    expect(JSON.parse(new TextDecoder().decode(frame.head))).toEqual({ searches: [{ vector: 0, top_k: 3 }, { text: 'x' }, { vector: 1 }] });
    expect([...frame.values]).toEqual([1, 2, 3, 4]);
    expect([seen[0]?.url, seen[0]?.headers.get('content-type')]).toEqual(['http://sluice/v1/indexes/a%2Fb/query/batch', VECTOR_FRAME_TYPE]);
    expect(await client.index('n').query({ text: 'x' })).toEqual(FOUND);
    expect([seen[1]?.headers.get('content-type'), seen[1]?.headers.get('accept'), seen[1]?.body]).toEqual([
      'application/json',
      null,
      '{"text":"x"}',
    ]);
    await expect(client.index('n').queryAll([{ vector: [1, 2] }, { vector: [1] }])).rejects.toThrow('have one length');
  });

  it('sends plans as JSON, their vectors as numbers of float32, and takes the vectors of matches as rows', async () => {
    const match = (values: unknown) => ({ matches: [{ id: 'a', score: 1, values }], lsn: 4 });
    const { client, seen } = world(
      () => new Response(writeFrame(match(0), Float32Array.of(0.1, 2), 2), { headers: { 'content-type': VECTOR_FRAME_TYPE } }),
      () => json(200, { results: [match([3, 4]), match(null)] }),
    );
    const points = client.index('a/b');
    const found = await points.search({
      legs: [
        { kind: 'vector', vector: Float32Array.of(0.1, 2), prefetch: { legs: [{ kind: 'vector', field: 'title', vector: [1, 2] }] } },
        { kind: 'plan', legs: [{ kind: 'sparse', field: 'terms', indices: [1], values: [2] }], fusion: { kind: 'rrf' } },
      ],
      stages: [
        { kind: 'max_sim', field: 'tokens', vectors: [Float32Array.of(0.5)] },
        { kind: 'formula', score: { kind: 'decay_exp', of: { kind: 'time', property: 'at' }, origin: '2026-12-01T00:00:00Z', scale: 60 } },
      ],
      include_values: true,
    });
    expect(found.matches[0]?.values).toEqual(Float32Array.of(0.1, 2));
    const sent = JSON.parse(seen[0]?.body as string);
    expect(Float32Array.from(sent.legs[0].vector as number[])).toEqual(Float32Array.of(0.1, 2));
    expect([sent.legs[0].prefetch.legs[0].vector, sent.stages[0].vectors]).toEqual([[1, 2], [[0.5]]]);
    expect([seen[0]?.url, seen[0]?.headers.get('accept')]).toEqual([
      'http://sluice/v1/indexes/a%2Fb/search',
      `${VECTOR_FRAME_TYPE}, application/json`,
    ]);
    const [first, second] = await points.searchAll([{ text: 'x', include_values: true }, { text: 'y' }]);
    expect([first?.matches[0]?.values, second?.matches[0]?.values]).toEqual([Float32Array.of(3, 4), null]);
    expect([seen[1]?.url, seen[1]?.body]).toEqual([
      'http://sluice/v1/indexes/a%2Fb/search/batch',
      '{"searches":[{"text":"x","include_values":true},{"text":"y"}]}',
    ]);
  });

  it('reads vectors from rows, or from numbers of a gateway that sends no frames', async () => {
    const values = Float32Array.of(0.1, 2, 3, 4);
    const reply = (first: unknown, second: unknown) => ({
      vectors: [
        { id: 'b', values: first },
        { id: 'a', values: second },
      ],
      lsn: 1,
    });
    const { client, seen } = world(
      () => new Response(writeFrame(reply(1, 0), values, 2), { headers: { 'content-type': VECTOR_FRAME_TYPE } }),
      () => json(200, reply([3, 4], [0.1, 2])),
    );
    const expected = [
      { id: 'b', values: Float32Array.of(3, 4) },
      { id: 'a', values: Float32Array.of(0.1, 2) },
    ];
    expect(await client.index('n').fetch(['b', 'a'])).toEqual(expected);
    expect(await client.index('n').fetch(['b', 'a'])).toEqual(expected);
    expect(seen[0]?.headers.get('accept')).toContain(VECTOR_FRAME_TYPE);
  });

  it('repeats a write under the same key, after the time that the gateway says', async () => {
    const { client, seen, waits } = world(
      () => overloaded({ 'retry-after-ms': '40', 'retry-after': '1' }),
      () => {
        throw new TypeError('the connection broke');
      },
      () => overloaded({ 'retry-after': '2' }),
      () => json(200, { upserted: 1, lsn: 2 }),
    );
    expect(await client.index('n').upsert([{ id: 'a', values: [1, 2] }])).toEqual({ upserted: 1, lsn: 2 });
    expect([waits[0], waits[2]]).toEqual([40, 2_000]);
    expect(waits[1]).toBeGreaterThanOrEqual(100);
    expect(waits[1]).toBeLessThanOrEqual(200);
    const keys = new Set(seen.map(({ headers }) => headers.get('idempotency-key')));
    expect([keys.size, [...keys][0]?.length, new Set(seen.map(({ body }) => String(body))).size]).toEqual([1, 32, 1]);
  });

  it('gives up after some tries, at once where repeating helps nothing, and where it would wait too long', async () => {
    const busy = world(overloaded, overloaded, overloaded, overloaded);
    await expect(busy.client.index('n').query({ text: 'x' })).rejects.toMatchObject({
      code: 'overloaded',
      requestId: 'req_7',
      status: 503,
    });
    expect(busy.seen).toHaveLength(4);
    const error = {
      message: 'searches[1].top_k: is 0',
      code: 'limit_exceeded',
      param: 'searches[1].top_k',
      limit: { name: 'topKMaxCount', bound: 9 },
      value: 10,
    };
    const wrong = world(() => json(400, { error, request_id: 'req_8' }, { 'x-should-retry': 'false' }));
    const refused: unknown = await wrong.client
      .index('n')
      .query({ text: 'x' })
      .catch((thrown: unknown) => thrown);
    expect(refused).toBeInstanceOf(SluiceError);
    const { name, bound } = { name: 'topKMaxCount', bound: 9 };
    expect(refused).toMatchObject({
      message: error.message,
      path: error.param,
      limit: { name, bound },
      value: 10,
      requestId: 'req_8',
      isRetryable: false,
    });
    expect(wrong.seen).toHaveLength(1);
    const late = world(() => overloaded({ 'retry-after': '60' }));
    await expect(late.client.index('n').query({ text: 'x' })).rejects.toMatchObject({ retryAfterMs: 60_000 });
    expect(late.seen).toHaveLength(1);
  });

  it('ends when its caller does not want it any more', async () => {
    const { client, seen } = world(() => {
      throw new TypeError('the connection broke');
    });
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(client.index('n').query({ text: 'x' }, { signal })).rejects.toThrow('enough');
    expect(seen).toHaveLength(1);
  });

  it('imports in slices, each under a key of its own that a repetition has again', async () => {
    const done = () => json(200, { upserted: 1, lsn: 1 });
    const { client, seen } = world(...Array.from({ length: 6 }, () => done));
    const vectors = Array.from({ length: 2_001 }, (_, i) => ({ id: `v${i}`, values: [i, 1] }));
    for (let times = 0; times < 2; times += 1) {
      const written: number[] = [];
      for await (const count of client.index('n').import(vectors, { idempotencyKey: 'k' })) written.push(count);
      expect(written).toEqual([1_000, 2_000, 2_001]);
    }
    expect(seen.map(({ headers }) => headers.get('idempotency-key'))).toEqual(['k-0', 'k-1', 'k-2', 'k-0', 'k-1', 'k-2']);
  });
});
