import * as z from 'zod';

import { API_LIMITS } from '../api/api-limits.ts';
import { about, named } from '../api/api-text.ts';
import { page, pageQuery, unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { STORABLE, UNSTORABLE } from '../api/json-value.ts';
import { exactlyOneOf } from '../api/presence.ts';
import { wholeText } from '../api/text-number.ts';
import { accessLabel, narrowingLabelsText } from './access-labels.ts';
import { fileId } from '../files/files.ts';
import { indexParams } from '../indexes/index-params.ts';
import { metadata, namespace } from '../vectors/vector-fields.ts';
import { DOCUMENT_LIMITS } from './document-limits.ts';
import { DOCUMENT_STORE_LIMITS } from './document-store-limits.ts';

/** What the gateway reads itself. */
export const STORED_FORMATS = ['text', 'markdown', 'csv', 'jsonl'] as const;
/** What an agent reads. */
const PARSED_FORMATS = ['html', 'pdf', 'docx', 'pptx', 'xlsx'] as const;

const { documentIdBytesMax, documentTitleCharsMax, documentLabelsMaxCount } = DOCUMENT_STORE_LIMITS;

export const documentId = z
  .string()
  .min(1)
  .regex(STORABLE, UNSTORABLE)
  .regex(/^(?!\.{1,2}$)/, 'must not be . or ..')
  .refine((id) => new TextEncoder().encode(id).length <= documentIdBytesMax, `must have at most ${documentIdBytesMax} bytes of UTF-8`)
  .meta(
    about(
      `Id of a document, such as its path or URL: at most ${documentIdBytesMax} bytes of UTF-8, percent-encoded in paths.`,
      'guides/locks.md',
    ),
  );

const format = z
  .enum([...STORED_FORMATS, ...PARSED_FORMATS])
  .default('text')
  .meta(about('What the source is written in. `html`, `pdf`, `docx`, `pptx` and `xlsx` are read by an agent.'));

export type DocumentFormat = z.output<typeof format>;

const chunking = z.strictObject({
  max_tokens: z
    .int()
    .min(DOCUMENT_LIMITS.chunkTokensMin)
    .max(DOCUMENT_LIMITS.chunkTokensMax)
    .optional()
    .meta(about('Tokens of a chunk at most, with the titles above it. Absent: 128, or as it was.')),
  overlap_tokens: z
    .int()
    .min(0)
    .max(DOCUMENT_LIMITS.chunkTokensMax / 4)
    .optional()
    .meta(about('Tokens that a chunk repeats of the one before: a quarter of `max_tokens` at most. Absent: none, or as it was.')),
  context: z
    .boolean()
    .optional()
    .meta(about('Whether titles of headings and names of columns stand before a chunk where it is embedded. Absent: true, or as it was.')),
});

export type Chunking = z.output<typeof chunking>;

const documentMetadata = metadata.superRefine((text, context) => {
  const bytes = new TextEncoder().encode(text).length;
  const { documentMetadataBytesMax } = DOCUMENT_STORE_LIMITS;
  if (bytes > documentMetadataBytesMax)
    context.addIssue({
      code: 'too_big',
      origin: 'object',
      maximum: documentMetadataBytesMax,
      message: `has ${bytes} bytes as JSON, more than ${documentMetadataBytesMax} (documentMetadataBytesMax): every chunk carries it`,
    });
  const reserved = Object.keys(JSON.parse(text) as object).find((name) => name.startsWith('$'));
  if (reserved !== undefined)
    context.addIssue({ code: 'custom', path: [reserved], message: 'must not begin with $: such names are reserved' });
});

const putBody = exactlyOneOf(
  z.strictObject({
    text: z.string().optional().meta(about('The source itself.', '# Locks\n\nThe keeper opens the gates at dawn.')),
    file: fileId.optional().meta(about('The source as an uploaded file, of at most 100 MiB: of UTF-8, if it is text.')),
    format,
    delimiter: z
      .string()
      .length(1)
      .optional()
      .meta(about('With `csv`: what stands between fields. Absent: the most frequent in its header.', ';')),
    fields: z
      .array(z.string().min(1).max(256))
      .min(1)
      .max(DOCUMENT_LIMITS.recordFieldsMaxCount)
      .optional()
      .meta(about('With `jsonl`: the fields of each record that are its text, in this order.')),
    title: z.string().max(documentTitleCharsMax).optional(),
    metadata: documentMetadata.optional(),
    labels: z
      .array(accessLabel)
      .max(documentLabelsMaxCount)
      .default([])
      .meta(about('Who may read it: every chunk carries them.', ['staff'])),
    namespace,
    chunking: chunking.optional(),
  }),
  ['text', 'file'],
  { path: ['text'], message: 'give exactly one of `text` and `file`' },
);

export type PutDocumentBody = z.output<typeof putBody>;

const count = z.int().min(0);
const version = z.int().min(1);

const source = { format, bytes: count, sha256: z.string(), chunking: chunking.required() };

const document = named('Document', {
  object: z.literal('document'),
  id: documentId,
  namespace: z.string(),
  title: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()).nullable(),
  labels: z.array(z.string()),
  status: z
    .enum(['ready', 'writing', 'failed', 'deleting'])
    .meta(about('`writing`: a version is on its way; what `served` says is found until then. `failed`: no version could be written.')),
  served: z
    .object({ version, ...source, chunks: count, tokens: count, chunks_added: count, served_at: unixSeconds })
    .nullable()
    .meta(about('The version that is found. `chunks_added`: those that the version before had not.')),
  writing: z
    .object({ version, ...source, bytes_read: count, chunks: count, tokens: count, tries: count })
    .nullable()
    .meta(about('The version that is being written, and how far it is.')),
  error: z
    .object({ version, code: z.string(), message: z.string(), at: unixSeconds })
    .nullable()
    .meta(about('Why the last version could not be written.')),
  created_at: unixSeconds,
  updated_at: unixSeconds,
});

export type DocumentReply = z.input<typeof document>;

const documentParams = indexParams.extend({ document: documentId });
const ofNamespace = z.strictObject({ namespace });

const chunk = z.object({
  id: z.string(),
  vector: z.string().meta(about('The id of the vector that holds it.')),
  position: count,
  start: count.meta(about("Where it begins in the document's text, in UTF-16 units.")),
  end: count,
  page: z.int().min(1).nullable(),
  line: z.int().min(1).nullable(),
  section: count.meta(about('Where the innermost section that has all of it begins.')),
  headings: z.array(z.string()),
  tokens: count,
});

const common = { tag: 'Documents', access: tenant('index:read'), meters: [], status: 200, heedsLabels: true } as const;
const changes = { ...common, access: tenant('index:write') } as const;

/** What the work on documents is metered as. */
export const DOCUMENTS_ROUTE = '/v1/indexes/:index/documents/:document';

export const documentEndpoints = {
  putDocument: {
    ...changes,
    ...call('PUT', DOCUMENTS_ROUTE, json(putBody)),
    summary: 'Add a document to an index, or replace it',
    description:
      'It is cut into chunks, which are written as vectors of the index; what is found is the version before until all of them are there, and then the new ' +
      'one. The answer does not wait for that: ask for the document, until it is `ready`. Only chunks that changed are embedded. The vectors and tokens that are written are ' +
      'metered as they are. A document that is so already is answered as it is.',
    params: documentParams,
    status: 202,
    reply: json(document),
  },
  getDocument: {
    ...common,
    ...call('GET', DOCUMENTS_ROUTE),
    summary: 'Describe a document, and how far a new version of it is',
    params: documentParams,
    query: ofNamespace.extend({
      wait_ms: wholeText(0, DOCUMENT_STORE_LIMITS.documentWaitMaxMs)
        .default(0)
        .meta(about('While a version is being written, the answer waits so long for it to be found. Absent: not at all.')),
    }),
    reply: json(document),
  },
  followDocument: {
    ...common,
    ...call('GET', `${DOCUMENTS_ROUTE}/events`),
    summary: 'The progress of a document, as server-sent events',
    description:
      'Each event, `document`, is the document as it is then; the first comes at once, the others about twice a second while a version is being written, and the last once none ' +
      'is. An event `error`, with an error of the API as `data`, ends the stream where it may not go on, as the document or the right to read it is gone.',
    params: documentParams,
    query: ofNamespace,
    reply: { kind: 'events', schema: document },
  },
  listDocuments: {
    ...common,
    ...call('GET', '/v1/indexes/:index/documents'),
    summary: 'List the documents of an index',
    params: indexParams,
    query: pageQuery.extend({
      after: documentId.optional(),
      namespace,
      sort: z.enum(['id', 'created_at', 'updated_at']).default('id'),
      order: z.enum(['asc', 'desc']).default('asc'),
      status: document.shape.status.optional(),
      prefix: documentId.optional().meta(about('Documents whose ids begin so.', 'guides/')),
      label: accessLabel.optional().meta(about('Documents that have this label.')),
      labels: narrowingLabelsText,
    }),
    reply: json(page(document)),
  },
  deleteDocument: {
    ...changes,
    ...call('DELETE', DOCUMENTS_ROUTE),
    summary: 'Delete a document',
    description: 'It is found no more from then on. Its vectors are deleted after the answer.',
    params: documentParams,
    query: ofNamespace,
    reply: json(z.object({ object: z.literal('document.deleted'), id: documentId, deleted: z.literal(true) })),
  },
  rechunkDocument: {
    ...changes,
    ...call('POST', `${DOCUMENTS_ROUTE}/rechunk`, json(z.strictObject({ namespace, chunking }))),
    summary: 'Cut a document into other chunks',
    description: 'As it is replaced: the text, its metadata and its labels stay as they are.',
    params: documentParams,
    status: 202,
    reply: json(document),
  },
  listDocumentChunks: {
    ...common,
    ...call('GET', `${DOCUMENTS_ROUTE}/chunks`),
    summary: 'List the chunks of a document, in their order',
    description:
      'Of the version that is served. Pages that follow name the `version` of the first, and are refused with `state_conflict` once another is served.',
    params: documentParams,
    query: ofNamespace.extend({
      from: wholeText(0).default(0).meta(about('The position of the first.')),
      limit: wholeText(1, DOCUMENT_STORE_LIMITS.documentChunksPageMaxCount).default(API_LIMITS.pageDefaultCount),
      version: wholeText(1).optional(),
    }),
    reply: json(z.object({ object: z.literal('list'), version, data: z.array(chunk), has_more: z.boolean() })),
  },
} as const satisfies Record<string, Endpoint>;
