import { valuesAt } from '../../../../ann/filter/accepts.ts';
import { distanceM, pointOf } from '../../../../ann/filter/geo.ts';
import type { JsonValue } from '../../../../contract/api/json-value.ts';
import { instantOf } from '../../../../contract/vectors/instant.ts';
import type { Decay, Formula } from '../../../../contract/vectors/plans/formula.ts';

/** What a formula is evaluated for. */
export interface FormulaInput {
  readonly score: number;
  /** What the leg at this position gave it. */
  readonly legScore: (leg: number) => number;
  readonly metadata: JsonValue;
}

/** The greatest number that a formula may come to: sums and products of metadata must stay finite, as scores of answers are. */
const MOST = Number.MAX_VALUE;

/** A finite number: what overflows is cut to the greatest one. */
export function evaluate(formula: Formula, input: FormulaInput): number {
  const value = exact(formula, input);
  // Infinity times 0, or less itself.
  if (Number.isNaN(value)) return 0;
  return Math.max(-MOST, Math.min(MOST, value));
}

function exact(formula: Formula, input: FormulaInput): number {
  if ('origin' in formula) return decayed(formula, evaluate(formula.of, input));
  switch (formula.kind) {
    case 'constant':
      return formula.value;
    case 'score':
      return formula.leg === undefined ? input.score : input.legScore(formula.leg);
    case 'property':
      return firstOf(input.metadata, formula.property, (value) => (typeof value === 'number' ? value : undefined)) ?? formula.missing;
    case 'time':
      return firstOf(input.metadata, formula.property, secondsOf) ?? formula.missing;
    case 'geo_distance':
      return firstOf(input.metadata, formula.property, (value) => metresTo(formula.from, value)) ?? formula.missing;
    case 'sum':
      return formula.of.reduce((sum, part) => sum + evaluate(part, input), 0);
    case 'product':
      return formula.of.reduce((product, part) => product * evaluate(part, input), 1);
    case 'min':
      return Math.min(...formula.of.map((part) => evaluate(part, input)));
    case 'max':
      return Math.max(...formula.of.map((part) => evaluate(part, input)));
  }
}

function firstOf(metadata: JsonValue, path: string, read: (value: JsonValue) => number | undefined): number | undefined {
  for (const value of valuesAt(metadata, path)) {
    const number = read(value);
    if (number !== undefined) return number;
  }
  return undefined;
}

function secondsOf(value: JsonValue): number | undefined {
  const instant = typeof value === 'string' ? instantOf(value) : undefined;
  return instant === undefined ? undefined : instant / 1_000_000;
}

function metresTo(from: { readonly lat: number; readonly lon: number }, value: JsonValue): number | undefined {
  const point = pointOf(value);
  return point === undefined ? undefined : distanceM(from, point);
}

/** `at_scale` to the power of the distance in scales (exp), or of its square (gauss); or falling by the same amount every scale (linear). */
function decayed({ kind, origin, scale, at_scale: atScale }: Decay, value: number): number {
  const distance = Math.abs(value - origin) / scale;
  if (kind === 'decay_exp') return atScale ** distance;
  return kind === 'decay_gauss' ? atScale ** (distance * distance) : Math.max(0, 1 - (1 - atScale) * distance);
}
