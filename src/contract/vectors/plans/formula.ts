import * as z from 'zod';

import { about } from '../../api/api-text.ts';
import { instantOf } from '../instant.ts';
import { isReachable } from '../filter.ts';
import { VECTOR_LIMITS } from '../vector-limits.ts';
import { PLAN_LIMITS } from './plan-limits.ts';

/** A path in metadata, as filters have it. */
export const propertyPath = z
  .string()
  .min(1)
  .max(VECTOR_LIMITS.filterPathCharsMax)
  .refine(isReachable, 'must be a path in metadata such as `author.name`: names without dots, joined by dots')
  .meta(about('A path in the metadata, as filters have it.', 'author.name'));

/**
 * A number of a candidate. Properties that are missing, or of another type, are `missing`; of several values at a path the first counts. Sums and
 * products of nothing are 0 and 1.
 */
export type Formula =
  | { readonly kind: 'constant'; readonly value: number }
  /** The candidate's score before this stage; `leg`: the score that this leg gave it, 0 if it did not find it. */
  | { readonly kind: 'score'; readonly leg?: number | undefined }
  | { readonly kind: 'property'; readonly property: string; readonly missing: number }
  /** An RFC 3339 time in seconds since the Unix epoch. */
  | { readonly kind: 'time'; readonly property: string; readonly missing: number }
  /** Metres on the globe from a point to the one that the property holds. */
  | {
      readonly kind: 'geo_distance';
      readonly property: string;
      readonly from: { readonly lat: number; readonly lon: number };
      readonly missing: number;
    }
  | { readonly kind: 'sum' | 'product' | 'min' | 'max'; readonly of: readonly Formula[] }
  | Decay;

/** 1 where the value is `origin`, `at_scale` where it is `scale` away from that, towards 0 farther away (linear: 0 from some distance on). */
export interface Decay {
  readonly kind: 'decay_exp' | 'decay_gauss' | 'decay_linear';
  readonly of: Formula;
  readonly origin: number;
  readonly scale: number;
  readonly at_scale: number;
}

/** Half of the Earth's circumference: no two points are farther apart. */
const FARTHEST_M = 20_037_508;

const number = z.number();
const missing = (of: number) => number.default(of).meta(about('What counts where the property is missing or of another type.'));
const operand = z.lazy((): z.ZodType<Formula> => formula);
const operands = z.array(operand).min(1).max(PLAN_LIMITS.formulaNodesMaxCount);
const microseconds = (text: string): number => instantOf(text) ?? Number.NaN;

const origin = z
  .union([number, z.iso.datetime({ offset: true }).transform((text) => microseconds(text) / 1_000_000)], {
    error: 'must be a number, or an RFC 3339 time, which is its seconds since 1970',
  })
  .meta(about('Where the decay is 1: a number, or an RFC 3339 time.', '2026-12-01T00:00:00Z'));

/** One kind, under a name in the document: generators of clients know no union with members that refer to it otherwise. */
const named = <K extends Formula['kind'], Fields extends z.core.$ZodLooseShape>(kind: K, fields: Fields) =>
  z
    .strictObject({ kind: z.literal(kind), ...fields })
    .meta({ id: `Formula${kind.replaceAll(/(^|_)[a-z]/g, (start) => (start.at(-1) ?? '').toUpperCase())}` });

const decay = <K extends Decay['kind']>(kind: K) =>
  named(kind, {
    of: operand,
    origin: origin.default(0),
    scale: z
      .number()
      .positive()
      .meta(about('How far from `origin` the decay is `at_scale`: a number, of times seconds, of distances metres.')),
    at_scale: z.number().gt(0).lt(1).default(0.5),
  });

/** One expression and those within it. */
export const formula: z.ZodType<Formula> = z
  .discriminatedUnion('kind', [
    named('constant', { value: number }),
    named('score', { leg: z.int().min(0).max(PLAN_LIMITS.planLegsMaxCount).optional() }),
    named('property', { property: propertyPath, missing: missing(0) }),
    named('time', { property: propertyPath, missing: missing(0) }),
    named('geo_distance', {
      property: propertyPath,
      from: z.strictObject({ lat: z.number().min(-90).max(90), lon: z.number().min(-180).max(180) }),
      missing: missing(FARTHEST_M),
    }),
    named('sum', { of: operands }),
    named('product', { of: operands }),
    named('min', { of: operands }),
    named('max', { of: operands }),
    decay('decay_exp'),
    decay('decay_gauss'),
    decay('decay_linear'),
  ])
  .meta({ id: 'Formula', description: 'A number of a match, made of its score and its metadata.' });

/** The expressions that one holds. */
export function partsOf(part: Formula): readonly Formula[] {
  if (!('of' in part)) return [];
  return Array.isArray(part.of) ? (part.of as readonly Formula[]) : [part.of as Formula];
}
