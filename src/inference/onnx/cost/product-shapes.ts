import { axisOf, resized } from './layout-shapes.ts';
import type { GraphStep, ShapeRule } from './graph-step.ts';
import type { GraphValue } from './graph-value.ts';
import { broadcast, DATA, unknownOf, valueOf } from './graph-value.ts';

/** Rows and columns of a factor of a product; a vector is one of the two. */
export interface Factor {
  readonly batch: readonly number[];
  readonly rows: number;
  readonly columns: number;
}

export function factorOf({ dims }: GraphValue, side: 'left' | 'right'): Factor | undefined {
  if (dims === undefined || dims.length === 0) return undefined;
  if (dims.length === 1)
    return side === 'left' ? { batch: [], rows: 1, columns: dims[0] ?? 1 } : { batch: [], rows: dims[0] ?? 1, columns: 1 };
  return { batch: dims.slice(0, -2), rows: dims.at(-2) ?? 1, columns: dims.at(-1) ?? 1 };
}

const matMul =
  (rightAt: number, dataTypeOf: (step: GraphStep) => number): ShapeRule =>
  (step) => {
    const [left, right] = [step.input(0), step.input(rightAt)];
    const [a, b] = [factorOf(left, 'left'), factorOf(right, 'right')];
    if (a === undefined || b === undefined) return undefined;
    const isExact = left.isExact && right.isExact;
    const [turnedA, turnedB] = [step.int('transA', 0) === 1, step.int('transB', 0) === 1];
    const batch = broadcast(DATA.float32, [valueOf(1, a.batch, isExact), valueOf(1, b.batch, isExact)]);
    const rows = left.dims?.length === 1 ? [] : [turnedA ? a.columns : a.rows];
    const columns = right.dims?.length === 1 ? [] : [turnedB ? b.rows : b.columns];
    return [valueOf(dataTypeOf(step), [...(batch.dims ?? []), ...rows, ...columns], isExact)];
  };

const ofInput = (at: number) => (step: GraphStep) => step.input(at).dataType;
const always = (dataType: number) => () => dataType;

/** Rows times a matrix whose columns an attribute counts. */
const matMulNBits = resized((dims, step) => [...dims.slice(0, -1), step.int('N', 0)]);

/** A row of a table of blocks for each index. */
const gatherBlocks: ShapeRule = (step) => {
  const [data, indices, scales] = [step.input(0), step.input(1), step.input(2)];
  const axis = axisOf(data, step.int('gather_axis', 0));
  if (data.dims === undefined || indices.dims === undefined || axis === undefined) return undefined;
  // Two numbers of four bits may share a byte.
  const wide = data.dims.map((size, at) =>
    at === data.dims!.length - 1 && data.dataType === DATA.uint8 && step.int('bits', 4) < 8 ? 2 * size : size,
  );
  return [valueOf(scales.dataType, [...wide.slice(0, axis), ...indices.dims, ...wide.slice(axis + 1)], data.isExact && indices.isExact)];
};

/** Einsum: sums over the letters that the output lacks. */
export function einsumSizes(step: GraphStep): { readonly sizes: ReadonlyMap<string, number>; readonly answer: string } | undefined {
  const [left = '', right] = step.text('equation').replaceAll(' ', '').split('->');
  const terms = left.split(',');
  const sizes = new Map<string, number>();
  for (const [i, term] of terms.entries()) {
    const { dims } = step.input(i);
    if (!/^[a-zA-Z]*$/.test(term) || dims?.length !== term.length) return undefined;
    for (const [at, letter] of term.split('').entries()) sizes.set(letter, Math.max(sizes.get(letter) ?? 0, dims[at] ?? 1));
  }
  const once = [...sizes.keys()].filter((letter) => left.replaceAll(',', '').split(letter).length === 2).toSorted();
  const answer = right ?? once.join('');
  return /^[a-zA-Z]*$/.test(answer) ? { sizes, answer } : undefined;
}

const einsum: ShapeRule = (step) => {
  const found = einsumSizes(step);
  if (found === undefined) return undefined;
  const dims = found.answer.split('').map((letter) => found.sizes.get(letter) ?? 1);
  const isExact = step.given.every((value) => value.isExact);
  return [valueOf(step.input(0).dataType, dims, isExact)];
};

/** Gates of a cell, by its kind. */
export const GATES: Readonly<Record<string, number>> = { RNN: 1, GRU: 3, LSTM: 4, DynamicQuantizeLSTM: 4 };

const recurrent: ShapeRule = (step) => {
  const { dims, dataType, isExact } = step.input(0);
  const [first, second] = dims ?? [];
  if (first === undefined || second === undefined) return undefined;
  const [steps, batch] = step.int('layout', 0) === 1 ? [second, first] : [first, second];
  const directions = step.text('direction') === 'bidirectional' ? 2 : 1;
  const hidden = step.int('hidden_size', 0);
  const all = step.int('layout', 0) === 1 ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden];
  const last = valueOf(dataType, step.int('layout', 0) === 1 ? [batch, directions, hidden] : [directions, batch, hidden], isExact);
  return [valueOf(dataType, all, isExact), last, last];
};

/** As long as the queries, as wide as the values; what is past and present is not known. */
const attention: ShapeRule = (step) => {
  const query = step.input(0);
  // Packed: the bias has three parts as wide as the answer.
  const bias = step.operator === 'Attention' || step.operator === 'QAttention' ? step.input(2).dims?.[0] : undefined;
  const width = bias === undefined ? (step.has(2) ? step.input(2).dims?.at(-1) : query.dims?.at(-1)) : bias / 3;
  if (query.dims?.length !== 3 || width === undefined) return undefined;
  const answer = valueOf(query.dataType, query.dims.with(2, Math.max(width, query.dims[2] ?? 0)), false);
  return [answer, ...Array.from({ length: step.outputCount - 1 }, () => unknownOf(query.dataType))];
};

/** Operators that multiply matrices, by name. */
export const PRODUCT_SHAPES: Readonly<Record<string, ShapeRule>> = {
  MatMul: matMul(1, ofInput(0)),
  Gemm: matMul(1, ofInput(0)),
  FusedGemm: matMul(1, ofInput(0)),
  FusedMatMul: matMul(1, ofInput(0)),
  FusedMatMulActivation: matMul(1, ofInput(0)),
  TransposeMatMul: matMul(1, ofInput(0)),
  MatMulInteger: matMul(1, always(DATA.int32)),
  MatMulIntegerToFloat: matMul(1, always(DATA.float32)),
  DynamicQuantizeMatMul: matMul(1, always(DATA.float32)),
  QLinearMatMul: matMul(3, ofInput(0)),
  QGemm: matMul(3, always(DATA.float32)),
  MatMulNBits: matMulNBits,
  MatMulBnb4: matMulNBits,
  MatMulFpQ4: matMulNBits,
  GatherBlockQuantized: gatherBlocks,
  Einsum: einsum,
  RNN: recurrent,
  GRU: recurrent,
  LSTM: recurrent,
  DynamicQuantizeLSTM: recurrent,
  Attention: attention,
  QAttention: attention,
  MultiHeadAttention: attention,
};
