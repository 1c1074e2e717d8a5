import * as z from 'zod';

import { exactlyOneOf, notBoth, onlyWith, someOf } from '../api/presence.ts';
import { about } from '../api/api-text.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { someFilter } from './filter-syntax.ts';
import { isReachable } from './filter.ts';
import { indexParams } from '../indexes/index-params.ts';
import { VECTOR_LIMITS } from './vector-limits.ts';
import { metadata, namespace, vectorFloats, vectorId } from './vector-fields.ts';
import { fieldValues } from './field-values.ts';
import { FIELD_LIMITS } from '../indexes/field-limits.ts';
import { truncate, truncated } from '../embeddings/truncation.ts';
import { lsn, refuseDuplicates } from './vectors.ts';

const metadataPath = z
  .string()
  .min(1)
  .max(VECTOR_LIMITS.filterPathCharsMax)
  .refine(isReachable, 'is no path: its parts, between dots, are neither empty nor unstorable')
  .meta({
    ...about('Names of members, between dots. It leads through objects, not into arrays.', 'author.name'),
    pattern: '^[^.\\x00]+(\\.[^.\\x00]+)*$',
  });

const ids = z.array(vectorId).min(1).max(VECTOR_LIMITS.vectorIdsMaxCount);

const ofSome = exactlyOneOf(
  z.strictObject({
    ids: ids.optional(),
    filter: someFilter.optional(),
    namespace,
    set: metadata.optional().meta(about('Members to set; others stay.')),
    at: metadataPath.optional().meta(about('With `set`: where in the metadata. What is no object there becomes one.')),
    unset: z.array(metadataPath).min(1).max(VECTOR_LIMITS.metadataPathsMaxCount).optional().meta(about('What to remove.')),
    replace: metadata.nullable().optional().meta(about('All of the new metadata; null for none.')),
  }),
  ['ids', 'filter'],
  { path: ['ids'], message: 'give exactly one of `ids` and `filter`' },
);
const ofOneKind = exactlyOneOf(ofSome, ['set', 'unset', 'replace'], {
  path: ['set'],
  message: 'give exactly one of `set`, `unset` and `replace`',
});
const metadataBody = onlyWith(ofOneKind, 'at', 'set', { path: ['at'], message: 'goes with `set` only' });

export type MetadataBody = z.output<typeof metadataBody>;

const fieldName = z.string().min(1).max(FIELD_LIMITS.fieldNameCharsMax);

const unset = z.array(fieldName).min(1).max(FIELD_LIMITS.fieldsPerIndexMaxCount).optional().meta(about('Fields whose values go.'));
const nothingChanged = { path: ['set'], message: 'give `set`, `unset` or both' };

const newFields = someOf(
  z.strictObject({ id: vectorId, set: fieldValues.optional().meta(about('Values by field. Values of other fields stay.')), unset }),
  ['set', 'unset'],
  nothingChanged,
);

function fieldsOf(item: z.core.$ZodType<z.output<typeof newFields>>) {
  const ofRows = exactlyOneOf(
    z.strictObject({
      ids: ids.optional(),
      filter: someFilter.optional(),
      vectors: z
        .array(item)
        .min(1)
        .max(VECTOR_LIMITS.upsertCallVectorsMaxCount)
        .superRefine(refuseDuplicates)
        .optional()
        .meta(about('Vectors of which each gets its own values; no id twice.')),
      namespace,
      set: fieldValues.optional().meta(about('Values by field, the same for each of the vectors. Values of other fields stay.')),
      unset,
      truncate,
    }),
    ['ids', 'filter', 'vectors'],
    { path: ['ids'], message: 'give exactly one of `ids`, `filter` and `vectors`' },
  );
  const ofValues = someOf(ofRows, ['set', 'unset', 'vectors'], nothingChanged);
  return (['set', 'unset'] as const).reduce(
    (body, name) => notBoth(body, [name, 'vectors'], { path: [name], message: 'is given by each of `vectors`' }),
    ofValues,
  );
}

const newValues = z.strictObject({ id: vectorId, values: vectorFloats.nullable() });

const valuesOf = (item: z.core.$ZodType<z.output<typeof newValues>>) =>
  z.strictObject({ vectors: z.array(item).min(1).max(VECTOR_LIMITS.upsertCallVectorsMaxCount).superRefine(refuseDuplicates), namespace });

const updated = z.object({ updated: z.int().min(0).meta(about('How many vectors are now as asked for.')), lsn });

export const vectorChangeEndpoints = {
  updateMetadata: {
    ...call('POST', '/v1/indexes/:index/metadata', json(metadataBody)),
    tag: 'Vectors',
    summary: 'Change the metadata of stored vectors',
    description:
      'Of those with these ids, or those that a filter accepts; ids that are not there are left out. Goes in slices, each all or none. Each ' +
      'vector is read and changed at once, so that changes of several callers add up; with a filter only while it is still accepted. ' +
      'Those that hold chunks of documents are changed with these alone: naming them is refused, and a filter leaves them.',
    access: tenant('index:write'),
    meters: ['vectors_written'],
    params: indexParams,
    status: 200,
    reply: json(updated),
  },
  updateFields: {
    method: 'POST',
    path: '/v1/indexes/:index/fields',
    tag: 'Vectors',
    summary: 'Change the values of fields of stored vectors',
    description:
      'The same for those with these ids, or those that a filter accepts; or of each of `vectors` its own. Ids that are not there are left out. Texts ' +
      'for fields that name a model are encoded: of `set` once, whatever the number of vectors. Their values, metadata and texts stay. Goes in slices, each all or none. Each vector is read ' +
      'and changed at once, so that changes of several callers add up; with a filter only while it is still accepted.',
    access: tenant('index:write'),
    meters: ['vectors_written', 'embedding_tokens', 'embedding_cached_tokens'],
    params: indexParams,
    body: {
      kind: 'json',
      schema: fieldsOf(newFields),
      bytesMax: VECTOR_LIMITS.upsertBodyBytesMax,
      streamed: {
        arrays: [{ path: ['vectors'], item: newFields, countMax: VECTOR_LIMITS.upsertCallVectorsMaxCount }],
        whole: fieldsOf(z.custom<z.output<typeof newFields>>()),
      },
    },
    status: 200,
    reply: json(updated.extend({ truncated })),
  },
  updateValues: {
    method: 'POST',
    path: '/v1/indexes/:index/values',
    tag: 'Vectors',
    summary: 'Give stored vectors new values',
    description:
      'Null takes the values away. Their metadata and fields stay; a text goes that new values are not made of, unless a text field is made of it. ' +
      'Ids that are not there are left out. Goes in slices.',
    access: tenant('index:write'),
    meters: ['vectors_written'],
    params: indexParams,
    body: {
      kind: 'json',
      schema: valuesOf(newValues),
      bytesMax: VECTOR_LIMITS.upsertBodyBytesMax,
      rows: { list: 'vectors', field: 'values' },
      streamed: {
        arrays: [{ path: ['vectors'], item: newValues, countMax: VECTOR_LIMITS.upsertCallVectorsMaxCount }],
        whole: valuesOf(z.custom<z.output<typeof newValues>>()),
      },
    },
    status: 200,
    reply: json(updated),
  },
} as const satisfies Record<string, Endpoint>;
