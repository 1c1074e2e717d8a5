import type { Traced } from './traced-value.ts';
import { isExpression, scalarOf } from './traced-value.ts';

/** A product of a number and of values. */
export interface Factors {
  readonly scale: number;
  readonly values: readonly Traced[];
}

/** Sums and products of a network have fewer; a graph could nest any number of them. */
const TERMS_MAX = 8;

/** The values that are added up; undefined: they are too many. */
export function addendsOf(value: Traced): Traced[] | undefined {
  const found: Traced[] = [];
  const open = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.length + open.length > TERMS_MAX) return undefined;
    if (isExpression(next, 'Add')) open.push(next.inputs[1]!, next.inputs[0]!);
    else found.push(next);
  }
  return found;
}

/** The values that are multiplied, and the numbers among them as one; undefined: they are too many. */
export function factorsOf(value: Traced): Factors | undefined {
  const values: Traced[] = [];
  const open = [value];
  let scale = 1;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (values.length + open.length > TERMS_MAX) return undefined;
    const number = scalarOf(next);
    const divisor = isExpression(next, 'Div') ? scalarOf(next.inputs[1]) : undefined;
    if (number !== undefined) scale *= number;
    else if (isExpression(next, 'Mul')) open.push(next.inputs[1]!, next.inputs[0]!);
    else if (divisor !== undefined && isExpression(next, 'Div')) {
      scale /= divisor;
      open.push(next.inputs[0]!);
    } else if (isExpression(next, 'Neg')) {
      scale = -scale;
      open.push(next.inputs[0]!);
    } else values.push(next);
  }
  return { scale, values };
}

/** The one value that a number multiplies. */
export function scaledValue(value: Traced): { readonly scale: number; readonly value: Traced } | undefined {
  const factors = factorsOf(value);
  const [only] = factors?.values ?? [];
  return factors?.values.length === 1 && only !== undefined ? { scale: factors.scale, value: only } : undefined;
}

/** Whether two numbers are one, but for how floats of 16 or 32 bits round it. */
export const isNear = (number: number | undefined, wanted: number, tolerance = 5e-4): boolean =>
  number !== undefined && Math.abs(number - wanted) <= tolerance * Math.abs(wanted);
