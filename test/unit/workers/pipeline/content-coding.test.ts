import * as z from 'zod';
import { describe, expect, it } from 'vitest';

import type { Body } from '../../../../src/contract/api/endpoint.ts';
import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import { BodyBudget } from '../../../../src/gateway/api/body-budget.ts';
import { BodyIntake } from '../../../../workers/gateway/pipeline/body-intake.ts';
import { decodedChunks } from '../../../../workers/gateway/pipeline/content-coding.ts';
import { readBody } from '../../../../workers/gateway/pipeline/request-body.ts';
import { VirtualTime } from '../../../support/worlds/virtual-time.ts';

const BODY = { kind: 'json', schema: z.unknown(), bytesMax: 4 * API_LIMITS.inflatedFreeBytesMax } as const;
const SMALL = { ...BODY, bytesMax: 32 };

type Part = string | Uint8Array<ArrayBuffer>;

const bytesOf = async (parts: Part[]) => new Uint8Array(await new Blob(parts).arrayBuffer());

async function packed(content: Part, format: 'gzip' | 'deflate' = 'gzip'): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([content]).stream().pipeThrough(new CompressionStream(format));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const time = new VirtualTime();

function read(bytes: Uint8Array<ArrayBuffer>, coding: string, body: Body = SMALL) {
  const headers = { 'content-type': 'application/json', 'content-encoding': coding };
  const request = new Request('http://sluice/', { method: 'POST', body: bytes, headers });
  return readBody(request, body, new BodyIntake({ budget: new BodyBudget(), clock: time, timer: time }, request, 'key'));
}

async function* chunksOf(bytes: Uint8Array, seen: () => void = () => undefined) {
  for (let at = 0; at < bytes.length; at += 65_536) {
    seen();
    yield bytes.subarray(at, at + 65_536);
  }
}

describe('a compressed body', () => {
  it('[G31] is decompressed', async () => {
    const text = '{"a": 1}';
    const bodies: [string, Uint8Array<ArrayBuffer>][] = [
      ['gzip', await packed(text)],
      ['X-GZIP', await packed(text)],
      ['deflate', await packed(text, 'deflate')],
      ['gzip', await bytesOf([await packed('{"a"'), await packed(': 1}')])],
      ['identity', await bytesOf([text])],
    ];
    for (const [coding, bytes] of bodies) expect(await read(bytes, coding)).toEqual({ ok: true, value: { a: 1 } });
  });

  it.each(['br', 'zstd', 'gzip, gzip', 'compress'])('[G31] in %s is refused, naming the header', async (coding) => {
    expect(await read(new Uint8Array(4), coding)).toMatchObject({
      ok: false,
      error: { code: 'unsupported_media_type', path: ['content-encoding'] },
    });
  });

  it('[G31] is refused where bytes are stored unchanged', async () => {
    const outcome = await read(new Uint8Array(4), 'gzip', { kind: 'bytes', bytesMax: 100 });
    expect(outcome).toMatchObject({ ok: false, error: { code: 'unsupported_media_type' } });
  });

  it('[G31] that is invalid, truncated or empty is refused', async () => {
    const whole = await packed('{"a": 1}');
    const flipped = whole.map((byte, at) => (at === whole.length - 6 ? byte ^ 1 : byte));
    for (const bytes of [new Uint8Array([1, 2, 3]), whole.subarray(0, whole.length - 4), new Uint8Array(), flipped]) {
      expect(await read(bytes, 'gzip')).toMatchObject({ ok: false, error: { code: 'invalid_value', path: ['content-encoding'] } });
    }
  });

  it('[G31] may expand to the limit of uncompressed bodies, and not one byte more', async () => {
    const longest = `{"a": 1${' '.repeat(SMALL.bytesMax - 8)}}`;
    expect(await read(await packed(longest, 'deflate'), 'deflate')).toEqual({ ok: true, value: { a: 1 } });
    expect(await read(await packed(`${longest} `, 'deflate'), 'deflate')).toMatchObject({
      ok: false,
      error: { code: 'payload_too_large' },
    });
  });

  it('[G31] that expands more than any real one is refused', async () => {
    const outcome = await read(await packed(' '.repeat(3 * API_LIMITS.inflatedFreeBytesMax)), 'gzip', BODY);
    expect(outcome).toMatchObject({
      ok: false,
      error: { code: 'payload_too_large', message: expect.stringContaining('inflatedRatioMax') },
    });
  });
});

describe('the chunks of a compressed stream', () => {
  it('[G31] are decompressed only as far as they are read', async () => {
    const noise = Array.from({ length: 64 }, () => crypto.getRandomValues(new Uint8Array(65_536)));
    const bytes = await packed(await bytesOf(noise));
    let chunksRead = 0;
    let first = 0;
    for await (const chunk of decodedChunks(
      chunksOf(bytes, () => (chunksRead += 1)),
      'gzip',
    )) {
      first = chunk.byteLength;
      break;
    }
    expect(first).toBeGreaterThan(0);
    expect(bytes.length).toBeGreaterThan(20 * 65_536);
    expect(chunksRead).toBeLessThan(10);
  });

  it('[G31] of a bomb end in a typed error as soon as they have expanded too much', async () => {
    const bomb = await packed('\n'.repeat(8 * API_LIMITS.inflatedFreeBytesMax));
    let inflated = 0;
    const inflate = async () => {
      for await (const chunk of decodedChunks(chunksOf(bomb), 'gzip')) inflated += chunk.byteLength;
    };
    await expect(inflate()).rejects.toMatchObject({ name: 'RefusedStream', refusal: { code: 'payload_too_large' } });
    expect(inflated).toBeLessThan(2 * API_LIMITS.inflatedFreeBytesMax);
  });

  it('[G31] end with the error of their source', async () => {
    const broken = async function* () {
      yield (await packed('{"a": 1}')).subarray(0, 10);
      throw new TypeError('the connection broke');
    };
    const inflate = async () => {
      for await (const _ of decodedChunks(broken(), 'gzip'));
    };
    await expect(inflate()).rejects.toThrow('the connection broke');
  });
});
