import { canonicalGelu } from './canonical-gelu.ts';
import { canonicalNorm, decomposedNorm } from './canonical-norm.ts';
import { dynamicProduct, dynamicQuantizeMatMul, matMulIntegerToFloat, weightProduct } from './canonical-product.ts';
import { matMulDims } from './expression-dims.ts';
import type { ExpressionTable, NewExpression } from './expression-table.ts';
import { numbersOf } from './number-operators.ts';
import type { Traced } from './traced-value.ts';
import { broadcastDims } from './traced-value.ts';

type Rule = (node: NewExpression, table: ExpressionTable) => Traced | undefined;

const skipNorm: Rule = (node, table) => {
  const sum = skipSum(node, table);
  if (node.output === SUM_OUTPUT) return sum;
  return canonicalNorm({ ...node, inputs: [sum, node.inputs[2], node.inputs[3]], dims: sum.dims }, table, SKIP_EPSILON);
};

const quotient: Rule = (node, table) => canonicalGelu(node, table) ?? dynamicProduct(node, table);

const norm: Rule = (node, table) => canonicalNorm(node, table);

const RULES: Readonly<Record<string, Rule>> = {
  LayerNormalization: norm,
  'com.microsoft.LayerNormalization': norm,
  'com.microsoft.SkipLayerNormalization': skipNorm,
  Add: decomposedNorm,
  Mul: quotient,
  Div: quotient,
  Gelu: canonicalGelu,
  'com.microsoft.Gelu': canonicalGelu,
  'com.microsoft.FastGelu': canonicalGelu,
  'com.microsoft.BiasGelu': canonicalGelu,
  MatMul: weightProduct,
  'com.microsoft.FusedMatMul': scaledMatMul,
  'com.microsoft.DynamicQuantizeMatMul': dynamicQuantizeMatMul,
  'com.microsoft.MatMulIntegerToFloat': matMulIntegerToFloat,
};

/**
 * The one expression for what exporters write in several ways: `Norm` (x, gain, bias), `Gelu` (x) and `Product` (x, weights). Undefined: it is none of these.
 * Each rule holds for all numbers, but for rounding.
 */
export function canonical(node: NewExpression, table: ExpressionTable): Traced | undefined {
  const isMeant = (node.output ?? 0) === 0 || (node.operator.endsWith('.SkipLayerNormalization') && node.output === SUM_OUTPUT);
  return isMeant ? RULES[node.operator]?.(node, table) : undefined;
}

/** A product whose second factor may be turned, times a number. */
function scaledMatMul({ inputs, attributes }: NewExpression, table: ExpressionTable): Traced | undefined {
  const [a, given] = inputs;
  const numberOf = (name: string, absent: number): number => attributes?.get(name)?.[0] ?? absent;
  const isTurned = numberOf('transB', 0) === 1;
  const rank = given?.dims?.length ?? 0;
  if (['transA', 'transBatchA', 'transBatchB'].some((name) => numberOf(name, 0) !== 0) || rank < 2) return undefined;
  const perm = [...Array(rank - 2).keys(), rank - 1, rank - 2];
  const turned: NewExpression = {
    operator: 'Transpose',
    inputs: [given],
    attributes: new Map([['perm', perm]]),
    dims: perm.map((axis) => given!.dims![axis]!),
  };
  const b = isTurned ? table.expression(turned) : given;
  const dims = matMulDims(a?.dims, b?.dims);
  const product: NewExpression = { operator: 'MatMul', inputs: [a, b], dims };
  const alpha = numbersOf([], [numberOf('alpha', 1)], true);
  return table.expression({
    operator: 'Mul',
    inputs: [weightProduct(product, table) ?? table.expression(product), alpha],
    dims,
  });
}

const SUM_OUTPUT = 3;
const SKIP_EPSILON = 1e-12;

/** What is normalised: two tensors, and a vector where there is one. */
function skipSum({ inputs }: NewExpression, table: ExpressionTable): Traced {
  const [x, skip, , , vector] = inputs;
  const sum = table.expression({ operator: 'Add', inputs: [x, skip], dims: broadcastDims(x?.dims, skip?.dims) });
  return vector === undefined ? sum : table.expression({ operator: 'Add', inputs: [sum, vector], dims: sum.dims });
}
