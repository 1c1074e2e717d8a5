import * as z from 'zod';

import { about } from '../api/api-text.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, tenant } from '../api/endpoint.ts';
import { ERRORS } from '../api/errors.ts';
import type { ErrorCode } from '../api/errors.ts';
import { fieldValues, fieldValuesReply } from './field-values.ts';
import { indexParams } from '../indexes/index-params.ts';
import { VECTOR_LIMITS } from './vector-limits.ts';
import { truncate, truncatedCounts } from '../embeddings/truncation.ts';
import { floatsReply, modelName } from '../embeddings/embedding-fields.ts';
import { floats, metadata, namespace, text, vectorId } from './vector-fields.ts';

/** One line of an import. */
export const importLine = z
  .strictObject({
    id: vectorId,
    values: floats.nullable().optional(),
    text: text.optional(),
    namespace,
    metadata: metadata.nullable().optional(),
    fields: fieldValues.optional(),
  })
  .refine(
    ({ values, text: given, fields }) => values !== undefined || given !== undefined || fields !== undefined,
    'give `values`, `text` or `fields`; `values: null` stands for no vector',
  )
  .meta(
    about(
      'A vector, as an export writes it. A text that comes with values, or with null for none, is stored and not embedded. Progress lines of an export are skipped.',
    ),
  );

const FRAMED =
  'Frames one after another, each written whole or not at all: `SLF1`; three uint32, little-endian: bytes of the head (a multiple of 4), rows, ' +
  'numbers of a row; the head, JSON padded with spaces: `{"vectors": [...]}`, each as a line has it but that `values` is the number of its row, ' +
  'from 0; and the rows as float32, little-endian. A frame has at most 1,000 vectors and 2 MiB; an id is in it once. `lines` counts its vectors.';

export type ImportLine = z.output<typeof importLine>;

const count = z.int().min(0);

const token = z.string().min(1).max(VECTOR_LIMITS.bulkTokenCharsMax);

const failure = z.object({
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  message: z.string().meta(about('Names the line, the field, and what stands there.')),
  param: z.string().nullable().meta(about('Path of the field within the line.')),
  line: z.int().min(1).nullable().meta(about('Number of the line in the whole import, from 1; null when no line is at fault.')),
  retry_after_ms: count.optional(),
});

const importProgress = z.object({
  object: z.literal('index.import'),
  status: z
    .enum(['running', 'done', 'stopped'])
    .meta(about('`done` and `stopped` are the last line. Without one of them the import was interrupted.')),
  import: z.string().meta(about('The same for all parts of an import.')),
  lines: count.meta(about('So many lines of the whole import are done, however many parts it took.')),
  bytes: count.meta(about('And so many bytes: where the next part begins.')),
  written: count.meta(about('Vectors that this part wrote, or found written.')),
  truncated: truncatedCounts.meta(
    about('Of an import with `truncate=end`: how many texts this part has cut, and the tokens that they lost.'),
  ),
  lsn: count.nullable(),
  token: token.meta(about('Goes on behind `lines`: repeat the call with it, and send what follows.')),
  skip_token: token.optional().meta(about('Goes on behind the line that was refused.')),
  error: failure.optional(),
});

export type ImportProgress = z.input<typeof importProgress>;

const importQuery = z.strictObject({
  token: token.optional().meta(about('Of an earlier part of the same import: the body is what follows the lines that are done.')),
  model: modelName.optional().meta(about('The model that the values come from, as in an upsert.')),
  truncate,
});

const flag = (otherwise: boolean) =>
  z
    .enum(['true', 'false'])
    .default(otherwise ? 'true' : 'false')
    .transform((value) => value === 'true');

const exportQuery = z.strictObject({
  token: token.optional().meta(about('From an earlier part of the same export: continues after the vectors sent by then.')),
  include_values: flag(true),
  include_metadata: flag(true),
  include_text: flag(true),
  include_fields: flag(true),
});

export type ExportQuery = z.output<typeof exportQuery>;

const exportLine = z.union([
  z.object({
    id: z.string(),
    namespace: z.string().optional(),
    values: floatsReply.nullable().optional(),
    metadata: z.record(z.string(), z.unknown()).nullable().optional(),
    text: z.string().optional(),
    fields: fieldValuesReply.optional(),
  }),
  z.object({
    export: z.object({
      status: z.enum(['running', 'done', 'stopped']).meta(about('Without a last line `done` or `stopped`, the export was interrupted.')),
      vectors: count.meta(about('How many vectors this part has sent so far.')),
      token: token.meta(about('Goes on behind the line before.')),
      lsn: count,
      error: failure.omit({ line: true, param: true }).optional(),
    }),
  }),
]);

export type ExportLine = z.input<typeof exportLine>;

export const bulkEndpoints = {
  importVectors: {
    ...call('POST', '/v1/indexes/:index/import', { kind: 'ndjson', schema: importLine, framed: FRAMED }),
    tag: 'Vectors',
    summary: 'Write any number of vectors, one a line',
    description:
      'The body is NDJSON and is read as fast as it is written into the index; the reply is NDJSON too and reports progress about once a second. ' +
      'Lines are written in their order, in batches, as an upsert would. The first line that cannot be written ends the import: all before it is ' +
      'written, nothing behind it. When the connection breaks, repeat the call with the last `token` and send the body from `bytes` on: what was ' +
      'written but not acknowledged is then neither written nor billed again, for as long as an upsert remembers its `Idempotency-Key`. ' +
      'With such a key, even a repetition from the beginning is. The body may be compressed (`content-encoding: gzip` or `deflate`); `bytes` counts ' +
      'what it becomes, so compress the rest again.',
    access: tenant('index:write'),
    meters: ['vectors_written', 'embedding_tokens', 'embedding_cached_tokens'],
    params: indexParams,
    query: importQuery,
    status: 200,
    reply: { kind: 'ndjson', schema: importProgress },
    idempotent: true,
  },
  exportVectors: {
    ...call('GET', '/v1/indexes/:index/export'),
    tag: 'Vectors',
    summary: 'Read all vectors, one a line',
    description:
      'In the order of namespaces and ids. A vector that exists throughout is sent exactly once, as it was at some time meanwhile; one that comes ' +
      'or goes meanwhile, once or not at all. Every so often, and at the end, a line `export` reports the progress, with a `token` that continues ' +
      'from there. An import takes all of it as it is. What holds chunks of documents is left out: another index gets it with the documents.',
    access: tenant('index:read'),
    meters: [],
    params: indexParams,
    query: exportQuery,
    status: 200,
    reply: { kind: 'ndjson', schema: exportLine },
  },
} as const satisfies Record<string, Endpoint>;
