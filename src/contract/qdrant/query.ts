import * as z from 'zod';

import { isRawJson } from '../../kernel/exact-json.ts';
import { faultText } from '../api/fault-text.ts';
import { VECTOR_LIMITS } from '../vectors/vector-limits.ts';
import { floats, FLOATS } from '../vectors/vector-fields.ts';
import { POINT_ID, pointId } from './point-id.ts';

/** A vector, or the point that has it. */
export type VectorInput =
  | { readonly kind: 'id'; readonly id: string }
  | { readonly kind: 'values'; readonly values: Float32Array<ArrayBuffer> };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawJson(value);

const valuesInput = floats.transform((values): VectorInput => ({ kind: 'values', values }));
const idInput = pointId.transform((id): VectorInput => ({ kind: 'id', id }));
const refused = (message: string) => z.never({ error: message });

/** A vector or a point, as the document has it. */
const VECTOR_INPUT = { anyOf: [FLOATS, ...POINT_ID.anyOf] };

/** Distinguished by their members, so that a mistake is reported for the form that was meant. */
export const vectorInput = z
  .unknown()
  .meta(VECTOR_INPUT)
  .transform((value, context): VectorInput => {
    return passOn(z.safeParse(vectorForm(value), value, { error: faultText }), context);
  });

function vectorForm(value: unknown): z.core.$ZodType<VectorInput> {
  if (Array.isArray(value)) return valuesInput;
  return isObject(value) ? NO_DENSE_VECTOR : idInput;
}

const NO_DENSE_VECTOR = refused('must be a dense vector or a point id: sparse vectors are not stored, and texts not embedded here');

const examples = z.array(vectorInput).max(VECTOR_LIMITS.exampleIdsMaxCount).nullish();

const STRATEGIES = ['average_vector', 'sum_scores'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** By the best score of one example, a search would have to look at every vector. */
export const strategy = z.enum(STRATEGIES, { error: `must be one of ${STRATEGIES.join(', ')}: no other is offered` }).nullish();

const nearest = z
  .strictObject({
    nearest: vectorInput,
    mmr: z
      .strictObject({
        diversity: z.number().min(0).max(1).nullish(),
        candidates_limit: z.int().min(1).max(VECTOR_LIMITS.mmrCandidatesMaxCount).nullish(),
      })
      .nullish(),
  })
  .transform(({ nearest: to, mmr }): PointQuery => ({
    kind: 'nearest',
    to,
    mmr: mmr === undefined || mmr === null ? null : { diversity: mmr.diversity ?? 0.5, candidates: mmr.candidates_limit ?? null },
  }));

const recommend = z
  .strictObject({ recommend: z.strictObject({ positive: examples, negative: examples, strategy }) })
  .transform(({ recommend: { positive, negative, strategy: by } }): PointQuery => recommendation(positive, negative, by));

export const recommendation = (
  positive: readonly VectorInput[] | null | undefined,
  negative: readonly VectorInput[] | null | undefined,
  by: Strategy | null | undefined,
): PointQuery => ({ kind: 'recommend', positive: positive ?? [], negative: negative ?? [], strategy: by ?? 'average_vector' });

/** What to look for. */
export type PointQuery =
  /** Nothing: points in the order of their ids. */
  | { readonly kind: 'listed' }
  | {
      readonly kind: 'nearest';
      readonly to: VectorInput;
      readonly mmr: { readonly diversity: number; readonly candidates: number | null } | null;
    }
  | {
      readonly kind: 'recommend';
      readonly positive: readonly VectorInput[];
      readonly negative: readonly VectorInput[];
      readonly strategy: Strategy;
    };

const LISTED: PointQuery = { kind: 'listed' };

const NOT_OFFERED = refused('must be a dense vector, a point id, `nearest` or `recommend`: nothing else is offered');

const members = (properties: object, required: readonly string[] = []) => ({
  type: 'object' as const,
  properties,
  required: [...required],
  additionalProperties: false,
});
const nullable = (schema: object) => ({ anyOf: [schema, { type: 'null' }] });
const EXAMPLES = { type: 'array' as const, items: VECTOR_INPUT, maxItems: VECTOR_LIMITS.exampleIdsMaxCount };
const NEAREST = members(
  {
    nearest: VECTOR_INPUT,
    mmr: nullable(
      members({
        diversity: nullable({ type: 'number', minimum: 0, maximum: 1 }),
        candidates_limit: nullable({ type: 'integer', minimum: 1, maximum: VECTOR_LIMITS.mmrCandidatesMaxCount }),
      }),
    ),
  },
  ['nearest'],
);
const RECOMMEND = members(
  {
    recommend: members(
      {
        positive: { ...EXAMPLES, minItems: 1 },
        negative: nullable(EXAMPLES),
        strategy: nullable({ type: 'string', enum: [...STRATEGIES] }),
      },
      ['positive'],
    ),
  },
  ['recommend'],
);

export const pointQuery = z
  .unknown()
  .meta({
    anyOf: [...VECTOR_INPUT.anyOf, NEAREST, RECOMMEND, { type: 'null' }],
    description:
      'A vector or a point id; `{nearest, mmr: {diversity, candidates_limit}}`; `{recommend: {positive, negative, strategy}}` by ' +
      '`average_vector` or, but for `Euclid`, `sum_scores`. A point that is named is not among the matches. Absent: points by id.',
  })
  .transform((value, context): PointQuery => {
    if (value === null) return LISTED;
    if (!isObject(value)) return { kind: 'nearest', to: passOn(vectorInput.safeParse(value, { error: faultText }), context), mmr: null };
    return passOn(z.safeParse(queryForm(value), value, { error: faultText }), context);
  })
  .optional()
  .transform((query): PointQuery => query ?? LISTED);

function queryForm(value: object): z.core.$ZodType<PointQuery> {
  if ('nearest' in value) return nearest;
  return 'recommend' in value ? recommend : NOT_OFFERED;
}

/** What a schema read, or its issues as this one's. */
function passOn<T>(read: z.ZodSafeParseResult<T>, context: z.RefinementCtx): T {
  if (read.success) return read.data;
  for (const issue of read.error.issues) context.issues.push({ ...issue } as z.core.$ZodRawIssue);
  return z.NEVER;
}
