import { describe, expect, it } from 'vitest';

import { DOCUMENT_LIMITS } from '../../../src/contract/documents/document-limits.ts';
import { BlockReader } from '../../../src/documents/blocks/block-reader.ts';
import { blocksOf, inSlices } from '../../support/documents/read.ts';

const { blockCharsMax } = DOCUMENT_LIMITS;
const TEXT = { kind: 'text' } as const;

const textsOf = (source: string, format: Parameters<typeof blocksOf>[1] = TEXT): string[] =>
  blocksOf(source, format).map(({ begin, end }) => source.slice(begin, end));

describe('plain text', () => {
  it('is paragraphs between blank lines, whatever white space is on those [DC5]', () => {
    expect(textsOf('One.\nStill one.\n \t\nTwo.\r\n\r\n\r\nThree.  \n')).toEqual(['One.\nStill one.', 'Two.', 'Three.']);
    expect(textsOf(' \n\n \n')).toEqual([]);
    expect(textsOf('')).toEqual([]);
    expect(textsOf('\uFEFFOne.')).toEqual(['One.']);
  });

  it('is read on behind the end of a step as if there was none [DC5]', () => {
    const paragraphs = Array.from({ length: 900 }, (_, at) => `Paragraph ${at} ${'has words '.repeat(at % 7)}ends.`);
    expect(textsOf(paragraphs.join('\n\n'))).toEqual(paragraphs);
  });

  it('has its pages divided by form feeds, and no block on two of them [DC4]', () => {
    const source = 'First\f\fThird, one.\n\nThird, two.\fFourth';
    expect(blocksOf(source, TEXT).map(({ begin, end, page }) => [source.slice(begin, end), page])).toEqual([
      ['First', 1],
      ['Third, one.', 3],
      ['Third, two.', 3],
      ['Fourth', 4],
    ]);
    const long = `${'word '.repeat(blockCharsMax / 5)}\f${'next '.repeat(10)}`;
    expect(blocksOf(long, TEXT).map(({ page, end }) => [page, end])).toEqual([
      [1, blockCharsMax - 1],
      [2, long.length - 1],
    ]);
  });
});

describe('a block that is too long', () => {
  it('is divided behind a line end, or else a space, or else a character [DC3]', () => {
    const lines = `${'x'.repeat(blockCharsMax - 10)}\n${'y z '.repeat(10)}`;
    expect(textsOf(lines)).toEqual([lines.slice(0, blockCharsMax - 10), lines.slice(blockCharsMax - 9).trim()]);
    const words = `${'x'.repeat(blockCharsMax - 10)} ${'y'.repeat(20)}`;
    expect(textsOf(words).map(({ length }) => length)).toEqual([blockCharsMax - 10, 20]);
    const pairs = `x${'😀'.repeat(blockCharsMax / 2)}`;
    expect(textsOf(pairs)).toEqual([pairs.slice(0, blockCharsMax - 1), '😀']);
  });

  it('is none that just fits [DC3]', () => {
    expect(textsOf('x y '.repeat(blockCharsMax / 4)).length).toBe(1);
    expect(textsOf(`${'x y '.repeat(blockCharsMax / 4)}z`).length).toBe(2);
  });
});

describe('a reader of blocks', () => {
  it('refuses a document beyond its limit by name, before it is read [DC16]', () => {
    const slice = 'word '.repeat(DOCUMENT_LIMITS.documentCharsMax / 50);
    const reader = new BlockReader({ kind: 'text' });
    for (let pushed = 0; pushed < 10; pushed += 1) {
      const step = reader.push(slice).next();
      expect(step.done === true && !step.value.ok).toBe(false);
    }
    expect(reader.push('x').next()).toMatchObject({
      done: true,
      value: { ok: false, error: { code: 'limit_exceeded', limit: { name: 'documentCharsMax' } } },
    });
  });

  it('keeps only what is still to be read of a long text without blocks [DC1]', () => {
    const reader = new BlockReader({ kind: 'text' });
    for (let pushed = 0; pushed < 40; pushed += 1) {
      for (const step of reader.push(' '.repeat(65_536))) expect(step).toBeUndefined();
      reader.text.release(reader.text.passed);
    }
    expect(() => reader.text.slice({ begin: 0, end: 1 })).toThrow('released');
    expect(reader.text.end - reader.text.passed).toBeLessThanOrEqual(blockCharsMax);
  });

  it('yields after each step of reading [DC2]', () => {
    const reader = new BlockReader({ kind: 'markdown' });
    expect([...reader.push('A paragraph.\n\n'.repeat(8_000))].length).toBeGreaterThanOrEqual(6);
  });

  it('takes the same blocks from slices of any length [DC1]', () => {
    const source = '# One\n\nA paragraph.\n\n- item\n  on\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```\n\fpage\n'.repeat(250);
    const whole = blocksOf(source, { kind: 'markdown' }, source.length);
    expect(inSlices(new BlockReader({ kind: 'markdown' }), source, { chars: 1_013 })).toEqual({ ok: true, value: whole });
  });
});
