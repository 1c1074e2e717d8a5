import { Seeded } from '../../../kernel/seeded.ts';
import { PIECE_BUCKETS } from '../../static/piece-tokeniser.ts';
import type { TokenBatch } from '../../token-batch.ts';
import { normalise } from '../../unit-vectors.ts';
import { sumRows } from '../build-static-model.ts';
import type { Matrix } from '../matrix.ts';
import { multiply, rowCount, rowOf, secondMoment } from '../matrix.ts';
import { partialWhitening, principalAxes } from '../principal-axes.ts';
import type { Bags } from '../sparse-ridge.ts';
import { ridgeRows, times } from '../sparse-ridge.ts';
import { addRandom } from '../subword-rows.ts';

/** What a table of pieces is fitted to. */
export interface PieceTraining {
  /** Texts as ids of a `PieceTokeniser`. */
  readonly texts: TokenBatch;
  /** The teacher's vector of each text: unit rows. */
  readonly vectors: Matrix;
  /** The teacher's vector of each piece by itself, by id. Zero: it has none, as the unknown token, the empty line and what is only hashed. */
  readonly pieces: Matrix;
}

export interface PieceSettings {
  /** The `a` of the weights a / (a + p) of pieces, p from the texts. */
  readonly sifA: number;
  /** Weight of the penalty on rows that differ from what the teacher makes of the piece by itself. */
  readonly ridge: number;
  readonly iterations: number;
  /** Numbers a vector: of the principal axes of the texts, the first. */
  readonly dimensions: number;
  /** Of the rows that are only hashed. */
  readonly seed: number;
}

/** A table with a row for each id: a text's vector is the sum of its rows, scaled to unit length. */
export interface PieceTable {
  readonly table: Matrix;
  /** The map from the teacher's space to the axes of the table. */
  readonly axes: Matrix;
}

/**
 * Fits a table to a teacher: ridge regression from the weighted pieces of texts to the teacher's vectors, drawn to what the teacher makes of each
 * piece alone; then the principal axes of what the texts' vectors have become, partly whitened (`partialWhitening`). The teacher's vectors lie in a
 * narrow cone, so both are taken from their means: what all texts have in common orders none of them.
 */
export function fitPieceTable({ texts, vectors, pieces }: PieceTraining, settings: PieceSettings): PieceTable {
  const { sifA, ridge, iterations, dimensions, seed } = settings;
  const targets = centred(vectors);
  const priors = centred(pieces);
  const weights = pieceWeights(texts, rowCount(pieces), sifA);
  const bags = weightedBags(texts, weights);
  const start = scaledTo(priors, bags, targets);
  const fitted = inBlocks(targets, start, (target, from) =>
    ridgeRows(bags, target, { rows: rowCount(pieces), ridge, iterations, start: from }),
  );
  weights.forEach((weight, id) => rowOf(fitted, id).forEach((value, d, row) => (row[d] = weight * value)));
  clearHashed(fitted);
  const axes = firstColumns(partialWhitening(principalAxes(secondMoment(sumRows(fitted, texts)))), dimensions);
  const table = multiply(fitted, axes);
  fillHashed(table, weights, seed);
  return { table, axes };
}

/** Rows less the mean of those that are not zero, scaled to unit length; zero rows stay zero. */
function centred(matrix: Matrix): Matrix {
  const { columns } = matrix;
  const mean = new Float64Array(columns);
  const values = matrix.values.slice();
  const rows = Array.from({ length: rowCount(matrix) }, (_, row) => values.subarray(row * columns, (row + 1) * columns));
  const used = rows.filter((row) => row.some((x) => x !== 0));
  for (const row of used) for (let d = 0; d < columns; d++) mean[d] = mean[d]! + row[d]! / used.length;
  for (const row of used) {
    for (let d = 0; d < columns; d++) row[d] = row[d]! - mean[d]!;
    normalise(row);
  }
  return { columns, values };
}

/** a / (a + p) for each id, p its share of all ids of the texts. */
function pieceWeights({ ids }: TokenBatch, count: number, sifA: number): Float64Array {
  const seen = new Float64Array(count);
  for (const id of ids) seen[id] = seen[id]! + 1;
  return seen.map((found) => sifA / (sifA + (found + 1) / ids.length));
}

/** Texts as weighted pieces, each text of length 1. Equal pieces of a text are one. */
function weightedBags({ ids, offsets }: TokenBatch, weights: Float64Array): Bags {
  const [into, starts, shares]: [number[], number[], number[]] = [[], [0], []];
  for (let text = 0; text < offsets.length - 1; text++) {
    const counts = new Map<number, number>();
    for (const id of ids.subarray(offsets[text], offsets[text + 1])) counts.set(id, (counts.get(id) ?? 0) + 1);
    let square = 0;
    for (const [id, count] of counts) square += (count * weights[id]!) ** 2;
    const scale = square === 0 ? 0 : 1 / Math.sqrt(square);
    for (const [id, count] of counts) {
      into.push(id);
      shares.push(count * weights[id]! * scale);
    }
    starts.push(into.length);
  }
  return { ids: Int32Array.from(into), offsets: Int32Array.from(starts), weights: Float64Array.from(shares) };
}

/** `rows` times the one number by which what they make of the texts is nearest to `targets`. */
function scaledTo(rows: Matrix, bags: Bags, targets: Matrix): Matrix {
  const made = times(bags, rows).values;
  let [along, square] = [0, 0];
  for (let i = 0; i < made.length; i++) {
    along += made[i]! * targets.values[i]!;
    square += made[i]! * made[i]!;
  }
  return { columns: rows.columns, values: rows.values.map((value) => (square === 0 ? 0 : (value * along) / square)) };
}

/** Columns that are solved together: they are independent, and the whole would take gigabytes. */
const BLOCK_COLUMNS = 64;

function inBlocks(targets: Matrix, start: Matrix, solve: (targets: Matrix, start: Matrix) => Matrix): Matrix {
  const solved = { columns: start.columns, values: new Float64Array(start.values.length) };
  for (let from = 0; from < start.columns; from += BLOCK_COLUMNS) {
    const to = Math.min(start.columns, from + BLOCK_COLUMNS);
    const block = solve(columnsOf(targets, from, to), columnsOf(start, from, to));
    for (let row = 0; row < rowCount(solved); row++) rowOf(solved, row).set(rowOf(block, row), from);
  }
  return solved;
}

function columnsOf(matrix: Matrix, from: number, to: number): Matrix {
  const part = { columns: to - from, values: new Float64Array(rowCount(matrix) * (to - from)) };
  for (let row = 0; row < rowCount(matrix); row++) rowOf(part, row).set(rowOf(matrix, row).subarray(from, to));
  return part;
}

const firstColumns = (matrix: Matrix, count: number): Matrix => columnsOf(matrix, 0, Math.min(count, matrix.columns));

/** What is only hashed stands for many things: what the texts taught of one says nothing of the others. */
function clearHashed({ columns, values }: Matrix): void {
  values.fill(0, values.length - PIECE_BUCKETS * columns);
}

/** Random rows as long as those of rare pieces, so that what is hashed counts as much as they do. */
function fillHashed(table: Matrix, weights: Float64Array, seed: number): void {
  const first = rowCount(table) - PIECE_BUCKETS;
  const lengths = Array.from({ length: first }, (_, id) => (weights[id]! < RARE_WEIGHT ? 0 : lengthOf(rowOf(table, id)))).filter(Boolean);
  const median = lengths.toSorted((a, b) => a - b)[lengths.length >> 1] ?? 1;
  const rng = new Seeded(seed);
  for (let row = first; row < rowCount(table); row++) addRandom(rowOf(table, row), median, rng);
}

/** Of pieces that are rare enough to count nearly in full. */
const RARE_WEIGHT = 0.9;

function lengthOf(row: Float64Array): number {
  let square = 0;
  for (const x of row) square += x * x;
  return Math.sqrt(square);
}
