import * as z from 'zod';
import { createDocument } from 'zod-openapi';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject, ZodOpenApiResponsesObject } from 'zod-openapi';

import { NDJSON, PATH_PARAMS } from '../api/endpoint.ts';
import type { Access, Endpoint } from '../api/endpoint.ts';
import { ENDPOINTS } from '../endpoints.ts';
import type { EndpointName } from '../endpoints.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { ERRORS } from '../api/errors.ts';
import type { ErrorCode } from '../api/errors.ts';
import { SCHEMES, showExamples, TOUR } from './examples/examples.ts';
import { inOrder, makePortable } from './portable-schema.ts';
import { describeStreams } from './streamed-media.ts';
import type { Surface } from '../api/surface.ts';
import { surfaceOf } from '../api/surface.ts';
import { QDRANT_FILTER_SCHEMA } from '../qdrant/filter-schema.ts';
import { ELEMENT_FILTER_SCHEMA, FILTER_OPERATORS_SCHEMA, FILTER_SCHEMA } from '../vectors/filter-schema.ts';
import { VECTOR_FRAME_TYPE } from '../../kernel/vector-frame.ts';
import { CONTRACT_VERSION } from '../api/version.ts';

/** As `idempotencyKeyOf` reads it. */
const idempotencyKey = z
  .string()
  .min(1)
  .max(API_LIMITS.idempotencyKeyCharsMax)
  .regex(/^[\x21-\x7e]+$/)
  .optional()
  .meta({ description: 'The same key and request answer the same result, once it is done.' });

const errorCodes = Object.keys(ERRORS).filter((code) => code !== 'stale_route') as [ErrorCode, ...ErrorCode[]];

const didYouMean = z
  .string()
  .optional()
  .meta({ description: 'What seems to have been meant, if something is close: the name of a field, a value, a model or a path.' });

const upstreamOfError = z
  .object({ name: z.string().meta({ description: 'As `upstream/model`.' }), status: z.int() })
  .optional()
  .meta({
    description: 'The upstream whose error it is, and the status that it has answered: `code`, `type` and `param` are as it says them.',
  });

const errorBody = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable().meta({ description: 'Path of the offending field, such as `input[3]`.' }),
      code: z.union([z.enum(errorCodes), z.string()]).meta({ description: 'One of these, or with `upstream` what that calls it.' }),
      upstream: upstreamOfError,
      limit: z
        .object({ name: z.string().optional(), bound: z.number() })
        .optional()
        .meta({ description: 'The limit that was exceeded, by its name where it has one.' }),
      value: z.number().optional().meta({ description: 'What exceeded the limit, where that is known.' }),
      did_you_mean: didYouMean,
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
  .meta({ id: 'ErrorReply', description: "OpenAI's error shape, plus the request id." });

const qdrantErrorBody = z
  .object({
    status: z.object({
      error: z.string(),
      code: z.enum(errorCodes),
      param: z.string().nullable(),
      did_you_mean: didYouMean,
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
  .object({ error: z.string(), code: z.string(), param: z.string().nullable(), did_you_mean: didYouMean, request_id: z.string() })
  .meta({ id: 'KserveError', description: "KServe's error shape: `error` is a text." });

const anthropicErrorBody = z
  .object({
    type: z.literal('error'),
    error: z.object({
      type: z.string(),
      message: z.string(),
      code: z.string(),
      param: z.string().nullable(),
      did_you_mean: didYouMean,
      upstream: upstreamOfError,
    }),
    request_id: z.string(),
  })
  .meta({ id: 'AnthropicError', description: "Anthropic's error shape." });

const ofOneText = { code: z.string(), param: z.string().nullable(), did_you_mean: didYouMean, request_id: z.string() };

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

type ComponentSchemas = NonNullable<NonNullable<Parameters<typeof createDocument>[0]['components']>['schemas']>;

const BEARER = { type: 'http', scheme: 'bearer' } as const;

const DESCRIPTION = [
  'Edge inference, vector search, caches, quotas and accelerator jobs behind one API key.',
  `Every operation has an example that works as shown. Together they are a tour of ${TOUR.length} calls: each says its \`step\`, and an ` +
    'example may need what an earlier step made. `answered` lists the places of an example, such as `body/tenant`, whose value is one that an ' +
    'earlier operation answered, such as `createTenant.id`; the page at `/docs` fills it in.',
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
      contact: { name: 'The operator of this gateway' },
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'This gateway' }],
    components: {
      schemas: {
        Filter: FILTER_SCHEMA,
        FilterOperators: FILTER_OPERATORS_SCHEMA,
        ElementFilter: ELEMENT_FILTER_SCHEMA,
        QdrantFilter: QDRANT_FILTER_SCHEMA,
      } as unknown as ComponentSchemas,
      securitySchemes: {
        [SCHEMES.tenant]: { ...BEARER, bearerFormat: 'sk_<public id>_<secret>', description: "A tenant's API key." },
        [SCHEMES.admin]: { ...BEARER, description: "The deployment's admin key." },
        [SCHEMES.agent]: { ...BEARER, description: 'The token of a pool, which its creation answered.' },
      },
    },
    tags: [...new Set(Object.values<Endpoint>(ENDPOINTS).map(({ tag }) => tag))].map((name) => ({ name })),
    paths: paths(),
  });
  describeStreams(document);
  showExamples(document);
  makePortable(document.paths);
  makePortable(document.components);
  const { components } = document;
  return { ...document, components: { ...components, schemas: inOrder({ ...components?.schemas }) } };
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
  const shape = { ...(endpoint.idempotent ? { 'idempotency-key': idempotencyKey } : {}), ...endpoint.headers?._zod.def.shape };
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
          content: {
            'application/json': { schema: body.schema },
            ...framed(body.rows && FRAMED_MESSAGE),
            ...(body.text && { [body.text.type]: { schema: { ...TEXT, description: body.text.about } } }),
          },
        },
      };
    case 'multipart':
      return { requestBody: { required: true, content: { 'multipart/form-data': { schema: body.schema } } } };
    case 'ndjson':
      return {
        requestBody: {
          required: true,
          content: { [NDJSON]: { schema: body.schema }, 'application/octet-stream': { schema: LINES }, ...framed(body.framed) },
        },
      };
    case 'bytes':
      return { requestBody: { required: true, content: { 'application/octet-stream': { schema: BYTES } } } };
  }
}

const TEXT = { type: 'string' } as const;
const BYTES = { type: 'string', format: 'binary' } as const;
/** Generators of clients know no type of lines. */
const LINES = { ...BYTES, description: 'The same lines.' } as const;

/** The same as vector frames, where they are taken. */
function framed(description: string | undefined): Record<string, { schema: object }> {
  return description === undefined ? {} : { [VECTOR_FRAME_TYPE]: { schema: { type: 'string', format: 'binary', description } } };
}

/** The runtime refuses it, before the gateway has it. */
const URL_TOO_LONG = { description: 'The URL has more than 64 KiB.', content: { 'text/plain': { schema: TEXT } } } as const;

/** The shapes of an endpoint's refusals: more than one where a header of the request decides. [G144] */
function errorBodyOf({ path, headers: own }: Endpoint): z.core.$ZodType {
  const sent = { has: (name: string) => own !== undefined && name in own._zod.def.shape };
  const surfaces = [...new Set([surfaceOf(path), surfaceOf(path, sent)])];
  const [first = errorBody, ...others] = surfaces.map((surface) => ERROR_BODIES[surface]);
  return others.length === 0 ? first : z.union([first, ...others]);
}

function responses(endpoint: Endpoint): ZodOpenApiResponsesObject {
  const content = { 'application/json': { schema: errorBodyOf(endpoint) } };
  return {
    [endpoint.status]: { description: endpoint.summary, ...replyContent(endpoint) },
    ...(endpoint.params === undefined && endpoint.query === undefined ? {} : { 414: URL_TOO_LONG }),
    '4XX': { description: 'A refusal of what was asked', content },
    default: { description: 'A failure', content },
  };
}

function replyContent({ reply }: Endpoint): Record<string, unknown> {
  switch (reply.kind) {
    case 'none':
      return {};
    case 'json':
      return {
        content: {
          'application/json': { schema: reply.schema },
          ...framed(reply.hasRows && FRAMED_MESSAGE),
          ...(reply.bytesBehind !== undefined && { 'application/octet-stream': { schema: { ...BYTES, description: reply.bytesBehind } } }),
        },
      };
    case 'ndjson':
      return { content: { [NDJSON]: { schema: reply.schema } } };
    case 'events':
      return { content: { 'text/event-stream': { schema: reply.schema } } };
    case 'completion':
      return {
        content: {
          'application/json': { schema: reply.schema },
          ...(reply.event && { 'text/event-stream': { schema: reply.event } }),
          ...(reply.bytes && { [reply.bytes]: { schema: reply.bytes.startsWith('text/') ? TEXT : BYTES } }),
        },
      };
    case 'bytes':
      return { content: { [reply.contentType]: { schema: reply.contentType.startsWith('text/') ? TEXT : BYTES } } };
  }
}
