import type { ExpressionTable, NewExpression } from './expression-table.ts';
import type { Expression, Traced, TracedConstant } from './traced-value.ts';
import { axisOf, isExpression, scalarOf } from './traced-value.ts';
import { factorsOf } from './terms.ts';

const ONNX_EPSILON = 1e-5;

/** Layer normalisation along the last axis, with a factor and an offset for each number. */
export function canonicalNorm({ inputs, attributes, dims }: NewExpression, table: ExpressionTable, epsilon = ONNX_EPSILON) {
  const [x, gain, bias] = inputs;
  const rank = dims?.length ?? 0;
  const isLast = axisOf(attributes?.get('axis')?.[0] ?? -1, rank) === rank - 1;
  const hasParts = isVector(gain, dims) && isVector(bias, dims);
  if (x === undefined || !isLast || !hasParts) return undefined;
  return normOf(x, gain, bias, attributes?.get('epsilon')?.[0] ?? epsilon, table);
}

/** `(x - mean) / sqrt(mean of squares + epsilon) * gain + bias`, as exporters before opset 17 write it. */
export function decomposedNorm({ inputs, dims }: NewExpression, table: ExpressionTable): Expression | undefined {
  for (const [scaled, bias] of [inputs, inputs.toReversed()]) {
    if (scaled === undefined || !isVector(bias, dims)) continue;
    const factors = factorsOf(scaled);
    if (factors?.scale !== 1) continue;
    const gain = factors.values.find((value) => isVector(value, dims));
    const normalised = gain && centredOf(factors.values.filter((value) => value !== gain));
    if (gain === undefined || normalised === undefined) continue;
    return normOf(normalised.x, gain, bias, normalised.epsilon, table);
  }
  return undefined;
}

const normOf = (x: Traced, gain: Traced, bias: Traced, epsilon: number, table: ExpressionTable): Expression =>
  table.expression({ operator: 'Norm', inputs: [x, gain, bias], attributes: new Map([['epsilon', [epsilon]]]), dims: x.dims });

const isVector = (value: Traced | undefined, dims: readonly number[] | undefined): value is TracedConstant =>
  value?.kind === 'constant' && value.dims.length === 1 && value.dims[0] === dims?.at(-1);

/** Numbers less their mean, over their deviation: as a quotient, or times the reciprocal. */
function centredOf(values: readonly Traced[]): { readonly x: Traced; readonly epsilon: number } | undefined {
  const [first, second] = values;
  if (isExpression(first, 'Div') && second === undefined) return deviated(first.inputs[0], first.inputs[1]);
  for (const [centred, reciprocal] of [values, values.toReversed()]) {
    if (values.length === 2 && isExpression(reciprocal, 'Reciprocal')) return deviated(centred, reciprocal.inputs[0]);
    if (values.length === 2 && isExpression(reciprocal, 'Pow') && scalarOf(reciprocal.inputs[1]) === -0.5)
      return spread(centred, reciprocal.inputs[0]);
  }
  return undefined;
}

function deviated(centred: Traced | undefined, deviation: Traced | undefined) {
  if (isExpression(deviation, 'Sqrt')) return spread(centred, deviation.inputs[0]);
  return isExpression(deviation, 'Pow') && scalarOf(deviation.inputs[1]) === 0.5 ? spread(centred, deviation.inputs[0]) : undefined;
}

function spread(centred: Traced | undefined, variance: Traced | undefined) {
  if (!isExpression(variance, 'Add') || !isExpression(centred, 'Sub')) return undefined;
  for (const [mean, number] of [variance.inputs, variance.inputs.toReversed()]) {
    const epsilon = scalarOf(number);
    const square = meanOf(mean);
    if (epsilon === undefined || square === undefined || !isSquare(square, centred)) continue;
    const [x, average] = centred.inputs;
    return x !== undefined && meanOf(average) === x ? { x, epsilon } : undefined;
  }
  return undefined;
}

/** What is averaged along the last axis, which stays as one number. */
function meanOf(value: Traced | undefined): Traced | undefined {
  if (!isExpression(value, 'ReduceMean')) return undefined;
  const [x, axesInput] = value.inputs;
  const axes = value.attributes.get('axes') ?? (axesInput?.kind === 'numbers' ? axesInput.numbers : []);
  const rank = x?.dims?.length ?? 0;
  return axes.length === 1 && axisOf(axes[0]!, rank) === rank - 1 && value.attributes.get('keepdims')?.[0] !== 0 ? x : undefined;
}

const isSquare = (value: Traced, of: Traced): boolean =>
  (isExpression(value, 'Pow') && value.inputs[0] === of && scalarOf(value.inputs[1]) === 2) ||
  (isExpression(value, 'Mul') && value.inputs[0] === of && value.inputs[1] === of);
