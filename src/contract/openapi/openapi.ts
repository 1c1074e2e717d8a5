import * as z from 'zod';
import { createDocument } from 'zod-openapi';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject, ZodOpenApiResponsesObject } from 'zod-openapi';

import { PATH_PARAMS } from '../api/endpoint.ts';
import type { Access, Endpoint } from '../api/endpoint.ts';
import { ENDPOINTS } from '../endpoints.ts';
import type { EndpointName } from '../endpoints.ts';
import { ERRORS } from '../api/errors.ts';
import type { ErrorCode } from '../api/errors.ts';
import { SCHEMES, showExamples, TOUR } from './examples/examples.ts';
import type { Surface } from '../api/surface.ts';
import { surfaceOf } from '../api/surface.ts';
import { VECTOR_FRAME_TYPE } from '../../kernel/vector-frame.ts';
import { CONTRACT_VERSION } from '../api/version.ts';

const errorCodes = Object.keys(ERRORS).filter((code) => code !== 'stale_route') as [ErrorCode, ...ErrorCode[]];

const errorBody = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable().meta({ description: 'Path of the offending field, such as `input[3]`.' }),
      code: z.enum(errorCodes),
      limit: z
        .object({ name: z.string().optional(), bound: z.number() })
        .optional()
        .meta({ description: 'The limit that was exceeded, by its name where it has one.' }),
      value: z.number().optional().meta({ description: 'What exceeded the limit, where that is known.' }),
      accepted: z
        .array(z.object({ model: z.string(), contract_hash: z.string() }))
        .optional()
        .meta({ description: 'With `contract_mismatch`: the embedding contracts that the index takes here; none when it takes no model.' }),
      spent: z
        .object({ id: z.string(), ended_at: z.int().nullable().meta({ description: 'In Unix seconds; null: not known.' }) })
        .optional()
        .meta({
          description: 'With `idempotency_key_spent`: what the key made, and since when it is gone. Nothing is made again under it.',
        }),
    }),
    request_id: z.string(),
  })
  .meta({ id: 'Error', description: "OpenAI's error shape, plus the request id." });

const qdrantErrorBody = z
  .object({
    status: z.object({
      error: z.string(),
      code: z.enum(errorCodes),
      param: z.string().nullable(),
      applied: z
        .int()
        .optional()
        .meta({ description: 'How many vectors of a write, or operations of a batch, were done before it was refused; they stay done.' }),
    }),
    time: z.number(),
    request_id: z.string(),
  })
  .meta({ id: 'QdrantError', description: "Qdrant's error shape; its clients read `status.error`." });

const kserveErrorBody = z
  .object({ error: z.string(), code: z.string(), param: z.string().nullable(), request_id: z.string() })
  .meta({ id: 'KserveError', description: "KServe's error shape: `error` is a text." });

const anthropicErrorBody = z
  .object({
    type: z.literal('error'),
    error: z.object({ type: z.string(), message: z.string(), code: z.string(), param: z.string().nullable() }),
    request_id: z.string(),
  })
  .meta({ id: 'AnthropicError', description: "Anthropic's error shape." });

const ofOneText = { code: z.string(), param: z.string().nullable(), request_id: z.string() };

const cohereErrorBody = z.object({ message: z.string(), ...ofOneText }).meta({ id: 'CohereError', description: "Cohere's error shape." });

const teiErrorBody = z
  .object({ error: z.string(), error_type: z.enum(['overloaded', 'backend', 'validation']), ...ofOneText })
  .meta({ id: 'TeiError', description: 'The error shape of Text Embeddings Inference.' });

const jinaErrorBody = z
  .object({ ...errorBody.shape, detail: z.string() })
  .meta({ id: 'JinaError', description: "OpenAI's error shape, and Jina's, whose clients read `detail`." });

/** Each API has its own shape of refusals. */
const ERROR_BODIES = {
  sluice: errorBody,
  qdrant: qdrantErrorBody,
  kserve: kserveErrorBody,
  anthropic: anthropicErrorBody,
  cohere: cohereErrorBody,
  jina: jinaErrorBody,
  tei: teiErrorBody,
} as const satisfies Record<Surface, z.core.$ZodType>;

const BEARER = { type: 'http', scheme: 'bearer' } as const;

const DESCRIPTION = [
  'Edge inference, vector search, caches, quotas and accelerator jobs behind one API key.',
  `Every operation has an example that works as shown. Together they are a tour of ${TOUR.length} calls: each says its \`step\`, and an ` +
    'example may need what an earlier step made. A value in braces, such as `{createTenant.id}`, is one that an earlier operation ' +
    'answered; the page at `/docs` fills it in.',
  'The REST API of Qdrant is served without its prefix `/qdrant`, too, for clients that take a URL alone.',
].join('\n\n');

/** The OpenAPI 3.1 document of the whole API, made from the endpoint table. */
export function openApiDocument(): ReturnType<typeof createDocument> {
  const document = createDocument({
    openapi: '3.1.1',
    info: {
      title: 'Sluice',
      version: CONTRACT_VERSION,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'This gateway' }],
    components: {
      securitySchemes: {
        [SCHEMES.tenant]: { ...BEARER, bearerFormat: 'sk_<public id>_<secret>', description: "A tenant's API key." },
        [SCHEMES.admin]: { ...BEARER, description: "The deployment's admin key." },
        [SCHEMES.agent]: { ...BEARER, description: 'The token of a pool, which its creation answered.' },
      },
    },
    paths: paths(),
  });
  return showExamples(document);
}

function paths(): ZodOpenApiPathsObject {
  const result: ZodOpenApiPathsObject = {};
  for (const [operationId, endpoint] of Object.entries<Endpoint>(ENDPOINTS)) {
    const path = endpoint.path.replaceAll(PATH_PARAMS, '{$1}');
    result[path] = { ...result[path], [endpoint.method.toLowerCase()]: operation(operationId, endpoint) };
  }
  return result;
}

function operation(operationId: string, endpoint: Endpoint): ZodOpenApiOperationObject {
  return {
    operationId,
    tags: [endpoint.tag],
    summary: endpoint.summary,
    description: [endpoint.description, accessText(endpoint.access), stepText(operationId)]
      .filter((text) => text !== undefined)
      .join('\n\n'),
    requestParams: {
      ...(endpoint.params === undefined ? {} : { path: endpoint.params }),
      ...(endpoint.query === undefined ? {} : { query: endpoint.query }),
      ...headers(endpoint),
    },
    ...requestBody(endpoint),
    responses: responses(endpoint),
  };
}

function headers(endpoint: Endpoint): { header?: z.ZodObject } {
  const shape = { ...(endpoint.idempotent ? { 'idempotency-key': z.string().optional() } : {}), ...endpoint.headers?._zod.def.shape };
  return Object.keys(shape).length === 0 ? {} : { header: z.object(shape) };
}

function accessText(access: Access): string {
  switch (access.kind) {
    case 'public':
      return 'Public.';
    case 'admin':
      return 'Needs the admin key.';
    case 'agent':
      return 'Needs the token of the pool.';
    case 'tenant':
      return `Needs a tenant key with the scope \`${access.scope}\`.`;
    case 'tenant-or-admin':
      return `Needs a key with the scope \`${access.scope}\`, or the admin key.`;
  }
}

const stepText = (operationId: string): string => `Example: step ${TOUR.indexOf(operationId as EndpointName) + 1} of the tour.`;

/** The same message as a frame: see `src/kernel/vector-frame.ts`. */
const FRAMED_MESSAGE =
  'A frame, all numbers little-endian: `SLF1`; three uint32 (bytes of the head, a multiple of 4; rows; numbers of a row); the head, which is ' +
  'the JSON of this message, padded with spaces, in which each vector is the number of its row; the rows as float32.';

function requestBody({ body }: Endpoint): Pick<ZodOpenApiOperationObject, 'requestBody'> {
  switch (body.kind) {
    case 'none':
      return {};
    case 'json':
      return {
        requestBody: {
          required: true,
          content: { 'application/json': { schema: body.schema }, ...framed(body.rows && FRAMED_MESSAGE) },
        },
      };
    case 'multipart':
      return { requestBody: { required: true, content: { 'multipart/form-data': { schema: body.schema } } } };
    case 'ndjson':
      return { requestBody: { required: true, content: { 'application/x-ndjson': { schema: body.schema }, ...framed(body.framed) } } };
    case 'bytes':
      return { requestBody: { required: true, content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } } };
  }
}

/** The same as vector frames, where they are taken. */
function framed(description: string | undefined): Record<string, { schema: object }> {
  return description === undefined ? {} : { [VECTOR_FRAME_TYPE]: { schema: { type: 'string', format: 'binary', description } } };
}

function responses(endpoint: Endpoint): ZodOpenApiResponsesObject {
  const schema = ERROR_BODIES[surfaceOf(endpoint.path)];
  const failure = { description: 'A refusal', content: { 'application/json': { schema } } };
  return { [endpoint.status]: { description: endpoint.summary, ...replyContent(endpoint) }, default: failure };
}

function replyContent({ reply }: Endpoint): Record<string, unknown> {
  switch (reply.kind) {
    case 'none':
      return {};
    case 'json':
      return { content: { 'application/json': { schema: reply.schema }, ...framed(reply.hasRows && FRAMED_MESSAGE) } };
    case 'ndjson':
      return { content: { 'application/x-ndjson': { schema: reply.schema } } };
    case 'events':
      return { content: { 'text/event-stream': { schema: reply.schema } } };
    case 'completion':
      return {
        content: { 'application/json': { schema: reply.schema }, ...(reply.event && { 'text/event-stream': { schema: reply.event } }) },
      };
    case 'bytes':
      return { content: { [reply.contentType]: { schema: { type: 'string', format: 'binary' } } } };
  }
}
