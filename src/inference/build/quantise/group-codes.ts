/** How numbers become codes: `bits` a number, one scale for each `group` numbers of a row; the last group of a row may be shorter. */
export interface CodeShape {
  readonly bits: 8 | 4;
  readonly columns: number;
  readonly group: number;
}

/** Number `c` of row `r` is about `codes[r * columns + c] * scales[r * groups + floor(c / group)]`. */
export interface GroupCodes {
  readonly codes: Int8Array<ArrayBuffer>;
  readonly scales: Float32Array<ArrayBuffer>;
}

/** The largest code of a symmetric quantiser: a code and its negation both exist. */
const codeMax = (bits: 8 | 4): number => (bits === 8 ? 127 : 7);

export const groupsOf = ({ columns, group }: CodeShape): number => Math.ceil(columns / group);

/**
 * With 4 bits the largest number of a group rarely deserves the largest code: scales that clip it a little are tried as well, and the one
 * with the least squared error is taken. With 8 bits the gain is below the rounding of the scale.
 */
const CLIPPINGS = { 8: [1], 4: [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65] } as const;

/** Symmetric codes. A group of zeros has scale 0; so has a group with a number that is not finite, which `tensorError` then shows. */
export function groupCodes(values: ArrayLike<number>, shape: CodeShape): GroupCodes {
  const { columns, group, bits } = shape;
  const rows = values.length / columns;
  const groups = groupsOf(shape);
  const codes = new Int8Array(values.length);
  const scales = new Float32Array(rows * groups);
  for (let row = 0; row < rows; row++) {
    for (let g = 0; g < groups; g++) {
      const from = row * columns + g * group;
      const to = Math.min(from + group, (row + 1) * columns);
      scales[row * groups + g] = writeCodes(values, from, to, bits, codes);
    }
  }
  return { codes, scales };
}

/** Writes the codes of `values[from .. to)`; returns their scale, as float32. */
function writeCodes(values: ArrayLike<number>, from: number, to: number, bits: 8 | 4, codes: Int8Array): number {
  const max = codeMax(bits);
  let largest = 0;
  for (let i = from; i < to; i++) {
    if (!Number.isFinite(values[i])) return 0;
    largest = Math.max(largest, Math.abs(values[i]!));
  }
  let best = 0;
  let bestError = Infinity;
  for (const clipping of CLIPPINGS[bits]) {
    const scale = Math.fround((largest * clipping) / max);
    if (scale === 0) return 0;
    const error = CLIPPINGS[bits].length === 1 ? 0 : squaredError(values, from, to, scale, max);
    if (error >= bestError) continue;
    bestError = error;
    best = scale;
  }
  for (let i = from; i < to; i++) codes[i] = codeOf(values[i]!, best, max);
  return best;
}

// The scale is rounded to float32, so the largest number may land a hair beyond the largest code.
const codeOf = (value: number, scale: number, max: number): number => Math.max(-max, Math.min(max, Math.round(value / scale)));

function squaredError(values: ArrayLike<number>, from: number, to: number, scale: number, max: number): number {
  let error = 0;
  for (let i = from; i < to; i++) error += (values[i]! - codeOf(values[i]!, scale, max) * scale) ** 2;
  return error;
}

/** The numbers that the codes stand for. */
export function decode({ codes, scales }: GroupCodes, shape: CodeShape): Float32Array<ArrayBuffer> {
  const groups = groupsOf(shape);
  const values = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) {
    const row = Math.floor(i / shape.columns);
    values[i] = codes[i]! * scales[row * groups + Math.floor((i - row * shape.columns) / shape.group)]!;
  }
  return values;
}

/** How far a tensor is from what it was. */
export interface TensorError {
  /** Signal to noise, 10 log10(sum of squares / sum of squared errors): `null` when nothing changed. */
  readonly snrDb: number | null;
  readonly errorMax: number;
  /** Cosine of the whole tensor with what it was; 1 when both are zero. */
  readonly cosine: number;
}

export function tensorError(before: ArrayLike<number>, after: ArrayLike<number>): TensorError {
  let [signal, noise, dot, power, errorMax] = [0, 0, 0, 0, 0];
  for (let i = 0; i < before.length; i++) {
    const [x, y] = [before[i]!, after[i]!];
    signal += x * x;
    power += y * y;
    dot += x * y;
    noise += (x - y) ** 2;
    // NaN stays NaN.
    errorMax = Math.max(errorMax, Math.abs(x - y));
  }
  const snrDb = noise === 0 ? null : 10 * Math.log10(signal / noise);
  return { snrDb, errorMax, cosine: noise === 0 ? 1 : dot / Math.sqrt(signal * power) };
}
