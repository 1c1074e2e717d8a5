import { describe, expect, it } from 'vitest';
import { sumRows } from '../../../src/inference/build/build-static-model.ts';
import { fitPieceTable } from '../../../src/inference/build/distil/piece-table.ts';
import { rowCount, rowOf } from '../../../src/inference/build/matrix.ts';
import { ridgeRows, times } from '../../../src/inference/build/sparse-ridge.ts';
import { PIECE_BUCKETS, PieceTokeniser } from '../../../src/inference/static/piece-tokeniser.ts';
import { readStaticTable } from '../../../src/inference/static/static-model.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { normalise } from '../../../src/inference/unit-vectors.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { distilPieces, isHeldOut } from '../../../workers/builds/distil-pieces.ts';

const bags = { ids: Int32Array.of(0, 1, 1, 2, 0, 2), offsets: Int32Array.of(0, 2, 4, 6), weights: Float64Array.of(1, 2, 1, 0.5, 3, 1) };
const targets = { columns: 2, values: Float64Array.of(1, 0, 0, 1, -1, 2) };
const start = { columns: 2, values: Float64Array.of(0.2, 0, 0, 0.4, 1, -1, 5, 6) };

it('[M195] rows solve the weighted regression, drawn to where they began; what no text has stays there', () => {
  const ridge = 0.7;
  const rows = ridgeRows(bags, targets, { rows: 4, ridge, iterations: 12, start });
  const made = times(bags, rows);
  // The gradient at the solution is zero: what the errors pull at each row is the penalty's.
  for (let id = 0; id < 4; id++) {
    for (const d of [0, 1]) {
      let pull = 0;
      for (let bag = 0; bag < 3; bag++)
        for (let at = bags.offsets[bag]!; at < bags.offsets[bag + 1]!; at++)
          if (bags.ids[at] === id) pull += bags.weights[at]! * (rowOf(targets, bag)[d]! - rowOf(made, bag)[d]!);
      expect(pull).toBeCloseTo(ridge * (rowOf(rows, id)[d]! - rowOf(start, id)[d]!), 8);
    }
  }
  expect([...rowOf(rows, 3)]).toEqual([5, 6]);
});

const BEGINNINGS = Array.from({ length: 30 }, (_, i) => `${String.fromCharCode(97 + (i % 26))}${i}`);
const vocabulary = {
  tokeniser: 'piece-1',
  bytes: utf8(`${BEGINNINGS.join('\n')}\n\nzz`).slice(),
  texts: [...BEGINNINGS, 'zz'],
  ids: [...BEGINNINGS.map((_, i) => i + 1), 32],
};
const tokeniser = new PieceTokeniser(vocabulary.bytes);
const COLUMNS = 12;

/** A teacher that adds up hidden vectors of the pieces, and one that all texts have in common. */
function lesson(count = 600) {
  const rng = new Seeded(5);
  const hidden = Float64Array.from({ length: 31 * COLUMNS }, () => rng.next() - 0.5);
  const unit = (pieces: readonly number[]) => {
    const sum = Float64Array.from({ length: COLUMNS }, (_, d) =>
      pieces.reduce((total, p) => total + hidden[p * COLUMNS + d]!, d === 0 ? 4 : 0),
    );
    normalise(sum);
    return sum;
  };
  const chosen = Array.from({ length: count }, () =>
    Array.from({ length: 2 + Math.floor(rng.next() * 4) }, () => Math.floor(rng.next() * 30)),
  );
  const texts = chosen.map((pieces) => pieces.map((piece) => BEGINNINGS[piece]!).join(' '));
  const rows = [...chosen.map(unit), ...Array.from({ length: 31 }, (_, piece) => unit([piece]))];
  const vectors = Float32Array.from(rows.flatMap((row) => [...row]));
  return { texts, groups: texts.map((_, i) => `g${i}`), vectors, vocabulary };
}

const settings = { sifA: 0.05, ridge: 0.3, iterations: 20, dimensions: 8, seed: 3 };

describe('a table of pieces', () => {
  const taught = lesson();
  const student = distilPieces(taught, 'student', settings);

  it('[M196] finds what its teacher finds among texts that no fit saw', () => {
    expect(student.heldOut.texts).toBeGreaterThan(5);
    expect(student.heldOut.texts).toBeLessThan(40);
    const many = distilPieces({ ...taught, groups: taught.texts.map((_, i) => `h${i}`) }, 'student', { ...settings, dimensions: 11 });
    expect(many.heldOut.recallAt10).toBeGreaterThan(0.8);
  });

  it('[M196] is the same bytes when it is made again', () => {
    expect(Buffer.compare(distilPieces(taught, 'student', settings).file, student.file)).toBe(0);
  });

  it('[M196] opens as the static model of its rules, with a row for each id', () => {
    const table = readStaticTable(student.file);
    if (!table.ok) throw new Error(table.error.reason);
    expect(table.value).toMatchObject({ dimensions: 8, tokeniser: 'piece-1' });
    expect(table.value.scales).toHaveLength(tokeniser.vocabularySize);
    // The unknown token and the empty line are nothing; what is hashed is something.
    expect([0, 31].map((id) => table.value.scales[id])).toEqual([0, 0]);
    expect(table.value.scales.subarray(-PIECE_BUCKETS).every((scale) => scale > 0)).toBe(true);
  });

  it('[M196] texts of one group are all held out or all fitted', () => {
    expect(distilPieces({ ...taught, groups: taught.texts.map(() => 'one') }, 'student', settings).heldOut.texts).toBe(0);
  });

  it('[M196] what is held out moves no row', () => {
    const name = Array.from({ length: 1_000 }, (_, i) => `h${i}`).find(isHeldOut)!;
    const groups = taught.texts.map((_, i) => (i < 20 ? name : 'one'));
    const other = taught.vectors.map((x, i) => (i < 20 * COLUMNS ? -x : x));
    const [one, two] = [taught.vectors, other].map((vectors) => distilPieces({ ...taught, groups, vectors }, 'student', settings));
    expect([one!.heldOut.texts, two!.heldOut.texts]).toEqual([20, 20]);
    expect(Buffer.compare(one!.file, two!.file)).toBe(0);
  });

  it('[M196] what vectors cannot be is refused', () => {
    const nan = taught.vectors.slice().fill(Number.NaN, 40, 41);
    for (const vectors of [taught.vectors.slice(0, -1), new Float32Array(), nan])
      expect(() => distilPieces({ ...taught, vectors }, 'student', settings)).toThrow(/vectors/);
    expect(() => distilPieces(taught, 'student', { ...settings, dimensions: 13 })).toThrow(/the teacher has 12/);
  });
});

it('[M197] frequent pieces count less, what texts share is taken away, hashed rows have a length', () => {
  const { texts, vectors } = lesson();
  const common = texts.map((text) => `a0 ${text}`);
  const batch = tokenBatch(common.map((text) => tokeniser.tokenise(text).ids));
  const pieces = { columns: COLUMNS, values: new Float64Array(tokeniser.vocabularySize * COLUMNS) };
  vocabulary.ids.forEach((id, at) => pieces.values.set(vectors.subarray((600 + at) * COLUMNS, (601 + at) * COLUMNS), id * COLUMNS));
  const targetsOfTexts = { columns: COLUMNS, values: Float64Array.from(vectors.subarray(0, 600 * COLUMNS)) };
  const { table } = fitPieceTable({ texts: batch, vectors: targetsOfTexts, pieces }, settings);
  const lengths = Array.from({ length: rowCount(table) }, (_, id) => Math.hypot(...rowOf(table, id)));
  const others = lengths.slice(2, 31).toSorted((x, y) => x - y);
  expect(lengths[1]).toBeLessThan(others[3]!);
  // The mean of texts' vectors is near zero: the teacher's were all in a cone.
  const sums = sumRows(table, batch);
  const mean = Float64Array.from({ length: 8 }, (_, d) => sums.values.reduce((sum, x, i) => (i % 8 === d ? sum + x / 600 : sum), 0));
  expect(Math.hypot(...mean)).toBeLessThan(0.35);
  const hashed = lengths.slice(-PIECE_BUCKETS);
  expect(hashed.reduce((sum, x) => sum + x, 0) / PIECE_BUCKETS).toBeGreaterThan(others[0]! / 2);
});
