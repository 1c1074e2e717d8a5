import * as z from 'zod';
import { describe, expect, it } from 'vitest';

import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import { vectorFloats } from '../../../../src/contract/vectors/vector-fields.ts';
import { VECTOR_FRAME_TYPE, writeFrame } from '../../../../src/kernel/vector-frame.ts';
import { json, jsonOrFrame } from '../../../../src/contract/api/endpoint.ts';
import { BodyBudget } from '../../../../src/gateway/api/body-budget.ts';
import { BodyIntake } from '../../../../workers/gateway/pipeline/body-intake.ts';
import type { Body } from '../../../../src/contract/api/endpoint.ts';
import { readBody as readBodyIn } from '../../../../workers/gateway/pipeline/request-body.ts';
import { VirtualTime } from '../../../support/worlds/virtual-time.ts';

const endpointBody = { ...json(z.strictObject({ a: z.number() })), bytesMax: 32 };

const time = new VirtualTime();

const readBody = (request: Request, body: Body) =>
  readBodyIn(request, body, new BodyIntake({ budget: new BodyBudget(), clock: time, timer: time }, request, 'key'));

const post = (body: BodyInit, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
  new Request('http://sluice/', { method: 'POST', body, headers, duplex: 'half' } as RequestInit);

async function codeOf(request: Request): Promise<string | undefined> {
  const outcome = await readBody(request, endpointBody);
  return outcome.ok ? undefined : outcome.error.code;
}

/** A body without a declared length. */
const chunked = (text: string) => new Blob([text]).stream() as unknown as BodyInit;

describe('a request body', () => {
  it('is parsed and validated', async () => {
    expect(await readBody(post('{"a": 1}'), endpointBody)).toEqual({ ok: true, value: { a: 1 } });
    expect(await readBody(post(chunked('{"a": 1}')), endpointBody)).toEqual({ ok: true, value: { a: 1 } });
  });

  it('may have the most bytes allowed, declared or not', async () => {
    const longest = `{"a": 1${' '.repeat(endpointBody.bytesMax - 8)}}`;
    const declared = { 'content-type': 'application/json', 'content-length': String(longest.length) };
    for (const request of [post(longest, declared), post(chunked(longest))]) {
      expect(await readBody(request, endpointBody)).toEqual({ ok: true, value: { a: 1 } });
    }
    expect(await codeOf(post(chunked(` ${longest}`)))).toBe('payload_too_large');
  });

  it('[G101] is what the route takes, if its sender does not say what it is', async () => {
    // Bytes, for which no runtime makes up a content type.
    const untyped = (text: string) => post(new TextEncoder().encode(text), {});
    expect(untyped('{}').headers.has('content-type')).toBe(false);
    expect(await readBody(untyped('{"a": 1}'), endpointBody)).toEqual({ ok: true, value: { a: 1 } });
    expect(await codeOf(untyped('a=1'))).toBe('malformed_json');
    const form = { kind: 'multipart', schema: z.strictObject({}), file: 'file', bytesMax: 32 } as const;
    expect(await readBody(untyped('{}'), form)).toMatchObject({ error: { code: 'unsupported_media_type' } });
  });

  it.each(['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    '[G149] that is a form (%s) is refused with how to send JSON',
    async (type) => {
      const outcome = await readBody(post('a=1', { 'content-type': type }), endpointBody);
      expect(outcome).toMatchObject({
        error: { code: 'unsupported_media_type', message: expect.stringContaining('requests.post(url, json=body)') as string },
      });
    },
  );

  it.each([
    ['no JSON', post('{"a": '), 'malformed_json'],
    ['bytes that are not UTF-8', post(new Uint8Array([0x22, 0xff, 0x22])), 'malformed_json'],
    ['a wrong field', post('{"a": "1"}'), 'invalid_value'],
    ['another media type', post('{"a": 1}', { 'content-type': 'text/plain' }), 'unsupported_media_type'],
    [
      'more bytes than declared allowed',
      post('{"a": 1}', { 'content-type': 'application/json', 'content-length': '33' }),
      'payload_too_large',
    ],
    ['more bytes than allowed, undeclared', post(chunked(`{"a": ${' '.repeat(40)}1}`)), 'payload_too_large'],
    ['nothing', post(''), 'malformed_json'],
  ])('[G5] with %s is refused', async (_, request, code) => {
    expect(await codeOf(request)).toBe(code);
  });
});

const gzipped = (bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> =>
  new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer();

it('[K25] a body that may be text of another media type becomes one field, within the same bound', async () => {
  const body = { ...json(z.strictObject({ csv: z.string() })), bytesMax: 32, text: { type: 'text/csv', field: 'csv', about: 'x' } };
  const sent = (text: BodyInit, type = 'text/csv; charset=utf-8') => readBody(post(text, { 'content-type': type }), body);
  expect(await sent('a,b\n')).toEqual({ ok: true, value: { csv: 'a,b\n' } });
  expect(await sent('{"csv":"x"}', 'application/json')).toEqual({ ok: true, value: { csv: 'x' } });
  expect(await sent(new Uint8Array([0xff, 0xfe]))).toMatchObject({ error: { code: 'invalid_value', path: ['csv'] } });
  expect(await sent('x'.repeat(33))).toMatchObject({ error: { code: 'payload_too_large' } });
  expect(await sent('a,b\n', 'text/plain')).toMatchObject({
    error: { code: 'unsupported_media_type', message: expect.stringContaining('text/csv') },
  });
});

describe('[G75] a body that may be a frame', () => {
  const search = jsonOrFrame(z.strictObject({ vector: vectorFloats, n: z.number() }), { field: 'vector' });
  const framed = (bytes: BodyInit, type = VECTOR_FRAME_TYPE) => post(bytes, { 'content-type': type });
  const frame = writeFrame({ vector: 0, n: 1 }, Float32Array.of(1, 2), 2);

  it('is read as JSON or as a frame, also compressed, by its media type', async () => {
    const expected = { ok: true, value: { vector: Float32Array.of(1, 2), n: 1 } };
    expect(await readBody(framed(frame), search)).toEqual(expected);
    expect(await readBody(post('{"vector": [1, 2], "n": 1}'), search)).toEqual(expected);
    const zipped = post(await gzipped(frame), { 'content-type': VECTOR_FRAME_TYPE, 'content-encoding': 'gzip' });
    expect(await readBody(zipped, search)).toEqual(expected);
  });

  it('is refused as another media type where there is no vector to send, or beyond the limits', async () => {
    expect(await codeOf(framed(frame))).toBe('unsupported_media_type');
    const other = await readBody(framed(frame, 'text/plain'), search);
    expect(other).toMatchObject({ error: { message: expect.stringContaining(`application/json or ${VECTOR_FRAME_TYPE}`) } });
    expect(await readBody(framed(frame), { ...search, bytesMax: 40 })).toMatchObject({ error: { code: 'payload_too_large' } });
    const wide = writeFrame({ vector: 0, n: 1, more: 'x'.repeat(API_LIMITS.jsonBodyBytesMax) }, Float32Array.of(1, 2), 2);
    expect(await readBody(framed(wide), { ...search, bytesMax: 2 * wide.length })).toMatchObject({ error: { code: 'payload_too_large' } });
  });
});
