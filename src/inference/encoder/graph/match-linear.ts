import type { MatchedLinear, MatchedNorm, NumbersOrTensor } from './matched-encoder.ts';
import { hold, need } from './mismatch.ts';
import { addendsOf } from './terms.ts';
import type { Traced, TracedConstant } from './traced-value.ts';
import { isExpression, sameDims } from './traced-value.ts';

export interface NormMatch {
  readonly input: Traced;
  readonly norm: MatchedNorm;
  readonly epsilon: number;
}

export interface LinearMatch {
  readonly input: Traced;
  readonly weights: MatchedLinear;
  readonly dims: readonly number[] | undefined;
}

/** Undefined: the value is no norm. */
export function normIn(value: Traced): NormMatch | undefined {
  if (!isExpression(value, 'Norm')) return undefined;
  const [input, gain, bias] = value.inputs as [Traced, TracedConstant, TracedConstant];
  return { input, norm: { gain: gain.tensor, bias: bias.tensor }, epsilon: value.attributes.get('epsilon')![0]! };
}

export const normOf = (value: Traced): NormMatch => need(normIn(value));

/** A product, and the vectors that are added to it. */
export function linearOf(value: Traced): LinearMatch {
  const { linear, others } = sumOf(value);
  hold(others.length === 0, 'more than a linear layer');
  return linear;
}

/** The same, and one tensor that is added. */
export function residualOf(value: Traced): { readonly linear: LinearMatch; readonly residual: Traced } {
  const { linear, others } = sumOf(value);
  const residual = need(others[0]);
  hold(others.length === 1 && sameDims(residual.dims, linear.dims), 'no residual of one tensor');
  return { linear, residual };
}

function sumOf(value: Traced): { readonly linear: LinearMatch; readonly others: readonly Traced[] } {
  const addends = need(addendsOf(value));
  const products = addends.flatMap((addend) => (isExpression(addend, 'Product') ? [addend] : []));
  hold(products.length === 1, 'no sum with one product');
  const product = products[0]!;
  const isBias = (addend: Traced): addend is TracedConstant =>
    addend.kind === 'constant' && addend.dims.length === 1 && addend.dims[0] === product.dims?.at(-1);
  const [input, codes, scales, zeros] = product.inputs as [Traced, TracedConstant, Traced | undefined, Traced | undefined];
  const weights: MatchedLinear = {
    codes: codes.tensor,
    isTransposed: product.attributes.get('transposed')?.[0] === 1,
    scale: product.attributes.get('scale')![0]!,
    scales: numbersOrTensor(scales),
    zeros: numbersOrTensor(zeros),
    biases: addends.filter(isBias).map(({ tensor }) => tensor),
  };
  return { linear: { input, weights, dims: product.dims }, others: addends.filter((addend) => addend !== product && !isBias(addend)) };
}

function numbersOrTensor(value: Traced | undefined): NumbersOrTensor | undefined {
  if (value?.kind === 'numbers') return { numbers: value.numbers };
  return value?.kind === 'constant' ? { tensor: value.tensor } : undefined;
}
