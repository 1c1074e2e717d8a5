import { describe, expect, it } from 'vitest';

import { DOCUMENT_LIMITS } from '../../../src/contract/documents/document-limits.ts';
import type { SourceFormat } from '../../../src/documents/blocks/block-reader.ts';
import { BlockReader } from '../../../src/documents/blocks/block-reader.ts';
import { blocksOf, chunked, inSlices } from '../../support/documents/read.ts';

const { blockCharsMax, recordCharsMax } = DOCUMENT_LIMITS;
const CSV = { kind: 'csv' } as const;
const JSONL = { kind: 'jsonl', fields: ['title', 'text'] } as const;

const refusalOf = (source: string, format: SourceFormat) => {
  const read = inSlices(new BlockReader(format), source, { chars: 10_000 });
  return read.ok ? undefined : read.error;
};

describe('CSV', () => {
  it('is a block a record under the first, with quotes, line ends in them and blank lines [DC6]', () => {
    const source = '\uFEFFid;name\r\n1;"a ""b""\r\nc"\r\n\r\n2;d\r\n';
    const blocks = blocksOf(source, CSV);
    expect(blocks.map(({ begin, end, line, header }) => [source.slice(begin, end), line, header?.text])).toEqual([
      ['1;"a ""b""\r\nc"', 2, 'id;name'],
      ['2;d', 5, 'id;name'],
    ]);
    expect(new Set(blocks.map(({ header }) => header)).size).toBe(1);
  });

  it('has the delimiter that is given, or that of its first line [DC6]', () => {
    expect(blocksOf('a,b\n"x\ty"\tz\n', { kind: 'csv', delimiter: '\t' }).length).toBe(1);
    expect(refusalOf('a,b\n"x\ty"\tz\n', CSV)).toMatchObject({ message: 'line 2 has text behind a quoted field' });
    expect(blocksOf('sep=;\na;b\n1;2\n', CSV).map(({ line }) => line)).toEqual([3]);
  });

  it('that has only a header is one record [DC6]', () => {
    const source = 'a,b\n';
    expect(blocksOf(source, CSV).map(({ begin, end, header }) => [source.slice(begin, end), header])).toEqual([['a,b', null]]);
  });

  it('has the same records and lines however it comes [DC1]', () => {
    const source = `a,b\r\n${'1,"two\r\nlines"\r\n'.repeat(4_000)}3,"${'long '.repeat(12_000)}"\r\n4,5`;
    const whole = blocksOf(source, CSV, source.length);
    expect(whole.at(-1)).toMatchObject({ line: 8_003, end: source.length });
    for (const chars of [999, 16_001]) expect(blocksOf(source, CSV, chars)).toEqual(whole);
  });

  it('that is not well formed or has too long a record is refused by its line [DC6]', () => {
    expect(refusalOf(`a\n${'x\n'.repeat(20_000)}"open`, CSV)).toMatchObject({
      code: 'invalid_value',
      message: 'line 20002 has a quoted field that does not end',
    });
    expect(refusalOf(`a\nb"c\n${'x\n'.repeat(20_000)}`, CSV)).toMatchObject({ message: expect.stringMatching(/^line 2 has a quote/) });
    for (const endless of [`"${'x'.repeat(recordCharsMax)}"\n`, `${'x'.repeat(recordCharsMax + 1)}\n`])
      expect(refusalOf(`a\n${endless}${'y\n'.repeat(9_000)}`, CSV)).toMatchObject({
        code: 'limit_exceeded',
        message: expect.stringMatching(/^the record of line 2 has more characters; the limit is 262144 \(recordCharsMax\)/),
      });
    expect(blocksOf(`a\n${'x '.repeat(recordCharsMax / 2)}\ny`, CSV).length).toBe(Math.ceil(recordCharsMax / blockCharsMax) + 1);
  });
});

describe('JSON lines', () => {
  it('are the chosen fields in their order, as their escapes are read, with lines of the source [DC7]', () => {
    const source =
      '\uFEFF{"text":"caf\\u00e9\\nbar","id":1,"title":"One"}\n\n{"title":null,"text":"two"}\r\n{"title":" "}\n{"text":"last"}';
    expect(blocksOf(source, JSONL).map(({ line, begin, end }) => [line, begin, end])).toEqual([
      [1, 0, 3],
      [1, 5, 13],
      [3, 15, 18],
      [5, 20, 24],
    ]);
    const [chunk] = chunked(source, { format: JSONL });
    expect(chunk).toMatchObject({ text: 'One\n\ncafé\nbar\n\ntwo\n\nlast', line: 1, begin: 0, end: 24 });
  });

  it('that are no objects, or have not the fields, are refused by their line [DC7]', () => {
    expect(refusalOf('{"text":"a"}\n[1]', JSONL)?.message).toBe('line 2 is not a JSON object');
    expect(refusalOf('{"text":"a"}\n\n{"text":', JSONL)?.message).toBe('line 3 is not a JSON object');
    expect(refusalOf('{"other":"a"}\n', JSONL)?.message).toBe('line 1 has none of the fields "title", "text"');
    expect(refusalOf('{"__proto__":{"text":"a"}}', JSONL)?.message).toContain('none of the fields');
    expect(refusalOf('{"text":5}\n', JSONL)?.message).toBe('line 1 has a field "text" that is not a string');
    expect(refusalOf(`{"text":"a"}\n{"text":"${'x'.repeat(recordCharsMax)}"}\n`, JSONL)).toMatchObject({
      code: 'limit_exceeded',
      message: expect.stringContaining('line 2 has more characters'),
    });
  });

  it('have the same blocks and chunks however they come [DC1]', () => {
    const source = Array.from({ length: 2_000 }, (_, at) => `{"text":"Record ${at} says something."}`).join('\n');
    const whole = chunked(source, { format: JSONL, chars: source.length });
    for (const chars of [777, 16_000]) expect(chunked(source, { format: JSONL, chars })).toEqual(whole);
  });
});
