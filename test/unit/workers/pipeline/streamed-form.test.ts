import * as z from 'zod';
import { describe, expect, it } from 'vitest';

import { FILE_LIMITS } from '../../../../src/contract/files/file-limits.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { BodyBudget } from '../../../../src/gateway/api/body-budget.ts';
import type { ContentSink } from '../../../../src/gateway/files/file-store.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { BodyIntake } from '../../../../workers/gateway/pipeline/body-intake.ts';
import { readForm } from '../../../../workers/gateway/pipeline/streamed-form.ts';
import { VirtualTime } from '../../../support/worlds/virtual-time.ts';

const FILE = z.custom<{ name: string; size: number }>((part) => typeof part === 'object');
const BODY = {
  kind: 'multipart',
  file: 'file',
  schema: z.strictObject({ file: FILE, purpose: z.enum(['batch']) }),
  bytesMax: 1_000_000,
} as const;

/** What the form is read as, and what went into the sink. */
async function read(body: BodyInit, boundary = 'b', bytesMax: number = BODY.bytesMax, sinkMax = Number.POSITIVE_INFINITY) {
  const time = new VirtualTime();
  const budget = new BodyBudget();
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
  const request = new Request('http://sluice/', { method: 'POST', body, headers, duplex: 'half' } as RequestInit);
  const intake = new BodyIntake({ budget, clock: time, timer: time }, request, 'key', 'stream');
  const stored: Uint8Array[] = [];
  let most = 0;
  const sink: ContentSink = {
    write: async (bytes) => {
      stored.push(bytes.slice());
      most = Math.max(most, budget.bytes);
      return stored.reduce((sum, { length }) => sum + length, 0) > sinkMax ? refuse('limit_exceeded', 'too many bytes', 'file') : ok(null);
    },
  };
  const outcome = await readForm(request, intake, { ...BODY, bytesMax }, sink);
  intake.release();
  return { outcome, content: Buffer.concat(stored), most };
}

const field = (name: string, value: string) => `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const file = (content: string, name = 'file', filename = 'a.jsonl') =>
  `--b\r\nContent-Disposition: form-data; name="${name}"; filename="${filename}"\r\ncontent-type: text/plain\r\n\r\n${content}\r\n`;
const END = '--b--\r\n';

describe('[G14] a form whose file is stored as it comes', () => {
  it('is read alike whether its fields come before or behind the file', async () => {
    for (const body of [file('content') + field('purpose', 'batch') + END, field('purpose', 'batch') + file('content') + END]) {
      const { outcome, content } = await read(body);
      expect(outcome).toEqual({ ok: true, value: { purpose: 'batch', file: { name: 'a.jsonl', size: 7 } } });
      expect(content.toString()).toBe('content');
    }
  });

  it('is read as the runtime writes it, with any characters in its names', async () => {
    for (const name of ['a.jsonl', 'größe 水.jsonl', 'quote".txt', 'a%22b', 'line\nbreak', '𝄞']) {
      const form = new FormData();
      form.set('file', new Blob(['{}\n']), name);
      form.set('purpose', 'batch');
      const request = new Request('http://sluice/', { method: 'POST', body: form });
      const boundary = /boundary=(.*)$/.exec(request.headers.get('content-type') ?? '')?.[1] ?? '';
      const { outcome } = await read(await request.arrayBuffer(), boundary);
      // What a browser cannot tell apart, a reader cannot either.
      const expected = name.replaceAll('%22', '"');
      expect(outcome).toEqual({ ok: true, value: { purpose: 'batch', file: { name: expected, size: 3 } } });
    }
  });

  it('holds a bounded part of the memory for bodies, however large the file is', async () => {
    const bytes = 3 * FILE_LIMITS.formHeldBytesMax;
    const { outcome, content, most } = await read(file('x'.repeat(bytes)) + field('purpose', 'batch') + END, 'b', 2 * bytes);
    expect(outcome).toMatchObject({ ok: true });
    expect(content.length).toBe(bytes);
    expect(most).toBe(FILE_LIMITS.formHeldBytesMax);
  });

  it.each([
    ['an invalid byte', [0x61, 0xff]],
    ['half a surrogate pair', [0xed, 0xa0, 0x80]],
    ['U+FFFD itself', [0xef, 0xbf, 0xbd]],
  ])('[G30] whose file name has %s is refused, because two names would be the same', async (_, name) => {
    const [before, after] = file('x', 'file', '|').split('|');
    const { outcome } = await read(new Blob([before!, Uint8Array.from(name), after!, END]));
    expect(outcome).toMatchObject({ error: { code: 'invalid_value', path: ['file'] } });
  });

  it('[G30] whose field is not UTF-8 is refused', async () => {
    const [before, after] = field('purpose', '|').split('|');
    const { outcome } = await read(new Blob([before!, Uint8Array.of(0xff), after!, file('x'), END]));
    expect(outcome).toMatchObject({ error: { code: 'invalid_value', path: ['purpose'] } });
  });

  const PURPOSE = field('purpose', 'batch');
  it.each([
    ['a value that is not taken', file('x') + field('purpose', 'x') + END, 'invalid_value', ['purpose']],
    ['a field too many', file('x') + PURPOSE + field('more', 'x') + END, 'invalid_value', undefined],
    ['no file', PURPOSE + END, 'invalid_value', ['file']],
    ['its file as a field', field('file', 'x') + PURPOSE + END, 'invalid_value', ['file']],
    ['two files', file('x') + file('y') + PURPOSE + END, 'invalid_value', ['file']],
    ['another file', file('x', 'data') + PURPOSE + END, 'invalid_value', ['data']],
    ['a field twice', file('x') + PURPOSE + PURPOSE + END, 'invalid_value', ['purpose']],
    ['a part without a name', `--b\r\ncontent-disposition: form-data\r\n\r\nx\r\n${END}`, 'invalid_value', undefined],
    ['a part without a disposition', `--b\r\ncontent-type: text/plain\r\n\r\nx\r\n${END}`, 'invalid_value', undefined],
    ['a name twice', `--b\r\ncontent-disposition: form-data; name="file"; name="purpose"\r\n\r\nx\r\n${END}`, 'invalid_value', undefined],
    ['another disposition', `--b\r\ncontent-disposition: attachment; name="file"\r\n\r\nx\r\n${END}`, 'invalid_value', undefined],
    [
      'encoded content',
      file('x').replace('text/plain', 'text/plain\r\ncontent-transfer-encoding: base64') + END,
      'invalid_value',
      ['file'],
    ],
    ['no end', file('x') + PURPOSE, 'invalid_value', undefined],
    ['nothing', '', 'invalid_value', undefined],
    ['too many parts', file('x') + Array.from({ length: 40 }, (_, n) => field(`f${n}`, 'x')).join('') + END, 'limit_exceeded', undefined],
    [
      'fields that are too long',
      file('x') + field('purpose', 'x'.repeat(FILE_LIMITS.formFieldsBytesMax + 1)) + END,
      'limit_exceeded',
      undefined,
    ],
    ['a head that is too long', file('x', 'file', 'n'.repeat(FILE_LIMITS.formHeadBytesMax)) + END, 'limit_exceeded', undefined],
  ])('with %s is refused', async (_, body, code, path) => {
    const { outcome } = await read(body);
    expect(outcome).toMatchObject({ ok: false, error: { code, ...(path === undefined ? {} : { path }) } });
  });

  it('is refused once it has too many bytes, as a body or as a file, and for want of a boundary', async () => {
    const body = file('x'.repeat(200_000)) + PURPOSE + END;
    expect((await read(body, 'b', 100_000)).outcome).toMatchObject({ error: { code: 'payload_too_large' } });
    const refused = await read(body, 'b', BODY.bytesMax, 50_000);
    expect(refused.outcome).toMatchObject({ error: { code: 'limit_exceeded', path: ['file'] } });
    expect(refused.content.length).toBeLessThan(200_000);
    for (const boundary of ['', '"', 'b'.repeat(71), '""'])
      expect((await read(body, boundary)).outcome).toMatchObject({ error: { path: ['content-type'] } });
  });

  it('whose sender is cut off is refused as one that ended early', async () => {
    const broken = new ReadableStream({
      type: 'bytes',
      start: (controller) => controller.enqueue(new TextEncoder().encode(file('x').slice(0, -3))),
      pull: () => Promise.reject(new Error('the connection is gone')),
    });
    expect((await read(broken as unknown as BodyInit)).outcome).toMatchObject({ error: { code: 'invalid_value' } });
  });
});
