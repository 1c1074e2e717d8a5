import { Seeded } from '../../../kernel/seeded.ts';
import { sumRows } from '../build-static-model.ts';
import { tokenBatch } from '../../token-batch.ts';
import { topTen } from '../gate/retrieval-figures.ts';
import type { Matrix } from '../matrix.ts';
import { quantiseRows } from '../matrix.ts';
import { decode } from '../quantise/group-codes.ts';
import { fitStudent } from './fit-student.ts';
import type { DistilSettings, TeacherPairs, WordPrior } from './student-kernel.ts';

/** The values that are tried for each setting, in the order in which the settings are chosen. */
export type SettingsGrid = { readonly [Setting in keyof DistilSettings]: readonly number[] };

export const DISTIL_GRID: SettingsGrid = {
  tokensMax: [128, 256, 384],
  sifA: [0.001, 0.003, 0.01],
  // A teacher that weights words as the base does is followed best by its weights and a strong prior.
  baseWeights: [1, 0],
  prior: [0.3, 1, 100],
  ridge: [0.1, 0.3],
};

/**
 * The settings with the best recall of texts left out one at a time, each setting chosen in turn with the others held. Only `rows` are looked at.
 */
export function chooseSettings(pairs: TeacherPairs, rows: readonly number[], prior: WordPrior, grid: SettingsGrid): DistilSettings {
  let chosen: DistilSettings = {
    tokensMax: middle(grid.tokensMax),
    sifA: middle(grid.sifA),
    baseWeights: middle(grid.baseWeights),
    prior: middle(grid.prior),
    ridge: middle(grid.ridge),
  };
  if (Object.values(grid).every(({ length }) => length === 1)) return chosen;
  const truth = neighboursIn(pairs.vectors, pairs, rows, rows);
  const scoreOf = (settings: DistilSettings) => {
    const vectors = scatter(fitStudent(pairs, rows, prior, settings).leftOut(), pairs, rows);
    return recall(truth, neighboursIn(vectors, pairs, rows, rows));
  };
  let best = scoreOf(chosen);
  for (const setting of Object.keys(grid) as (keyof DistilSettings)[]) {
    for (const value of grid[setting]) {
      const tried = { ...chosen, [setting]: value };
      if (value === chosen[setting]) continue;
      const score = scoreOf(tried);
      if (score <= best) continue;
      best = score;
      chosen = tried;
    }
  }
  return chosen;
}

const middle = (values: readonly number[]): number => values[values.length >> 1]!;

/** What a student reached on texts that neither its fit nor the choice of its settings saw. */
export interface HeldOutQuality {
  readonly texts: number;
  readonly folds: number;
  /** Mean share of the teacher's ten nearest among all other texts that a query by the student finds in the teacher's own index. */
  readonly recallAt10: number;
  /** The same in an index of the held-out texts of the fold alone. */
  readonly recallAt10HeldOutIndex: number;
  /** Mean cosine of the student's vector with the teacher's. */
  readonly cosine: number;
  /** The settings that each fold chose. */
  readonly settings: readonly DistilSettings[];
}

/**
 * Nested cross-validation: the texts of a fold are judged by a student whose settings were chosen, and which was fitted, on the other folds alone.
 * `groups`: texts of one group (parts of a document) are never split between them.
 */
export function heldOutQuality(
  pairs: TeacherPairs,
  prior: WordPrior,
  grid: SettingsGrid,
  { folds, seed, groups }: { readonly folds: number; readonly seed: number; readonly groups?: readonly string[] },
): HeldOutQuality {
  const foldOf = assignFolds(groups ?? pairs.texts.map((_, i) => String(i)), folds, seed);
  const all = pairs.texts.map((_, i) => i);
  let [whole, alone, cosine] = [0, 0, 0];
  const settings: DistilSettings[] = [];
  for (let fold = 0; fold < folds; fold++) {
    const [heldOut, learned] = [all.filter((row) => foldOf[row] === fold), all.filter((row) => foldOf[row] !== fold)];
    const chosen = chooseSettings(pairs, learned, prior, grid);
    const vectors = studentVectors(pairs, heldOut, servedTable(fitStudent(pairs, learned, prior, chosen).table()), Infinity);
    settings.push(chosen);
    whole += heldOut.length * recall(neighboursIn(pairs.vectors, pairs, heldOut, all), neighboursIn(vectors, pairs, heldOut, all));
    alone += heldOut.length * recall(neighboursIn(pairs.vectors, pairs, heldOut, heldOut), neighboursIn(vectors, pairs, heldOut, heldOut));
    for (const row of heldOut) cosine += product(vectors, row, pairs.vectors, row, pairs.dimensions);
  }
  const n = all.length;
  return { texts: n, folds, recallAt10: whole / n, recallAt10HeldOutIndex: alone / n, cosine: cosine / n, settings };
}

/** The table as it is served: from codes of 8 bits, and of whole texts. */
function servedTable(table: Matrix): Matrix {
  const decoded = decode(quantiseRows(table), { bits: 8, columns: table.columns, group: table.columns });
  return { columns: table.columns, values: Float64Array.from(decoded) };
}

/** The student's vectors of the texts `rows`, each at the position of its text. */
export function studentVectors(pairs: TeacherPairs, rows: readonly number[], table: Matrix, tokensMax: number): Float32Array {
  const sums = sumRows(table, tokenBatch(rows.map((row) => pairs.texts[row]!.subarray(0, tokensMax))));
  return scatter(Float32Array.from(sums.values), pairs, rows);
}

/** Every group in one fold, folds of nearly the same number of groups. */
export function assignFolds(groups: readonly string[], folds: number, seed: number): Int32Array {
  const names = [...new Set(groups)];
  const rng = new Seeded(seed);
  for (let i = names.length - 1; i > 0; i--) {
    const j = Math.floor(rng.next() * (i + 1));
    [names[i], names[j]] = [names[j]!, names[i]!];
  }
  const foldOf = new Map(names.map((name, i) => [name, i % folds]));
  return Int32Array.from(groups, (group) => foldOf.get(group)!);
}

/** Vectors of `rows`, end to end, each moved to the position of its text. */
function scatter(vectors: Float32Array, { texts, dimensions }: TeacherPairs, rows: readonly number[]): Float32Array {
  const all = new Float32Array(texts.length * dimensions);
  rows.forEach((row, i) => all.set(vectors.subarray(i * dimensions, (i + 1) * dimensions), row * dimensions));
  return all;
}

/** For each of `rows`, the ten texts of `index` whose teacher vectors are nearest to its vector in `queries`, itself left out. */
function neighboursIn(
  queries: Float32Array,
  { vectors, dimensions }: TeacherPairs,
  rows: readonly number[],
  index: readonly number[],
): number[][] {
  return rows.map((row) => {
    const others = index.filter((other) => other !== row);
    const scores = Float64Array.from(others, (other) => product(queries, row, vectors, other, dimensions));
    return topTen(scores).map((at) => others[at]!);
  });
}

function product(left: Float32Array, at: number, right: Float32Array, to: number, dimensions: number): number {
  let dot = 0;
  for (let d = 0; d < dimensions; d++) dot += left[at * dimensions + d]! * right[to * dimensions + d]!;
  return dot;
}

function recall(truth: readonly (readonly number[])[], found: readonly (readonly number[])[]): number {
  const shares = truth.map((nearest, i) => nearest.filter((text) => found[i]!.includes(text)).length / nearest.length);
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}
