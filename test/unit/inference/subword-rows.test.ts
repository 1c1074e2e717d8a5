import { describe, expect, it } from 'vitest';
import { rowCount, rowOf } from '../../../src/inference/build/matrix.ts';
import { misspellings } from '../../../src/inference/build/misspellings.ts';
import { subwordRows, withSubwords } from '../../../src/inference/build/subword-rows.ts';
import { LETTER_BUCKETS, PieceList, SubwordPieces } from '../../../src/inference/static/subword-pieces.ts';

const words = ['river', 'rivers', 'banker', 'bank', 'music'];
const targets = { columns: 2, values: Float64Array.of(1, 0, 0.8, 0.6, 0, 1, 0, 1, -1, 0) };
const parameters = { ridge: 0.5, iterations: 30, identityNorm: 0, gain: 1, hashedNorm: 2, seed: 3 };
const lengthOf = (row: Float64Array) => Math.hypot(...row);

function gramsOf(word: string): number[] {
  const list = new PieceList();
  new SubwordPieces(list, 0).ofLetters(new TextEncoder().encode(word), word.length);
  return [...list.copy()];
}

describe('rows of n-grams', () => {
  const rows = subwordRows({ words, targets, parameters });
  const sumOf = (word: string, d: number) => gramsOf(word).reduce((sum, gram) => sum + rowOf(rows, gram)[d]!, 0);

  it('[M66] solve the ridge regression on the words they were fitted to', () => {
    // The gradient at the solution: for each n-gram, the errors of its words are the penalty's.
    for (const gram of new Set(words.flatMap(gramsOf))) {
      for (const d of [0, 1]) {
        const errors = words.map(
          (word, at) => gramsOf(word).filter((own) => own === gram).length * (rowOf(targets, at)[d]! - sumOf(word, d)),
        );
        expect(errors.reduce((sum, error) => sum + error, 0)).toBeCloseTo(parameters.ridge * rowOf(rows, gram)[d]!, 6);
      }
    }
  });

  it('[M66] carry over to words that share n-grams, and are zero where none does', () => {
    expect(sumOf('riverside', 0)).toBeGreaterThan(0.3);
    expect(sumOf('banks', 1)).toBeGreaterThan(0.3);
    expect(sumOf('zzq', 0)).toBe(0);
  });

  it('[M66] are the same bits when repeated; hashed rows have about the length asked for', () => {
    expect(
      Buffer.compare(new Uint8Array(subwordRows({ words, targets, parameters }).values.buffer), new Uint8Array(rows.values.buffer)),
    ).toBe(0);
    let sum = 0;
    for (let bucket = LETTER_BUCKETS; bucket < rowCount(rows); bucket++) sum += lengthOf(rowOf(rows, bucket)) ** 2;
    expect(Math.sqrt(sum / (rowCount(rows) - LETTER_BUCKETS))).toBeCloseTo(2, 1);
  });

  it('[M60] stand behind the rows of words, which stay as they are', () => {
    const first = {
      vocabulary: new TextEncoder().encode(words.join('\n')),
      table: { columns: 2, values: Float64Array.of(0, 0, ...targets.values) },
      axes: { columns: 2, values: Float64Array.of(1, 0, 0, 1) },
    };
    const rarer = { words: ['rivulet'], ranks: [9], wordsInSource: 9, vectors: { columns: 2, values: Float64Array.of(3, 0) } };
    const { table } = withSubwords(first, words, rarer, parameters);
    expect(table.values.subarray(0, 12)).toEqual(first.table.values);
    expect(rowCount(table)).toBe(6 + rowCount(rows));
    const rivulet = gramsOf('rivulet').reduce((sum, gram) => sum + rowOf(table, 6 + gram)[0]!, 0);
    expect(rivulet).toBeGreaterThan(0.5);
    expect(rivulet).toBeLessThan(1);
  });
});

describe('measures', () => {
  it('draws misspellings that are one edit away and no other word', () => {
    const drawn = misspellings(['river', 'rivers', 'no', 'bank'], 200, 1);
    expect(drawn).toEqual(misspellings(['river', 'rivers', 'no', 'bank'], 200, 1));
    for (const { text, word } of drawn) {
      expect([0, 1, 3]).toContain(word);
      expect(['river', 'rivers', 'bank']).not.toContain(text);
      expect(Math.abs(text.length - ['river', 'rivers', '', 'bank'][word]!.length)).toBeLessThanOrEqual(1);
    }
  });
});
