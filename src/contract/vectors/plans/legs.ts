import * as z from 'zod';

import { about } from '../../api/api-text.ts';
import { exactlyOneOf, membersFrom } from '../../api/presence.ts';
import type { Filter } from '../filter.ts';
import { filter } from '../filter-syntax.ts';
import type { TextQuery } from '../text-query.ts';
import { searchedWords, textQuery } from '../text-query.ts';
import { FLOAT32_MAX, examples, text, vectorFloats, vectorId, withExamples } from '../vector-fields.ts';
import type { FusionChoice } from './fusion.ts';
import { fusion } from './fusion.ts';
import { PLAN_LIMITS } from './plan-limits.ts';

/** What every leg has. */
interface EveryLeg {
  /** What it counts for in the fusion; undefined: as the fusion chooses, else 1. */
  readonly weight?: number | undefined;
  /** Undefined: `planLegMatchesDefaultCount`, or the end of the page if that is more. */
  readonly limit?: number | undefined;
  readonly filter?: Filter | undefined;
}

/** Legs and how their rankings become one. */
export interface LegGroup {
  readonly legs: readonly Leg[];
  readonly fusion: FusionChoice;
}

/** What a leg chooses among, instead of the whole index. */
export interface Prefetch extends LegGroup {
  readonly limit?: number | undefined;
}

interface Narrowed extends EveryLeg {
  readonly prefetch?: Prefetch | undefined;
}

/** Near a vector, in the first one of rows or in a field of them: one of `vector`, `text`, `id` and `positive_ids` is there. */
export interface VectorLeg extends Narrowed {
  readonly kind: 'vector';
  readonly field: string;
  readonly vector?: Float32Array<ArrayBuffer> | undefined;
  readonly text?: string | undefined;
  readonly id?: string | undefined;
  readonly positive_ids?: readonly string[] | undefined;
  readonly negative_ids?: readonly string[] | undefined;
  readonly exact: boolean;
}

/** By words: one of `text` and `query` is there. */
export interface TextLeg extends Narrowed {
  readonly kind: 'text';
  readonly text?: string | undefined;
  readonly query?: TextQuery | undefined;
  /** Which fields, and what multiplies their weights; undefined: all text fields of the index. */
  readonly fields?: Readonly<Record<string, number>> | undefined;
}

/** By a sparse vector: `indices` and `values`, or the `text` that the field's model makes them of. */
export interface SparseLeg extends Narrowed {
  readonly kind: 'sparse';
  readonly field: string;
  readonly indices?: readonly number[] | undefined;
  readonly values?: readonly number[] | undefined;
  readonly text?: string | undefined;
}

/** What the caller found elsewhere, best first. */
export interface IdsLeg extends EveryLeg {
  readonly kind: 'ids';
  readonly ids: readonly string[];
}

/** What other legs find together. */
export interface GroupLeg extends EveryLeg, LegGroup {
  readonly kind: 'plan';
}

export type Leg = VectorLeg | TextLeg | SparseLeg | IdsLeg | GroupLeg;

export const fieldName = z.string().min(1).max(64).meta(about('A field of the index.'));

/** Where to search near a vector. */
export const vectorField = z
  .string()
  .max(64)
  .default('')
  .meta(about('A vector field of the index. Absent: the first vector, whose name is the empty text.', ''));

export const weight = z.number().min(0).max(PLAN_LIMITS.planWeightMax);

const limit = z
  .int()
  .min(1)
  .max(PLAN_LIMITS.planLegMatchesMaxCount)
  .optional()
  .meta(about(`How many it finds. Absent: ${PLAN_LIMITS.planLegMatchesDefaultCount}, or to the end of the page if that is more.`));

const every = {
  weight: weight.optional().meta(about('What it counts for in the fusion. Absent: as `auto` chooses, else 1.')),
  limit,
  filter: filter.optional().meta(about('Only these, of what the filter of the plan leaves.')),
};

/** Made anew for each place, so that in the document it is `Leg` that refers to itself. */
export const legs = (): z.ZodType<Leg[]> => z.array(leg).min(1).max(PLAN_LIMITS.planLegsMaxCount);

const prefetch = z
  .strictObject({ legs: z.lazy(legs), fusion, limit })
  .optional()
  .meta(about('Legs that are searched first: this one ranks only what they found.'));

const vectorLeg = withExamples(
  exactlyOneOf(
    z.strictObject({
      kind: z.literal('vector'),
      field: vectorField,
      vector: vectorFloats.optional(),
      text: text.optional().meta(about('Embedded with the model of the index, or of the field.', 'who opens the lock?')),
      id: vectorId.optional().meta(about('Search around this stored vector, which is then among the matches.')),
      ...examples,
      exact: z.boolean().default(false).meta(about('Compares with every vector. In a field, every search does.')),
      ...every,
      prefetch,
    }),
    ['vector', 'text', 'id', 'positive_ids'],
    'give exactly one of `vector`, `text`, `id` and `positive_ids`',
  ),
).meta({ id: 'VectorLeg' });

const textLeg = exactlyOneOf(
  z.strictObject({
    kind: z.literal('text'),
    text: searchedWords.optional().meta(about('Words, any of which may match.', 'who opens the lock?')),
    query: textQuery.optional(),
    fields: membersFrom(z.record(fieldName, weight), 1, Infinity, 'must name a text field')
      .refine(
        (named) => Object.keys(named).length <= PLAN_LIMITS.planFieldsMaxCount,
        `has more than planFieldsMaxCount (${PLAN_LIMITS.planFieldsMaxCount}) fields`,
      )
      .optional()
      .meta(about('The text fields to search and what multiplies their weights. Absent: all of the index.', { body: 1 })),
    ...every,
    prefetch,
  }),
  ['text', 'query'],
  'give either `text` or `query`',
).meta({ id: 'TextLeg' });

const sparseLeg = exactlyOneOf(
  z
    .strictObject({
      kind: z.literal('sparse'),
      field: fieldName,
      indices: z
        .array(z.int().min(0).max(0xffff_ffff))
        .min(1)
        .max(PLAN_LIMITS.planSparseTermsMaxCount)
        .refine((indices) => new Set(indices).size === indices.length, 'has an index twice')
        .optional(),
      values: z
        .array(z.number().min(-FLOAT32_MAX).max(FLOAT32_MAX))
        .max(PLAN_LIMITS.planSparseTermsMaxCount)
        .optional()
        .meta(about('One of each index, in the range of float32.')),
      text: text.optional().meta(about("Made a sparse vector by the field's model.")),
      ...every,
      prefetch,
    })
    .superRefine(({ indices, values, text: words }, context) => {
      const message =
        indices === undefined
          ? values === undefined || words === undefined
            ? undefined
            : 'goes with `indices` only'
          : values?.length === indices.length
            ? undefined
            : `has ${values?.length ?? 0} numbers; there are ${indices.length} indices`;
      if (message !== undefined) context.addIssue({ code: 'custom', path: ['values'], message });
    }),
  ['indices', 'text'],
  'give either `indices` with `values`, or `text`',
).meta({ id: 'SparseLeg' });

const idsLeg = z
  .strictObject({
    kind: z.literal('ids'),
    ids: z
      .array(vectorId)
      .min(1)
      .max(PLAN_LIMITS.planLegMatchesMaxCount)
      .refine((ids) => new Set(ids).size === ids.length, 'has an id twice')
      .meta(about('What was found elsewhere, best first; ids that are not there are passed over.')),
    ...every,
  })
  .meta({ id: 'IdsLeg' });

const groupLeg = z.strictObject({ kind: z.literal('plan'), legs: z.lazy(legs), fusion, ...every }).meta({ id: 'PlanLeg' });

/** One search of a plan. Each kind has a name in the document: generators of clients know no union with members that refer to it otherwise. */
export const leg = z
  .discriminatedUnion('kind', [vectorLeg, textLeg, sparseLeg, idsLeg, groupLeg])
  .meta({ id: 'Leg', description: 'One search of a plan, whose ranking its fusion merges with those of the others.' });

/** The legs directly within one. */
export const groupsOf = (one: Leg): readonly { readonly group: LegGroup; readonly at: readonly string[] }[] => {
  if (one.kind === 'plan') return [{ group: one, at: ['legs'] }];
  return one.kind === 'ids' || one.prefetch === undefined ? [] : [{ group: one.prefetch, at: ['prefetch', 'legs'] }];
};

/** What a leg finds, where neither it nor the page asks for more. */
export const limitOf = ({ limit: asked }: Pick<EveryLeg, 'limit'>, pageEnd: number): number =>
  asked ?? Math.min(PLAN_LIMITS.planLegMatchesMaxCount, Math.max(PLAN_LIMITS.planLegMatchesDefaultCount, pageEnd));
