import { inverseOfPositive } from '../cholesky.ts';
import type { Matrix } from '../matrix.ts';
import { rowCount } from '../matrix.ts';
import type { DistilSettings, KernelParts, TeacherPairs, TextFeatures, WordPrior } from './student-kernel.ts';
import { kernelParts, textFeatures } from './student-kernel.ts';

/** A student fitted to the texts `rows`. */
export interface FittedStudent {
  readonly rows: readonly number[];
  readonly features: TextFeatures;
  /** The student's row of each token; a text's vector is the sum of its tokens' rows, scaled to unit length. */
  readonly table: () => Matrix;
  /** For each text of `rows`, the vector by the student that was fitted without it. */
  readonly leftOut: () => Float32Array;
}

/**
 * Kernel ridge regression from bags of tokens to the teacher's vectors. A text's similarity is a sum over its tokens, so the solution is a table of
 * one vector a token: w_t (what texts with the token taught + what texts with words like it taught + what all texts have in common).
 */
export function fitStudent(pairs: TeacherPairs, rows: readonly number[], prior: WordPrior, settings: DistilSettings): FittedStudent {
  const features = textFeatures(pairs, rows, prior, settings);
  return solve(pairs, rows, prior, { settings, features, parts: kernelParts(features, rows, pairs.vocabularySize) });
}

interface Prepared {
  readonly settings: DistilSettings;
  readonly features: TextFeatures;
  readonly parts: KernelParts;
}

function solve(pairs: TeacherPairs, rows: readonly number[], prior: Matrix, { settings, features, parts }: Prepared): FittedStudent {
  const n = rows.length;
  const kernel = parts.tokens.values.map((value, at) => value + settings.prior * parts.priors.values[at]! + parts.common.values[at]!);
  for (let i = 0; i < n; i++) kernel[i * n + i] = kernel[i * n + i]! + settings.ridge;
  const inverse = inverseOfPositive({ columns: n, values: kernel });
  const duals = dualsOf(inverse, pairs, rows);
  return {
    rows,
    features,
    table: () => tableOf({ pairs, rows, prior, settings, features, duals }),
    leftOut() {
      // The residual of a text that was left out, in closed form: its dual over the diagonal of the inverse.
      const vectors = new Float32Array(n * pairs.dimensions);
      for (let i = 0; i < n; i++) {
        for (let d = 0; d < pairs.dimensions; d++) {
          const at = i * pairs.dimensions + d;
          vectors[at] = pairs.vectors[rows[i]! * pairs.dimensions + d]! - duals.values[at]! / inverse.values[i * n + i]!;
        }
      }
      return vectors;
    },
  };
}

/** Inverse times the teacher's vectors of `rows`. */
function dualsOf(inverse: Matrix, { vectors, dimensions }: TeacherPairs, rows: readonly number[]): Matrix {
  const values = new Float64Array(rows.length * dimensions);
  for (let i = 0; i < rows.length; i++) {
    for (let j = 0; j < rows.length; j++) {
      const scale = inverse.values[i * rows.length + j]!;
      const from = rows[j]! * dimensions;
      for (let d = 0; d < dimensions; d++) values[i * dimensions + d] = values[i * dimensions + d]! + scale * vectors[from + d]!;
    }
  }
  return { columns: dimensions, values };
}

interface Solved {
  readonly pairs: TeacherPairs;
  readonly rows: readonly number[];
  readonly prior: Matrix;
  readonly settings: DistilSettings;
  readonly features: TextFeatures;
  readonly duals: Matrix;
}

function tableOf({ pairs, rows, prior, settings, features, duals }: Solved): Matrix {
  const { dimensions, vocabularySize } = pairs;
  const table = new Float64Array(vocabularySize * dimensions);
  const shared = new Float64Array(dimensions);
  const throughPrior = { columns: dimensions, values: new Float64Array(prior.columns * dimensions) };
  const priorScale = settings.prior / meanSquare(features.priors, rows);
  const commonScale = rows.length / rows.reduce((sum, row) => sum + features.sums[row]! ** 2, 0);
  rows.forEach((row, i) => {
    const dual = duals.values.subarray(i * dimensions, (i + 1) * dimensions);
    features.ids[row]!.forEach((id, at) => add(table, id * dimensions, dual, features.weights[row]![at]!));
    for (let d = 0; d < prior.columns; d++)
      add(throughPrior.values, d * dimensions, dual, priorScale * features.priors.values[row * prior.columns + d]!);
    add(shared, 0, dual, commonScale * features.sums[row]!);
  });
  for (let id = 0; id < rowCount({ columns: dimensions, values: table }); id++) {
    const weight = features.tokenWeights[id]!;
    const row = table.subarray(id * dimensions, (id + 1) * dimensions);
    for (let d = 0; d < prior.columns; d++) {
      const scale = prior.values[id * prior.columns + d]!;
      if (scale !== 0) add(row, 0, throughPrior.values.subarray(d * dimensions, (d + 1) * dimensions), scale);
    }
    add(row, 0, shared, 1);
    for (let d = 0; d < dimensions; d++) row[d] = row[d]! * weight;
  }
  return { columns: dimensions, values: table };
}

function add(target: Float64Array, from: number, source: Float64Array, scale: number): void {
  for (let d = 0; d < source.length; d++) target[from + d] = target[from + d]! + scale * source[d]!;
}

function meanSquare({ columns, values }: Matrix, rows: readonly number[]): number {
  let sum = 0;
  for (const row of rows) for (let d = 0; d < columns; d++) sum += values[row * columns + d]! ** 2;
  return sum / rows.length || 1;
}
