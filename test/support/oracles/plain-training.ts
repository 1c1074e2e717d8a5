import type { Centroid, ListModel } from '../../../src/ann/lists/list-model.ts';
import { queryCodeMax } from '../../../src/ann/quantise.ts';

// The training kernels in plain loops over float32 numbers.
const f = Math.fround;
const FARTHEST = 2 ** 40;
const TINY = 2 ** -60;

const clamped = (value: number): number => Math.max(-FARTHEST, Math.min(FARTHEST, f(value)));

/** The largest power of two, up to 2^126, that scales `largest` to below 1. */
export function plainUnit(largest: number): number {
  if (f(largest) === 0) return 1;
  let unit = 2 ** 126;
  while (f(largest) * unit >= 1 && unit > 2 ** -129) unit /= 2;
  return unit;
}

const centroidUnit = (centroids: readonly Centroid[]): number => plainUnit(Math.max(...centroids.map(({ scale }) => scale)) * 127);

export function plainNearest(vector: Float32Array, centroids: readonly Centroid[]): number {
  const unit = centroidUnit(centroids);
  const values = Array.from(vector, (x) => clamped(x * unit));
  const largest = Math.max(...values.map(Math.abs));
  const codeMax = queryCodeMax(vector.length);
  const inverse = largest < TINY ? 0 : f(codeMax / largest);
  const codes = values.map((x) => Math.floor(f(f(x * inverse) + 0.5)));
  const ratio = largest < TINY ? 1 : inverse;
  const keys = centroids.map((centroid) => {
    const scale = f(centroid.scale * unit);
    let [product, squared] = [0, 0];
    for (const [j, code] of centroid.codes.entries()) {
      product += code * codes[j]!;
      squared += code * code;
    }
    return f(f(f(product) * scale) - f(f((squared * scale * scale) / 2) * ratio));
  });
  return keys.indexOf(Math.max(...keys));
}

export interface PlainCodes {
  readonly nibbles: number[];
  readonly error: number;
  readonly bias: number;
  /** By subspace: the residual and the direction. */
  readonly residual: number[];
  readonly direction: number[];
  /** By subspace: the loss along the vector that the other subspaces' codes cause. */
  readonly others: number[];
}

/** Everything is in the units of the codebook. */
export function plainEncode(
  vector: Float32Array,
  centroid: Centroid,
  centroids: readonly Centroid[],
  { dimensions, subspaceDimensions: width, codebook }: Pick<ListModel, 'dimensions' | 'subspaceDimensions' | 'codebook'>,
  weight: number,
): PlainCodes {
  const unit = plainUnit(Math.max(...codebook.map(Math.abs)));
  const subspaces = Math.ceil(dimensions / width);
  const words = Array.from(codebook, (value) => f(value * unit));
  const scale = f(f(centroid.scale * centroidUnit(centroids)) * f(Math.min(2 ** 100, unit / centroidUnit(centroids))));
  const at = (values: ArrayLike<number>, j: number): number => values[j] ?? 0;
  const x = Array.from({ length: Math.max(subspaces * width, Math.ceil(dimensions / 4) * 4) }, (_, j) => clamped(at(vector, j) * unit));
  const centre = x.map((_, j) => clamped(at(centroid.codes, j) * scale));
  const residual = x.map((value, j) => f(value - centre[j]!));
  const lanes = [0, 0, 0, 0];
  for (const [j, value] of x.entries()) lanes[j % 4] = f(lanes[j % 4]! + f(value * value));
  const square = f(f(lanes[0]! + lanes[2]!) + f(lanes[1]! + lanes[3]!));
  const inverse = square > 0 ? f(1 / f(Math.sqrt(square))) : 0;
  const direction = x.map((value) => f(value * inverse));

  const losses: number[][] = [];
  const parallels: number[][] = [];
  for (let m = 0; m < subspaces; m += 1) {
    const rows = Array.from({ length: 16 }, (_, k) => {
      let [loss, parallel] = [0, 0];
      for (let j = 0; j < width; j += 1) {
        const e = f(residual[m * width + j]! - words[(m * 16 + k) * width + j]!);
        loss = f(loss + f(e * e));
        parallel = f(parallel + f(e * direction[m * width + j]!));
      }
      return { loss, parallel };
    });
    losses.push(rows.map(({ loss }) => loss));
    parallels.push(rows.map(({ parallel }) => parallel));
  }
  const nibbles = losses.map(least);
  let sum = nibbles.reduce((total, code, m) => f(total + parallels[m]![code]!), 0);
  for (let pass = 0; pass < (weight === 0 ? 0 : 3); pass += 1) {
    for (let m = 0; m < subspaces; m += 1) {
      const others = f(sum - parallels[m]![nibbles[m]!]!);
      const better = least(
        losses[m]!.map((loss, k) => {
          const along = f(others + parallels[m]![k]!);
          return f(loss + f(weight * f(along * along)));
        }),
      );
      if (better === nibbles[m]) continue;
      nibbles[m] = better;
      sum = f(others + parallels[m]![better]!);
    }
  }
  let bias = 0;
  for (const [m, code] of nibbles.entries()) {
    for (let j = 0; j < width; j += 1) {
      const w = words[(m * 16 + code) * width + j]!;
      bias -= w * (at(centre, m * width + j) + 0.5 * w);
    }
  }
  const error = nibbles.reduce((total, code, m) => total + losses[m]![code]!, 0);
  const others = nibbles.map((code, m) => sum - parallels[m]![code]!);
  return { nibbles, error: error / unit / unit, bias: bias / unit / unit, residual, direction, others };
}

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** The code of the least loss; losses are compared without their last four bits. */
function least(losses: readonly number[]): number {
  const keys = losses.map((loss) => {
    float[0] = loss;
    return bits[0]! & -16;
  });
  return keys.indexOf(Math.min(...keys));
}
