import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { someOf } from '../api/presence.ts';
import { modelName } from '../embeddings/embedding-fields.ts';
import type { AnalysisSettings } from './analysis.ts';
import { analysisSettings } from './analysis.ts';
import { FIELD_LIMITS } from './field-limits.ts';
import { INDEX_LIMITS } from './index-limits.ts';
import type { Metric } from './index-settings.ts';
import { METRICS } from './index-settings.ts';

/** A text field: searched by its terms (BM25). */
export interface TextField {
  readonly kind: 'text';
  readonly analysis: AnalysisSettings;
  /** Multiplies the field's scores; positive. */
  readonly weight: number;
  /** Where a row has its value: under the field's name among its `fields`, or as the row's own `text`. */
  readonly source: 'field' | 'text';
}

/** A sparse vector: numbers by dimension, most of which are absent. */
export interface SparseField {
  readonly kind: 'sparse';
  /** Whether the weights of a query's dimensions are multiplied by their inverse document frequency. */
  readonly idf: boolean;
  /** The sparse encoder that makes the vectors of texts. */
  readonly model: string | null;
  /** The embedding contract that the field is pinned to. Absent: it names no model. */
  readonly contractHash?: string;
}

/** Several vectors a row, compared by MaxSim (late interaction). */
export interface MultiVectorField {
  readonly kind: 'multi_vector';
  /** Of each vector. */
  readonly dimensions: number;
  /** The encoder whose token vectors stand for texts. */
  readonly model: string | null;
  /** The embedding contract that the field is pinned to. Absent: it names no model. */
  readonly contractHash?: string;
}

/** A dense vector besides the first one: searched exactly, wherever the first one has placed its row. */
export interface VectorField {
  readonly kind: 'vector';
  readonly dimensions: number;
  readonly metric: Metric;
  /** The model that makes the vectors of texts. */
  readonly model: string | null;
  /** The embedding contract that the field is pinned to. Absent: it names no model. */
  readonly contractHash?: string;
}

export type IndexField = TextField | SparseField | MultiVectorField | VectorField;

/** What an index has besides its first dense vector, which is the field `""`. */
export type IndexFields = Readonly<Record<string, IndexField>>;

const SOURCES = ['field', 'text'] as const;

const weight = z
  .number()
  .positive('must be more than 0')
  .max(FIELD_LIMITS.fieldWeightMax)
  .meta(about('Multiplies the scores of the field where several are searched together.'));
const source = z
  .enum(SOURCES)
  .meta(about("Where a vector has its value: under the field's name in its `fields`, or as its own `text`, whatever its values are."));
const idf = z
  .boolean()
  .meta(
    about('Whether the numbers of a query are multiplied by the inverse document frequency of their dimensions, as BM25 does with terms.'),
  );
const dimensions = z.int().min(INDEX_LIMITS.dimensionsMinCount).max(FIELD_LIMITS.multiVectorDimensionsMaxCount);
const vectorDimensions = z.int().min(INDEX_LIMITS.dimensionsMinCount).max(INDEX_LIMITS.dimensionsMaxCount);
const metric = z.enum(METRICS).meta(about('How the vectors of the field are compared.'));
const encoder = (what: string) =>
  modelName.optional().meta(about(`The ${what} that makes numbers of texts. Absent: the field takes numbers only.`));

const newText = z.strictObject({
  kind: z.literal('text'),
  ...analysisSettings.shape,
  weight: weight.default(1),
  source: source.default('field'),
});
const newSparse = z.strictObject({ kind: z.literal('sparse'), idf: idf.default(false), model: encoder('sparse encoder') });
const newMultiVector = someOf(
  z.strictObject({
    kind: z.literal('multi_vector'),
    dimensions: dimensions.optional().meta(about('Of each vector. Absent: those of the model.')),
    model: encoder('encoder of token vectors'),
  }),
  ['dimensions', 'model'],
  'give `dimensions`, `model` or both',
);
const newVector = someOf(
  z.strictObject({
    kind: z.literal('vector'),
    dimensions: vectorDimensions.optional().meta(about('Absent: those of the model.')),
    metric: metric.default('cosine'),
    model: encoder('model'),
  }),
  ['dimensions', 'model'],
  'give `dimensions`, `model` or both',
);

const NAME = /^[a-z0-9][a-z0-9_-]*$/;
const { fieldNameCharsMax: nameCharsMax, fieldsPerIndexMaxCount: countMax } = FIELD_LIMITS;

/** What is wrong with the names of fields, before zod's records lose the key `__proto__`. */
function nameFault(given: unknown): { readonly message: string; readonly path: string[]; readonly maximum?: number } | undefined {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined;
  const names = Object.keys(given);
  if (names.length > countMax)
    return { message: `has ${names.length} fields, more than fieldsPerIndexMaxCount (${countMax})`, path: [], maximum: countMax };
  const long = names.find((name) => name.length > nameCharsMax);
  if (long !== undefined) {
    const message = `is a name of ${long.length} characters, more than fieldNameCharsMax (${nameCharsMax})`;
    return { message, path: [long], maximum: nameCharsMax };
  }
  const odd = names.find((name) => !NAME.test(name));
  const message = 'is no name of a field: it has lower-case letters, digits, hyphens and underscores, and begins with a letter or a digit';
  return odd === undefined ? undefined : { message, path: [odd] };
}

/** The fields of a new index, by name. */
export const newFields = z
  .preprocess(
    (given, context) => {
      const fault = nameFault(given);
      if (fault === undefined) return given;
      const { maximum, ...issue } = fault;
      context.issues.push(
        maximum === undefined
          ? { code: 'custom', input: given, ...issue }
          : { code: 'too_big', origin: 'object', maximum, input: given, ...issue },
      );
      return z.NEVER;
    },
    z.record(z.string(), z.discriminatedUnion('kind', [newText, newSparse, newMultiVector, newVector])),
  )
  .meta({
    description:
      'What vectors have besides their values: other vectors of their own dimensions and metric, texts that are searched by their terms, sparse ' +
      'vectors, and several vectors each. The vector itself is the field whose name is empty.',
    propertyNames: { type: 'string', pattern: NAME.source, maxLength: nameCharsMax },
    maxProperties: countMax,
    example: { title: { kind: 'text', weight: 2 } },
  });

export type NewFields = z.output<typeof newFields>;

const pinned = {
  model: z.string().nullable(),
  contract_hash: z.string().nullable().meta(about('The embedding contract that the field is pinned to.')),
};

/** The fields of an index, as answers have them. */
export const fieldsReply = z.record(
  z.string(),
  z.discriminatedUnion('kind', [
    newText.extend({ weight, source }),
    z.object({ kind: z.literal('sparse'), idf, ...pinned }),
    z.object({ kind: z.literal('multi_vector'), dimensions, ...pinned }),
    z.object({ kind: z.literal('vector'), dimensions: vectorDimensions, metric, ...pinned }),
  ]),
);

export type FieldsReply = z.input<typeof fieldsReply>;
