import { describe, expect, it } from 'vitest';

import type { FoundChunk, StoredChunk } from '../../../src/documents/passages/passage.ts';
import { assemblePassages } from '../../../src/documents/passages/assemble-passages.ts';
import { DEFAULT_SUPPORT, supportedChunks } from '../../../src/documents/passages/supported-chunks.ts';

const LENGTH = 10;

/** The chunk of a document at a position, 12 units behind the one before it. */
const stored = (position: number, more: Partial<StoredChunk> = {}): StoredChunk => {
  const begin = position * (LENGTH + 2);
  const text = `chunk ${String(position).padStart(4, '0')}`;
  return {
    document: 'd',
    position,
    begin,
    end: begin + LENGTH,
    text,
    headings: [],
    section: 0,
    page: null,
    line: null,
    tokens: 5,
    ...more,
  };
};
const foundAt = (position: number, score: number, more: Partial<StoredChunk> = {}): FoundChunk => ({ ...stored(position, more), score });
const NOTHING = { around: [], sections: [] };
const ALONE = { neighbours: 0, support: 0, tokensMax: 1_000 };

describe('support', () => {
  it('adds the scores of neighbours, each step away counting for less [DC30]', () => {
    const found = [foundAt(5, 10), foundAt(6, 6), foundAt(8, 8), foundAt(20, 2)];
    const around = [4, 7, 9].map((position) => stored(position));
    const supported = supportedChunks(found, around, { neighbours: 2, support: 0.5 });
    expect(supported.map(({ chunk, score }) => [chunk.position, score])).toEqual(
      [
        [5, 1 + 0.5 * 0.5],
        [6, 0.5 + 0.5 + 0.25 * 0.75],
        [7, 0.5 * 0.5 + 0.5 * 0.75 + 0.25],
        [8, 0.75 + 0.25 * 0.5],
        [4, 0.5 + 0.25 * 0.5],
        [9, 0.375],
        [20, 0],
      ].toSorted((a, b) => b[1]! - a[1]! || a[0]! - b[0]!),
    );
  });

  it('is of one document, and a chunk with nothing found near it is none [DC30]', () => {
    const found = [foundAt(1, 1), foundAt(2, 1, { document: 'e' })];
    expect(
      supportedChunks(found, [stored(9), stored(2)], DEFAULT_SUPPORT).map(({ chunk, score }) => [chunk.document, chunk.position, score]),
    ).toEqual([
      ['d', 1, 1],
      ['e', 2, 1],
      ['d', 2, 0.5],
    ]);
  });

  it('of equal ones the first by document and position comes first; none of nothing [DC30]', () => {
    const found = [foundAt(3, 7), foundAt(1, 7), foundAt(2, 7, { document: 'a' })];
    expect(supportedChunks(found, [], ALONE).map(({ chunk }) => [chunk.document, chunk.position])).toEqual([
      ['a', 2],
      ['d', 1],
      ['d', 3],
    ]);
    expect(supportedChunks([], [stored(1)], DEFAULT_SUPPORT)).toEqual([]);
    expect(() => supportedChunks([foundAt(1, Number.NaN)], [], ALONE)).toThrow('finite');
    expect(() => supportedChunks(found, [], { neighbours: 17, support: 0.5 })).toThrow('neighbours');
  });
});

describe('passages', () => {
  it('join chunks next to each other, the best passage first, each part with its citation [DC31]', () => {
    const found = [
      foundAt(7, 3),
      foundAt(2, 2, { page: 4, headings: ['A'] }),
      foundAt(3, 1),
      foundAt(2, 2.5, { document: 'e', text: 'other text' }),
    ];
    const passages = assemblePassages(found, NOTHING, ALONE);
    expect(passages.map(({ number, document, begin, end, text }) => [number, document, begin, end, text])).toEqual([
      [1, 'd', 84, 94, 'chunk 0007'],
      [2, 'e', 24, 34, 'other text'],
      [3, 'd', 24, 46, 'chunk 0002\n\nchunk 0003'],
    ]);
    expect(passages[2]?.parts).toEqual([
      { document: 'd', begin: 24, end: 34, page: 4, line: null, headings: ['A'], at: 0 },
      { document: 'd', begin: 36, end: 46, page: null, line: null, headings: [], at: 12 },
    ]);
    expect(passages[2]?.score).toBe(0.5);
  });

  it('have an overlap once, and nothing of what another has wholly [DC31]', () => {
    const text = 'abcdefghijklmnopqrst';
    const piece = (position: number, begin: number, end: number) => foundAt(position, 1, { begin, end, text: text.slice(begin, end) });
    const [passage, ...others] = assemblePassages([piece(0, 0, 8), piece(1, 5, 14), piece(2, 6, 12), piece(3, 14, 20)], NOTHING, ALONE);
    expect(others).toEqual([]);
    expect(passage).toMatchObject({ begin: 0, end: 20, text });
    expect(passage?.parts.map(({ begin, end, at }) => [begin, end, at])).toEqual([
      [0, 8, 0],
      [8, 14, 8],
      [14, 20, 14],
    ]);
  });

  it('have at most so many tokens together; what does not fit is passed over [DC32]', () => {
    const found = [foundAt(1, 9, { tokens: 6 }), foundAt(10, 8, { tokens: 6 }), foundAt(20, 7, { tokens: 4 })];
    const of = (tokensMax: number) => assemblePassages(found, NOTHING, { ...ALONE, tokensMax }).map(({ begin }) => begin / 12);
    expect([of(10), of(11), of(16), of(3)]).toEqual([[1, 20], [1, 20], [1, 10, 20], []]);
  });

  it('have the same text once [DC32]', () => {
    const again = { text: 'said twice' };
    expect(
      assemblePassages([foundAt(1, 2, again), foundAt(1, 1, { ...again, document: 'e' })], NOTHING, ALONE).map(({ document }) => document),
    ).toEqual(['d']);
  });

  it('have all of a section once half of it is taken, as far as it fits [DC33]', () => {
    const section = [4, 5, 6, 7].map((position) => stored(position, { section: 48 }));
    const of = (positions: readonly number[], tokensMax = 1_000) =>
      assemblePassages(
        positions.map((position, at) => foundAt(position, 9 - at, { section: 48 })),
        { around: [], sections: [section] },
        { ...ALONE, tokensMax },
      ).map(({ parts }) => parts.map(({ begin }) => begin / 12));
    expect(of([5])).toEqual([[5]]);
    expect(of([5, 7])).toEqual([[4, 5, 6, 7]]);
    expect(of([5, 7], 15)).toEqual([[4, 5], [7]]);
    expect(assemblePassages([foundAt(5, 1)], { around: [], sections: [[]] }, ALONE).length).toBe(1);
  });
});
