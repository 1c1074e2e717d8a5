import * as z from 'zod';

import { about, apiLines, named } from '../api/api-text.ts';
import { embeddingCacheHeaders } from '../api/cache-headers.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant, vectorsReply } from '../api/endpoint.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { wholeText } from '../api/text-number.ts';
import { EMBEDDING_LIMITS } from './embedding-limits.ts';
import { notBoth } from '../api/presence.ts';
import { DEADLINE_HEADER } from '../api/reading.ts';
import { isPlainText, membersAmong, withQuickReader } from '../api/quick-reader.ts';
import { EMBEDDING_OUTPUTS, floatsReply, sparseReply, MODEL_NAME_CHARS_MAX, modelName } from './embedding-fields.ts';
import { tokenIds } from './token-ids.ts';
import { truncated, truncateOrFlag } from './truncation.ts';

export type EmbeddingInput = string | string[] | number[] | number[][];

const TOKEN_ID_MAX = 2 ** 31 - 1;

/**
 * What to embed, as OpenAI takes it. One pass over the whole input instead of a union of schemas: a union would try, and report,
 * four shapes for each of up to 300,000 numbers.
 */
export const embeddingInput = z
  .unknown()
  .meta({
    description:
      'One text, several texts, the token ids of one text, or those of several. None may be empty. Token ids are read as the text that they stand for: see `token_ids`.',
    example: ['The food was delicious.', 'The waiter was kind.'],
    oneOf: [
      { type: 'string', minLength: 1 },
      list({ type: 'string', minLength: 1 }),
      list({ type: 'integer', minimum: 0, maximum: TOKEN_ID_MAX }),
      list({ type: 'array', items: { type: 'integer', minimum: 0, maximum: TOKEN_ID_MAX }, minItems: 1 }),
    ],
  })
  .transform((value, context): EmbeddingInput => {
    const fault = inputFault(value);
    if (fault === undefined) return value as EmbeddingInput;
    context.issues.push({ ...fault, input: value });
    return z.NEVER;
  });

function list(items: object) {
  return { type: 'array' as const, items, minItems: 1, maxItems: EMBEDDING_LIMITS.embeddingInputsMaxCount };
}

type Path = number[];
type Fault =
  | { readonly code: 'custom'; readonly message: string; readonly path: Path }
  | {
      readonly code: 'too_big';
      readonly message: string;
      readonly origin: 'array' | 'string';
      readonly maximum: number;
      readonly path: Path;
    };

function inputFault(input: unknown): Fault | undefined {
  if (typeof input === 'string') return textFault(input, []);
  if (!Array.isArray(input)) return invalid('must be a string or an array', []);
  if (input.length === 0) return invalid('must not be empty', []);
  if (typeof input[0] === 'number') return tokensFault(input, []);
  const { embeddingInputsMaxCount: countMax } = EMBEDDING_LIMITS;
  if (input.length > countMax)
    return tooBig(`has ${input.length} items; the limit is ${countMax} (embeddingInputsMaxCount)`, 'array', countMax, []);
  const faultOf = typeof input[0] === 'string' ? textFault : tokensFault;
  for (let i = 0; i < input.length; i++) {
    const fault = faultOf(input[i], [i]);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function textFault(text: unknown, path: Path): Fault | undefined {
  if (typeof text !== 'string') return invalid('must be a string, as the first item is', path);
  if (text === '') return invalid('must not be an empty string', path);
  const { embeddingTextCharsMax: charsMax } = EMBEDDING_LIMITS;
  if (text.length > charsMax)
    return tooBig(`has ${text.length} characters; the limit is ${charsMax} (embeddingTextCharsMax)`, 'string', charsMax, path);
  return undefined;
}

function tokensFault(ids: unknown, path: Path): Fault | undefined {
  if (!Array.isArray(ids)) return invalid('must be an array of token ids', path);
  if (ids.length === 0) return invalid('must not be empty', path);
  const { embeddingTokensMaxCount: countMax } = EMBEDDING_LIMITS;
  if (ids.length > countMax)
    return tooBig(`has ${ids.length} tokens; the limit is ${countMax} (embeddingTokensMaxCount)`, 'array', countMax, path);
  const at = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id > TOKEN_ID_MAX);
  return at === -1 ? undefined : invalid('must be a token id: an integer from 0', [...path, at]);
}

const invalid = (message: string, path: Path): Fault => ({ code: 'custom', message, path });

const tooBig = (message: string, origin: 'array' | 'string', maximum: number, path: Path): Fault => ({
  code: 'too_big',
  message,
  origin,
  maximum,
  path,
});

const FORMATS = ['float', 'base64'] as const;

const JINA_TASKS = [
  'retrieval',
  'retrieval.query',
  'retrieval.passage',
  'text-matching',
  'classification',
  'separation',
  'code',
  'code.query',
  'code.passage',
  'nl2code.query',
  'nl2code.passage',
] as const;

const fields = z.strictObject({
  input: embeddingInput,
  model: modelName.meta({ example: 'glove-sif-100' }),
  token_ids: tokenIds.optional(),
  dimensions: z.int().min(1).optional().meta(about("Length of the vectors: a prefix of the model's own, at unit length again.")),
  encoding_format: z.enum(FORMATS).default('float').meta(about('`base64` is that of little-endian 32-bit floats: a quarter of the bytes.')),
  input_type: z
    .enum(['query', 'passage'])
    .optional()
    .meta(about('What the texts are for: models with prompts embed the two differently. Absent: no prompt.')),
  task: z
    .enum(JINA_TASKS)
    .nullish()
    .meta(about("Jina's word for `input_type`: `retrieval.query` and `retrieval.passage` are those two, the others have no prompt.")),
  embedding_type: z
    .enum(['float', 'base64', 'binary', 'ubinary'])
    .nullish()
    .meta(about("Jina's word for `encoding_format`; the last two are a bit for each number, as `POST /v2/embed` has them.")),
  encoding_type: z.enum(['float', 'base64', 'binary', 'ubinary']).nullish().meta(about("As some of Jina's clients call `embedding_type`.")),
  normalized: z.literal(true, { error: 'must be true: vectors have unit length' }).nullish(),
  late_chunking: z.literal(false, { error: 'must be false: each text is embedded by itself' }).nullish(),
  truncate: truncateOrFlag,
  output: z
    .enum(EMBEDDING_OUTPUTS)
    .optional()
    .meta(
      about(
        'What each text becomes: one vector (`dense`), the numbers of one that are not zero (`sparse`), or a vector for each of its tokens (`tokens`). Absent: what the model is for.',
      ),
    ),
  return_multivector: z
    .literal(true, { error: 'must be true, or absent' })
    .optional()
    .meta(about('Jina\'s word for `"output": "tokens"`.')),
  user: z.string().max(512).optional().meta(about('Accepted as OpenAI does; neither used nor kept.')),
});

const request = notBoth(
  notBoth(fields, ['input_type', 'task'], { path: ['task'], message: 'is said by input_type, too: give one of them' }),
  ['output', 'return_multivector'],
  { path: ['return_multivector'], message: 'is said by output, too: give one of them' },
);

const PLAIN = new Set(['input', 'model', 'encoding_format']);

/** The usual request, without what shortens vectors or names users. */
function readPlainRequest(value: unknown) {
  const body = membersAmong(value, PLAIN);
  if (body === undefined) return undefined;
  const { input, model, encoding_format: given = 'float' } = body;
  if (inputFault(input) !== undefined || !isPlainText(model, MODEL_NAME_CHARS_MAX) || model === '') return undefined;
  const format = FORMATS.find((known) => known === given);
  if (format === undefined) return undefined;
  return { input: input as EmbeddingInput, model, encoding_format: format };
}

const embedding = z.object({
  object: z.literal('embedding'),
  index: z.int().min(0).meta(about('Which input this is the vector of.')),
  embedding: z
    .union([floatsReply, z.string(), z.array(z.int()), sparseReply, z.array(z.union([floatsReply, z.string(), z.array(z.int())]))])
    .meta(about('A vector; of a sparse one what is not zero; or a vector for each token that the model saw, special ones included.')),
});

export const embeddingList = named('EmbeddingList', {
  object: z.literal('list'),
  data: z.array(embedding),
  model: z.string(),
  usage: z
    .object({ prompt_tokens: z.int().min(0), total_tokens: z.int().min(0) })
    .meta(about('All tokens that the model saw, cached ones too.')),
  truncated,
});

export type EmbeddingListReply = z.infer<typeof embeddingList>;

/** What a call may say about the time it has. */
const embeddingDeadline = z.object({
  [DEADLINE_HEADER]: wholeText(1, API_LIMITS.queryDeadlineMaxMs, 'must be a number of milliseconds')
    .optional()
    .meta(about('How long the caller waits, in milliseconds: a registered model is run where it is fast enough, if there is a choice.')),
});

export const embeddingCallHeaders = embeddingCacheHeaders.extend(embeddingDeadline.shape);

export const embeddingEndpoints = {
  createEmbeddings: {
    ...call('POST', '/v1/embeddings', json(withQuickReader(request, readPlainRequest))),
    tag: 'Inference',
    summary: 'Embed texts',
    description: apiLines(
      'Vectors come in the order of the inputs and have unit length; sparse ones have the length that the model gives them.',
      '',
      'Inputs seen before are answered from the cache of the tenant, at the price of `embedding_cached_tokens`. Floats, base64 and any `dimensions` are made from the one full vector that is kept.',
      '',
      'The answer states in `cache-status` (RFC 9211) what each level of the cache did (`sluice-l1` is the isolate, `sluice-l2` what all isolates share), in `age` how old the oldest vector is, in `etag` which bytes these are, and in `x-sluice-model` the model and its version, and in `x-sluice-route` what ran it: `gateway`, `inference` or `pool`, of registered models with the reason.',
    ),
    access: tenant('inference'),
    meters: ['embedding_tokens', 'embedding_cached_tokens'],
    headers: embeddingCallHeaders,
    status: 200,
    reply: vectorsReply(embeddingList),
  },
} as const satisfies Record<string, Endpoint>;
