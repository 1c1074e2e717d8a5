import { describe, expect, it } from 'vitest';
import { VECTOR_LIMITS } from '../../../../../src/contract/vectors/vector-limits.ts';
import { err } from '../../../../../src/kernel/result.ts';
import type { ImportBatch } from '../../../../../src/gateway/vectors/bulk/import-batch.ts';
import { batchesOf, readLine } from '../../../../../src/gateway/vectors/bulk/import-batch.ts';
import { utf8 } from '../../../../../src/kernel/bytes.ts';
import { rawLines } from '../../../../../src/kernel/raw-lines.ts';
import { Seeded } from '../../../../../src/kernel/seeded.ts';
import { faultOf } from '../../../../support/fixtures/fault-of.ts';

const START = { lines: 0, bytes: 0 };

/** The bytes in pieces of at most `most`, counting how many were read. */
async function* pieces(bytes: Uint8Array, most: number, seed: number, read = { bytes: 0 }): AsyncGenerator<Uint8Array> {
  const random = new Seeded(seed);
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + Math.floor(random.next() * most));
    read.bytes = end;
    yield bytes.subarray(at, end);
    at = end;
  }
}

const textOf = (content: Uint8Array | undefined) => (content === undefined ? undefined : new TextDecoder().decode(content));

const batchesIn = (text: string, most = 1 << 16, start = START): Promise<ImportBatch[]> =>
  Array.fromAsync(batchesOf(pieces(utf8(text), most, 1), start));

const shape = (batches: readonly ImportBatch[]) =>
  batches.map(({ from, until, lines, fault }) => [
    from,
    until,
    lines.map(({ vector, before, behind }) => [vector.id, before.lines, behind?.bytes]),
    fault?.refusal.code,
  ]);

const line = (fields: object): string => `${JSON.stringify(fields)}\n`;

const linesOf = (chunks: AsyncIterable<Uint8Array>) => rawLines(chunks, VECTOR_LIMITS.importLineBytesMax);

describe('lines of a stream', () => {
  it('[B1] are the same in chunks of any size, and are read only as far as requested', async () => {
    const text = 'ein Körper\n\n🌊 zwei\r\nlast';
    for (let most = 1; most < 30; most += 1) {
      const lines = await Array.fromAsync(linesOf(pieces(utf8(text), most, most)));
      expect(lines.map(({ content }) => textOf(content))).toEqual(['ein Körper', '', '🌊 zwei\r', 'last']);
      expect(lines.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(utf8(text).length);
    }
    const read = { bytes: 0 };
    const lazy = linesOf(pieces(utf8('x\n'.repeat(100_000)), 100, 1, read));
    await lazy.next();
    expect(read.bytes).toBeLessThanOrEqual(100);
  });

  it('[B1] report a line that is too long at once, and skip its rest', async () => {
    const text = `ok\n${'x'.repeat(VECTOR_LIMITS.importLineBytesMax + 1)}\nnext`;
    const lines = await Array.fromAsync(linesOf(pieces(utf8(text), 1 << 16, 1)));
    expect(lines.map(({ content }) => content?.length)).toEqual([2, undefined, 4]);
    expect(readLine(lines[1]!)).toMatchObject({ error: { code: 'limit_exceeded' } });
    const read = { bytes: 0 };
    const lazy = linesOf(pieces(utf8(text + 'x'.repeat(VECTOR_LIMITS.importLineBytesMax)), 1 << 16, 1, read));
    for (let done = 0; done < 2; done += 1) await lazy.next();
    expect(read.bytes).toBeLessThanOrEqual(VECTOR_LIMITS.importLineBytesMax + (1 << 16));
  });
});

describe('batches of lines', () => {
  it('[B3] depend on the lines and not on the chunks, and are the same from the start of any batch', async () => {
    const random = new Seeded(7);
    const ids = Array.from({ length: 5_000 }, () => `v${Math.floor(random.next() * 4_000)}`);
    const text = ids.map((id, i) => (i % 97 === 0 ? '\n' : '') + line({ id, values: [i, 1] })).join('');
    const whole = await batchesIn(text);
    expect(whole.length).toBeGreaterThan(20);
    for (const most of [1, 7, 1000]) expect(shape(await batchesIn(text, most))).toEqual(shape(whole));
    for (const at of [1, 9, whole.length - 1]) {
      const { from } = whole[at]!;
      expect(shape(await batchesIn(text.slice(from.bytes), 333, from))).toEqual(shape(whole.slice(at)));
    }
  });

  it('[B2] contain no id twice, and at most as many vectors as an upsert', async () => {
    const text = Array.from({ length: 2_500 }, (_, i) => line({ id: `v${i % 1_800}`, values: [i, 1] })).join('');
    const batches = await batchesIn(text);
    expect(batches.map(({ lines }) => lines.length)).toEqual([1000, 1000, 500]);
    for (const { lines } of batches) expect(new Set(lines.map(({ vector }) => vector.id)).size).toBe(lines.length);
    const twice = await batchesIn(
      line({ id: 'a', values: [1, 1] }) + line({ id: 'a', namespace: 'n', values: [2, 2] }) + line({ id: 'a', values: [3, 3] }),
    );
    expect(twice.map(({ lines }) => lines.length)).toEqual([2, 1]);
  });

  it('have bounded bytes, and bounded characters to embed', async () => {
    const long = Array.from({ length: 20 }, (_, i) => line({ id: `v${i}`, text: 'w '.repeat(30_000) })).join('');
    for (const { lines } of await batchesIn(long)) {
      const chars = lines.reduce((sum, { vector }) => sum + (vector.text?.length ?? 0), 0);
      expect(chars).toBeLessThanOrEqual(VECTOR_LIMITS.importBatchTextCharsMax);
    }
    const values = Array.from({ length: 4_000 }, (_, i) => i / 7);
    const wide = await batchesIn(Array.from({ length: 400 }, (_, i) => line({ id: `v${i}`, values })).join(''));
    expect(wide.length).toBeGreaterThan(1);
    for (const { from, until } of wide) expect(until.bytes - from.bytes).toBeLessThanOrEqual(VECTOR_LIMITS.importBatchBytesMax);
  });

  it('[B5] end before the first bad line, which is named', async () => {
    const good = line({ id: 'a', values: [1, 2] });
    const cases: [string, string, string | undefined, RegExp][] = [
      ['{', 'malformed_json', undefined, /not valid/],
      [JSON.stringify({ id: 'b', values: [1, 'x'] }), 'invalid_value', 'values[1]', /it is "x"$/],
      [JSON.stringify({ id: 'b', values: [1, 2], metadata: [1] }), 'invalid_value', 'metadata', /it is \[1\]$/],
      [JSON.stringify({ id: 'b' }), 'invalid_value', undefined, /`values`, `text` or `fields`/],
      [JSON.stringify({ id: 'b', values: [1, 2], extra: 1 }), 'invalid_value', 'extra', /it is 1$/],
      [JSON.stringify({ id: 'b', values: [1, 2], namespace: 'n'.repeat(65) }), 'limit_exceeded', 'namespace', /…$/],
      ['7', 'invalid_value', undefined, /./],
    ];
    for (const [bad, code, param, message] of cases) {
      const [batch, ...others] = await batchesIn(`${good}\n${bad}\n${good}`);
      expect(others).toEqual([]);
      expect(batch).toMatchObject({ lines: [{ vector: { id: 'a' } }], until: { lines: 2 } });
      const refused = batch?.fault === undefined ? undefined : faultOf(err(batch.fault.refusal));
      expect(refused).toMatchObject({ code, param: param ?? null, message: expect.stringMatching(message) });
      expect(batch?.fault).toMatchObject({ before: { lines: 2 }, behind: { lines: 3, bytes: utf8(`${good}\n${bad}\n`).length } });
    }
  });

  it('[B12] skip the progress lines of an export, and nothing else', async () => {
    const text =
      line({ export: { status: 'running' } }) + line({ id: 'a', values: [1, 2], text: 'kept', metadata: null }) + line({ export: {} });
    const [batch] = await batchesIn(text);
    expect(batch).toMatchObject({ lines: [{ vector: { id: 'a', text: 'kept', metadata: null } }], until: { lines: 3 }, fault: undefined });
    const [odd] = await batchesIn(line({ export: {}, id: 'b' }));
    expect(odd?.fault?.refusal.code).toBe('invalid_value');
  });
});
