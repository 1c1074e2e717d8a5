import { canonicalGelu } from './canonical-gelu.ts';
import { canonicalNorm, decomposedNorm } from './canonical-norm.ts';
import { dynamicProduct, fusedProduct, weightProduct } from './canonical-product.ts';
import type { ExpressionTable, NewExpression } from './expression-table.ts';
import type { Traced } from './traced-value.ts';
import { broadcastDims } from './traced-value.ts';

/**
 * The one expression for what exporters write in several ways: `Norm` (x, gain, bias), `Gelu` (x) and `Product` (x, weights). Undefined: it is none of these.
 * Each rule holds for all numbers, but for rounding.
 */
export function canonical(node: NewExpression, table: ExpressionTable): Traced | undefined {
  if ((node.output ?? 0) > 0) return node.operator === SKIP_NORM && node.output === SUM_OUTPUT ? skipSum(node, table) : undefined;
  switch (node.operator) {
    case 'LayerNormalization':
    case 'com.microsoft.LayerNormalization':
      return canonicalNorm(node, table);
    case SKIP_NORM: {
      const sum = skipSum(node, table);
      return canonicalNorm({ ...node, inputs: [sum, node.inputs[2], node.inputs[3]], dims: sum.dims }, table, SKIP_EPSILON);
    }
    case 'Add':
      return decomposedNorm(node, table);
    case 'Gelu':
    case 'com.microsoft.Gelu':
    case 'com.microsoft.FastGelu':
    case 'com.microsoft.BiasGelu':
    case 'Mul':
    case 'Div':
      return canonicalGelu(node, table) ?? dynamicProduct(node, table);
    case 'MatMul':
      return weightProduct(node, table);
    default:
      return fusedProduct(node, table);
  }
}

const SKIP_NORM = 'com.microsoft.SkipLayerNormalization';
const SUM_OUTPUT = 3;
const SKIP_EPSILON = 1e-12;

/** What is normalised: two tensors, and a vector where there is one. */
function skipSum({ inputs }: NewExpression, table: ExpressionTable): Traced {
  const [x, skip, , , vector] = inputs;
  const sum = table.expression({ operator: 'Add', inputs: [x, skip], dims: broadcastDims(x?.dims, skip?.dims) });
  return vector === undefined ? sum : table.expression({ operator: 'Add', inputs: [sum, vector], dims: sum.dims });
}
