import type { ExpressionTable, NewExpression } from './expression-table.ts';
import { matMulDims } from './expression-dims.ts';
import type { Expression, Traced, TracedConstant } from './traced-value.ts';
import { countOf, isExpression, scalarOf } from './traced-value.ts';
import { factorsOf } from './terms.ts';

/** Codes or floats of a matrix, and what makes numbers of them: `scale * scales * (code - zeros)`. */
interface Weights {
  readonly codes: TracedConstant;
  readonly isTransposed: boolean;
  readonly scale: number;
  readonly scales: Traced | undefined;
  readonly zeros: Traced | undefined;
}

/** `x` times a constant matrix, which may be stored as codes or turned. */
export function weightProduct({ inputs, dims }: NewExpression, table: ExpressionTable): Traced | undefined {
  const [x, matrix] = inputs;
  const weights = matrix && weightsOf(matrix);
  return x === undefined || weights === undefined ? undefined : productOf(x, weights, dims, table);
}

const productOf = (x: Traced, weights: Weights, dims: readonly number[] | undefined, table: ExpressionTable): Traced | undefined => {
  const { codes, isTransposed, scale, scales, zeros } = weights;
  const outputs = codes.dims[isTransposed ? 0 : 1];
  const isMatrix =
    codes.dims.length === 2 && (BYTES.has(codes.tensor.dataType) || (FLOATS.has(codes.tensor.dataType) && scales === undefined));
  if (!isMatrix || !isOfColumns(scales, outputs) || !isOfColumns(zeros, outputs)) return undefined;
  const attributes = new Map([
    ['scale', [scale]],
    ['transposed', [isTransposed ? 1 : 0]],
  ]);
  return table.expression({ operator: 'Product', inputs: [x, codes, scales, zeros], attributes, dims });
};

/** TensorProto.DataType of floats of 32 and 16 bits. */
const FLOATS = new Set([1, 10, 16]);

/** The same of codes of 8 bits. */
const BYTES = new Set([2, 3]);

/** One for all columns, or one for each. */
const isOfColumns = (value: Traced | undefined, outputs: number | undefined): boolean =>
  value === undefined || (value.dims !== undefined && [1, outputs].includes(countOf(value.dims)) && value.kind !== 'expression');

/** A matrix as it is, turned, or of codes that a scale a column multiplies. */
function weightsOf(value: Traced): Weights | undefined {
  if (value.kind === 'constant') return { codes: value, isTransposed: false, scale: 1, scales: undefined, zeros: undefined };
  if (isExpression(value, 'Transpose')) return turnedWeights(value);
  return isExpression(value, 'DequantizeLinear') ? dequantised(value) : storedWeights(value);
}

function turnedWeights({ dims, inputs, attributes }: Expression): Weights | undefined {
  const inner = dims?.length === 2 && inputs[0] !== undefined ? weightsOf(inputs[0]) : undefined;
  const isTurned = (attributes.get('perm') ?? [1, 0]).join() === '1,0';
  // A scale a column is one a row of what was turned: these do not match by their place.
  const isPlain = inner !== undefined && inner.scales === undefined && inner.zeros === undefined;
  return isTurned && isPlain ? { ...inner, isTransposed: !inner.isTransposed } : undefined;
}

/** Codes that were made floats, times a scale a column where there is one. */
function storedWeights(value: Traced): Weights | undefined {
  const factors = factorsOf(value);
  const cast = factors?.values.find((factor) => isExpression(factor, 'Cast') && factor.isFloat);
  const codes = isExpression(cast, 'Cast') ? cast.inputs[0] : undefined;
  const [scales, ...others] = (factors?.values ?? []).filter((factor) => factor !== cast);
  if (factors === undefined || !isByte(codes) || others.length > 0 || !isRow(scales)) return undefined;
  return { codes, isTransposed: false, scale: factors.scale, scales, zeros: undefined };
}

/** Codes, of which numbers are made. */
const isByte = (value: Traced | undefined): value is TracedConstant => value?.kind === 'constant' && BYTES.has(value.tensor.dataType);

function dequantised({ inputs, attributes }: Expression): Weights | undefined {
  const [codes, scales, zeros] = inputs;
  if (!isByte(codes) || codes.dims.length !== 2 || attributes.has('block_size')) return undefined;
  const axis = attributes.get('axis')?.[0] ?? 1;
  const isOfLast = axis === 1 || axis === -1 || scalarOf(scales) !== undefined;
  return isOfLast ? { codes, isTransposed: false, scale: 1, scales, zeros } : undefined;
}

/** Codes of the input, found while it runs, times codes of the weights, times both scales: the input's own codes are left out, as a runtime's rounding. */
export function dynamicProduct(node: NewExpression, table: ExpressionTable): Traced | undefined {
  if (node.operator !== 'Mul') return undefined;
  const factors = factorsOf(table.expression(node));
  const sums = factors?.values.find((value) => isExpression(value, 'Cast') && isExpression(value.inputs[0], 'MatMulInteger'));
  if (factors === undefined || !isExpression(sums, 'Cast') || !isExpression(sums.inputs[0], 'MatMulInteger')) return undefined;
  const [codes, weights, zero, zeros] = sums.inputs[0].inputs;
  const quantised = isCoded(codes, 0);
  const others = factors.values.filter((value) => value !== sums);
  const inputScale = others.find((value) => isCoded(value, 1) !== undefined);
  const scales = others.filter((value) => value !== inputScale);
  const isOne = quantised !== undefined && isCoded(zero, 2) === quantised && isCoded(inputScale, 1) === quantised;
  if (!isOne || !isByte(weights) || scales.length > 1 || !isRow(scales[0])) return undefined;
  return productOf(quantised, { codes: weights, isTransposed: false, scale: factors.scale, scales: scales[0], zeros }, sums.dims, table);
}

/** Of one number for each column, whatever stands before. */
const isRow = (scales: Traced | undefined): boolean =>
  scales === undefined || (scales.kind === 'constant' && scales.dims.at(-1) === countOf(scales.dims));

/** The input of the `DynamicQuantizeLinear` whose output this is. */
const isCoded = (value: Traced | undefined, output: number): Traced | undefined =>
  isExpression(value, 'DynamicQuantizeLinear') && value.output === output ? value.inputs[0] : undefined;

/** The dimensions of a product whose operator the standard has not. */
const fusedDims = (x: Traced | undefined, weights: Traced | undefined): readonly number[] | undefined => matMulDims(x?.dims, weights?.dims);

/** As ONNX Runtime writes it where it has optimised a graph: codes of the input are found within. */
export function dynamicQuantizeMatMul({ inputs }: NewExpression, table: ExpressionTable): Traced | undefined {
  const [x, codes, scales, zeros, bias] = inputs;
  if (x === undefined || !isByte(codes)) return undefined;
  return withBias(productOf(x, { codes, isTransposed: false, scale: 1, scales, zeros }, fusedDims(x, codes), table), bias, table);
}

/** The same, with the codes of `DynamicQuantizeLinear`. */
export function matMulIntegerToFloat({ inputs }: NewExpression, table: ExpressionTable): Traced | undefined {
  const [a, codes, inputScale, scales, zero, zeros, bias] = inputs;
  const x = isCoded(a, 0);
  const isOne = x !== undefined && isCoded(inputScale, 1) === x && isCoded(zero, 2) === x;
  if (!isOne || !isByte(codes)) return undefined;
  return withBias(productOf(x, { codes, isTransposed: false, scale: 1, scales, zeros }, fusedDims(x, codes), table), bias, table);
}

const withBias = (product: Traced | undefined, bias: Traced | undefined, table: ExpressionTable): Traced | undefined =>
  product === undefined || bias === undefined
    ? product
    : table.expression({ operator: 'Add', inputs: [product, bias], dims: product.dims });
