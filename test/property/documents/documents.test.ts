import fc from 'fast-check';
import { expect, it } from 'vitest';

import { DOCUMENT_LIMITS } from '../../../src/contract/documents/document-limits.ts';
import type { SourceFormat } from '../../../src/documents/blocks/block-reader.ts';
import { embeddedText } from '../../../src/documents/chunks/chunk.ts';
import { changedChunks } from '../../../src/documents/chunks/changed-chunks.ts';
import type { FoundChunk } from '../../../src/documents/passages/passage.ts';
import { assemblePassages } from '../../../src/documents/passages/assemble-passages.ts';
import { checkCitations } from '../../../src/documents/passages/check-citations.ts';
import { blocksOf, chunked, countWords } from '../../support/documents/read.ts';

const words = fc.constantFrom('moon ', 'Sun', ' 😀 ', '月。', 'ก', '. ', '"', 'a-b', '[1]', '\t', '  ');
const part = fc.oneof(
  { weight: 6, arbitrary: words },
  fc.constantFrom(
    '\n',
    '\n\n',
    '\r\n',
    '\r\n\r\n',
    '\f',
    '\n# ',
    '\n## ',
    '\n### Deep\n',
    '\n---\n',
    '\n===\n',
    '\n> ',
    '\n- ',
    '\n  1. ',
    '\n    ',
  ),
  fc.constantFrom(
    '\n```\n',
    '\n~~~~\n',
    '\n| a | b |\n|---|---|\n| 1 | 2 |\n',
    '\n|',
    '|',
    '<div>\n',
    '[a]: b\n',
    '\uFEFF',
    '\0',
    '\uD800',
  ),
  fc.integer({ min: 1, max: 300 }).map((times) => 'Many words here. '.repeat(times)),
  fc.integer({ min: 1, max: 3_000 }).map((times) => 'x'.repeat(times)),
  fc.integer({ min: 60, max: 90 }).map((times) => ' '.repeat(times)),
);
const source = fc.array(part, { maxLength: 60 }).map((parts) => parts.join(''));
const long = fc
  .tuple(source, source, fc.integer({ min: 100, max: 1_200 }))
  .map(([a, b, times]) => `${a}${'Filler says nothing.\n'.repeat(times)}${b}`);
const format = fc.constantFrom<SourceFormat>({ kind: 'text' }, { kind: 'markdown' });
const settings = fc.record({
  chunkTokensMax: fc.integer({ min: DOCUMENT_LIMITS.chunkTokensMin, max: 200 }),
  overlapTokens: fc.integer({ min: 0, max: 4 }),
  hasContext: fc.boolean(),
});

it('blocks are apart, in order, bounded, and leave out nothing but white space and rules [DC2] [DC3]', () => {
  fc.assert(
    fc.property(fc.oneof(source, long), format, (text, of) => {
      let end = 0;
      let left = '';
      for (const block of blocksOf(text, of)) {
        expect(block.begin).toBeGreaterThanOrEqual(end);
        expect(block.end - block.begin).toBeGreaterThan(0);
        expect(block.end - block.begin).toBeLessThanOrEqual(DOCUMENT_LIMITS.blockCharsMax);
        expect(text.slice(block.begin, block.end).trim().length).toBe(block.end - block.begin);
        left += text.slice(end, block.begin);
        ({ end } = block);
      }
      left += text.slice(end);
      expect(left.replaceAll(of.kind === 'text' ? /\s/g : /[\s>*_-]/g, '')).toBe('');
    }),
    { numRuns: 150 },
  );
});

it('chunks are within their limits, have every block, and are the same however the source comes [DC1] [DC10]', () => {
  fc.assert(
    fc.property(fc.oneof(source, long), format, settings, fc.integer({ min: 1, max: 40_000 }), (text, of, chosen, sliceChars) => {
      const chunks = chunked(text, { format: of, settings: chosen, chars: text.length + 1 });
      expect(chunked(text, { format: of, settings: chosen, chars: Math.max(sliceChars, Math.ceil(text.length / 50)) })).toEqual(chunks);
      const isIn = new Uint8Array(text.length);
      for (const [position, chunk] of chunks.entries()) {
        expect(chunk).toMatchObject({ position, text: text.slice(chunk.begin, chunk.end) });
        expect(countWords(embeddedText(chunk))).toBeLessThanOrEqual(chunk.tokens);
        expect(chunk.tokens).toBeLessThanOrEqual(chosen.chunkTokensMax);
        if (!chosen.hasContext) expect(chunk.context).toBe('');
        isIn.fill(1, chunk.begin, chunk.end);
      }
      const left = blocksOf(text, of).flatMap(({ begin, end }) =>
        text
          .slice(begin, end)
          .split('')
          .filter((_, at) => isIn[begin + at] === 0),
      );
      expect(left.join('').trim()).toBe('');
      expect(new Set(chunks.map(({ id }) => id)).size).toBe(chunks.length);
    }),
    { numRuns: 150 },
  );
});

it('a version has what was kept and what was added, and removed is the rest of the old [DC19]', () => {
  fc.assert(
    fc.property(source, source, source, (a, b, c) => {
      const old = chunked(a + b + c).map(({ id }) => id);
      const now = chunked(a + c);
      const { added, kept, removed } = changedChunks(old, now);
      expect([...added, ...kept].map(({ id }) => id).toSorted()).toEqual(now.map(({ id }) => id).toSorted());
      expect(added.some(({ id }) => old.includes(id)) || kept.some(({ id }) => !old.includes(id))).toBe(false);
      expect([...removed, ...kept.map(({ id }) => id)].toSorted()).toEqual(old.toSorted());
    }),
    { numRuns: 80 },
  );
});

it('passages keep to their budget, and every part is the text of its document [DC31] [DC32] [DC35]', () => {
  fc.assert(
    fc.property(source, settings, fc.infiniteStream(fc.nat(99)), fc.integer({ min: 0, max: 400 }), (text, chosen, ranks, tokensMax) => {
      const scores = ranks[Symbol.iterator]();
      const all = chunked(text, { settings: chosen }).map((chunk) => ({ ...chunk, document: 'd', score: scores.next().value ?? 0 }));
      const found: FoundChunk[] = all.filter(({ score }) => score > 40);
      const passages = assemblePassages(found, { around: all, sections: [] }, { neighbours: 2, support: 0.5, tokensMax });
      expect(passages.reduce((sum, { tokens }) => sum + tokens, 0)).toBeLessThanOrEqual(tokensMax);
      for (const passage of passages) {
        for (const { begin, end, at } of passage.parts) expect(passage.text.slice(at, at + end - begin)).toBe(text.slice(begin, end));
        const quote = text
          .slice(passage.begin, passage.parts[0]!.end)
          .replaceAll(/[\s"“„«「『]+/g, ' ')
          .trim()
          .slice(0, 60);
        if (/["“„«「『]/.test(passage.text) || !/^[\w ]{4,}$/.test(quote)) continue;
        const checked = checkCitations(`It says "${quote}" [${passage.number}]`, passages);
        expect(checked).toMatchObject({ ok: true, value: { isSound: true } });
      }
    }),
    { numRuns: 150 },
  );
});
