import type { ExpressionTable, NewExpression } from './expression-table.ts';
import type { Traced } from './traced-value.ts';
import { isExpression, scalarOf } from './traced-value.ts';
import { factorsOf, isNear, scaledValue } from './terms.ts';

/** Gaussian error linear units (Hendrycks and Gimpel 2016), exactly or by their tanh. */
export function canonicalGelu(node: NewExpression, table: ExpressionTable): Traced | undefined {
  const [x, vector] = node.inputs;
  if (x === undefined) return undefined;
  switch (node.operator) {
    case 'Gelu':
      return gelu(x, node.attributes?.get('approximate')?.[0] === 1, table);
    case 'com.microsoft.Gelu':
      return gelu(x, false, table);
    case 'com.microsoft.FastGelu':
      return gelu(biased(x, vector, table), true, table);
    case 'com.microsoft.BiasGelu':
      return gelu(biased(x, vector, table), false, table);
    default:
      return decomposed(node, table);
  }
}

const gelu = (x: Traced, isTanh: boolean, table: ExpressionTable): Traced =>
  table.expression({ operator: 'Gelu', inputs: [x], attributes: new Map([['tanh', [isTanh ? 1 : 0]]]), dims: x.dims });

const biased = (x: Traced, vector: Traced | undefined, table: ExpressionTable): Traced =>
  vector === undefined ? x : table.expression({ operator: 'Add', inputs: [x, vector], dims: x.dims });

/** `x / 2 * (1 + f(x))`, its factors in any order. */
function decomposed(node: NewExpression, table: ExpressionTable): Traced | undefined {
  const factors = factorsOf(table.expression(node));
  if (factors === undefined || !isNear(factors.scale, 0.5) || factors.values.length !== 2) return undefined;
  for (const [x, gate] of [factors.values, factors.values.toReversed()]) {
    const inner = x === undefined ? undefined : onePlus(gate);
    if (x === undefined || inner === undefined) continue;
    if (isExpression(inner, 'Erf') && isScaled(inner.inputs[0], Math.SQRT1_2, x)) return gelu(x, false, table);
    if (isExpression(inner, 'Tanh') && isTanhOf(inner.inputs[0], x)) return gelu(x, true, table);
  }
  return undefined;
}

/** The other of two addends one of which is 1. */
function onePlus(value: Traced | undefined): Traced | undefined {
  if (!isExpression(value, 'Add')) return undefined;
  const [a, b] = value.inputs;
  return scalarOf(b) === 1 ? a : scalarOf(a) === 1 ? b : undefined;
}

function isScaled(value: Traced | undefined, scale: number, x: Traced): boolean {
  const scaled = value && scaledValue(value);
  return scaled !== undefined && scaled.value === x && isNear(scaled.scale, scale);
}

const TANH_SCALE = Math.sqrt(2 / Math.PI);
const CUBE_SCALE = 0.044_715;

/** `sqrt(2 / pi) * (x + 0.044715 * x ^ 3)`, also with `x` before the bracket. */
function isTanhOf(value: Traced | undefined, x: Traced): boolean {
  const factors = value && factorsOf(value);
  if (factors === undefined || !isNear(factors.scale, TANH_SCALE)) return false;
  const [first, second] = factors.values;
  if (factors.values.length === 1) {
    const cube = isExpression(first, 'Add') ? besides(x, first.inputs[0], first.inputs[1]) : undefined;
    return cube !== undefined && isPower(cube, x, 3);
  }
  const square = factors.values.length === 2 ? onePlus(besides(x, first, second)) : undefined;
  return square !== undefined && isPower(square, x, 2);
}

/** The other one of `a` and `b`, one of which is `x`. */
function besides(x: Traced, a: Traced | undefined, b: Traced | undefined): Traced | undefined {
  if (a === x) return b;
  return b === x ? a : undefined;
}

function isPower(value: Traced, x: Traced, power: number): boolean {
  const factors = factorsOf(value);
  if (factors === undefined || !isNear(factors.scale, CUBE_SCALE)) return false;
  const powers = factors.values.map((factor) =>
    factor === x ? 1 : isExpression(factor, 'Pow') && factor.inputs[0] === x ? (scalarOf(factor.inputs[1]) ?? Infinity) : Infinity,
  );
  return powers.reduce((sum, one) => sum + one, 0) === power;
}
