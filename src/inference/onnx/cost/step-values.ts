import type { GraphStep, ShapeRule } from './graph-step.ts';
import type { GraphValue } from './graph-value.ts';
import { broadcast, DATA, unknownOf, valueOf } from './graph-value.ts';
import { KNOWN_NUMBERS } from './known-numbers.ts';
import { axisOf, LAYOUT_SHAPES } from './layout-shapes.ts';
import { answersBool, BROADCAST_KINDS, LIKE_FIRST_KINDS, REDUCE_KINDS } from './operator-kinds.ts';
import { PRODUCT_SHAPES } from './product-shapes.ts';
import { WINDOW_SHAPES } from './window-shapes.ts';

const SHAPES: Readonly<Record<string, ShapeRule>> = { ...LAYOUT_SHAPES, ...WINDOW_SHAPES, ...PRODUCT_SHAPES };

/**
 * What is known of the outputs of a step: all of them, be it nothing. The runtime makes no dimensions below zero: a graph that asks for them, after
 * all others or where it never comes, must not be counted as computing less. [M59]
 */
export function valuesOf(step: GraphStep): readonly GraphValue[] {
  const numbers = KNOWN_NUMBERS[step.operator]?.(step);
  const known = numbers === undefined ? (ruleOf(step.operator)?.(step) ?? []) : [numbers];
  const dataType = step.inputs[0]?.dataType ?? DATA.float32;
  return Array.from({ length: step.outputCount }, (_, at) => {
    const value = known[at];
    return value?.dims?.every((size) => size >= 0) === true ? value : unknownOf(value?.dataType ?? dataType);
  });
}

function ruleOf(operator: string): ShapeRule | undefined {
  if (Object.hasOwn(SHAPES, operator)) return SHAPES[operator];
  if (LIKE_FIRST_KINDS.has(operator)) return likeFirst;
  if (BROADCAST_KINDS.has(operator)) return together;
  return REDUCE_KINDS.has(operator) ? reduce : undefined;
}

function likeFirst(step: GraphStep): GraphValue[] {
  const first =
    step.operator === 'BiasGelu' || step.operator === 'SkipLayerNormalization'
      ? broadcast(step.input(0).dataType, step.given)
      : step.input(0);
  const value = { ...first, dataType: typeOf(step, first.dataType), numbers: undefined };
  if (step.operator === 'DynamicQuantizeLinear') return [value, valueOf(DATA.float32, []), valueOf(DATA.uint8, [])];
  return [value, ...Array.from({ length: step.outputCount - 1 }, () => ({ ...value, isExact: false }))];
}

function typeOf(step: GraphStep, dataType: number): number {
  if (answersBool(step.operator)) return DATA.bool;
  if (step.operator === 'Cast') return step.int('to', dataType);
  if (step.operator === 'CastLike') return step.input(1).dataType;
  if (step.operator === 'QuantizeLinear') return step.inputs[2]?.dataType ?? DATA.uint8;
  if (step.operator === 'DequantizeLinear') return step.input(1).dataType;
  return step.operator === 'DynamicQuantizeLinear' ? DATA.uint8 : dataType;
}

/** `Where` answers values of its second input. Scales and zero points of quantised sums are single numbers. */
function together(step: GraphStep): GraphValue[] {
  const dataType = answersBool(step.operator) ? DATA.bool : step.input(step.operator === 'Where' ? 1 : 0).dataType;
  return [broadcast(dataType, step.given)];
}

function reduce(step: GraphStep): GraphValue[] | undefined {
  const data = step.input(0);
  const isArg = step.operator.startsWith('Arg');
  const axes = isArg ? [step.int('axis', 0)] : step.sizes('axes', 1);
  const dataType = isArg ? DATA.int64 : data.dataType;
  if (data.dims === undefined) return undefined;
  // No more than all of it is left.
  if (axes === undefined) return [{ ...data, dataType, isExact: false, numbers: undefined }];
  const isNothing = axes === 'absent' || axes.length === 0;
  if (isNothing && step.int('noop_with_empty_axes', 0) === 1) return [data];
  const gone = new Set(isNothing ? data.dims.keys() : axes.map((axis) => axisOf(data, axis)));
  const kept = step.int('keepdims', 1) === 1;
  const dims = data.dims.flatMap((size, axis) => (gone.has(axis) ? (kept ? [1] : []) : [size]));
  return [valueOf(dataType, dims, data.isExact)];
}
