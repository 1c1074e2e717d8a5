import * as z from 'zod';

import { about, apiLines, named } from '../api/api-text.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { cohereMeta } from './cohere-meta.ts';
import { embeddedText, floatsReply, modelName, VECTOR_FORMS } from './embedding-fields.ts';
import { EMBEDDING_LIMITS } from './embedding-limits.ts';
import { embeddingCallHeaders } from './embeddings.ts';

const texts = z.array(embeddedText).min(1).max(EMBEDDING_LIMITS.embeddingInputsMaxCount);

/** What Cohere's clients say of an embedding. They send null for what is left out. */
const common = {
  model: modelName.meta({ example: 'glove-sif-100' }),
  input_type: z
    .enum(['search_document', 'search_query', 'classification', 'clustering'])
    .nullish()
    .meta(about('Models with prompts embed queries and documents differently; the other two have no prompt.')),
  embedding_types: z.array(z.enum(VECTOR_FORMS)).min(1).max(VECTOR_FORMS.length).nullish().meta(about('Absent: floats.')),
  truncate: z
    .enum(['NONE', 'END'], { error: 'must be NONE or END: texts are cut at their end only' })
    .nullish()
    .meta(
      about(
        'What becomes of a text that has more tokens than the model takes: `NONE` refuses it, `END` cuts its end off, which `x-sluice-truncated` counts. Absent: `NONE`, unlike at Cohere.',
      ),
    ),
  priority: z.int().min(0).max(999).nullish().meta(about('Changes nothing: calls are not queued.')),
};

const part = z.strictObject({ type: z.literal('text', { error: 'must be "text": no images are embedded' }), text: embeddedText });

/** Parts of one input are one text, on lines of their own. */
const input = z.strictObject({ content: z.array(part).min(1).max(EMBEDDING_LIMITS.embeddingInputsMaxCount) });
const inputs = z
  .array(input.transform(({ content }) => content.map(({ text }) => text).join('\n')))
  .min(1)
  .max(EMBEDDING_LIMITS.embeddingInputsMaxCount);

/** That a field is there, and not null. */
const given = (name: string) => ({ required: [name], properties: { [name]: { type: 'array' as const, items: {} } } });

const request = z
  .strictObject({
    ...common,
    texts: texts.nullish().meta(about('Either these or `inputs`.', ['The food was delicious.'])),
    inputs: inputs.nullish().meta(about('Each the text parts of its `content`.')),
    output_dimension: z.int().min(1).nullish().meta(about("A prefix of the model's own vector, at unit length again.")),
  })
  .check((context) => {
    const { texts: some, inputs: others } = context.value;
    if ((some ?? undefined) !== undefined && (others ?? undefined) === undefined) return;
    if ((some ?? undefined) === undefined && (others ?? undefined) !== undefined) return;
    const message = 'must be there, or inputs, and not both';
    context.issues.push({ code: 'custom', message, path: ['texts'], input: context.value });
  })
  .meta({ allOf: [{ oneOf: [given('texts'), given('inputs')] }] });

const oldRequest = z.strictObject({ ...common, texts });

const packed = z.array(z.array(z.int())).optional();

const byType = z.object({
  float: z.array(floatsReply).optional(),
  int8: packed,
  uint8: packed,
  binary: packed,
  ubinary: packed,
  base64: z.array(z.string()).optional(),
});

const answered = { id: z.string(), texts: z.array(z.string()), meta: cohereMeta };

const ofEndpoint = {
  tag: 'Cohere',
  access: tenant('inference'),
  meters: ['embedding_tokens', 'embedding_cached_tokens'],
  headers: embeddingCallHeaders,
  status: 200,
} as const;

const typed = named('CohereEmbeddings', { ...answered, response_type: z.literal('embeddings_by_type'), embeddings: byType });

export const cohereEndpoints = {
  cohereEmbed: {
    ...ofEndpoint,
    ...call('POST', '/v2/embed', json(request)),
    summary: 'Embed texts, as Cohere does',
    description: apiLines(
      'For `ClientV2` of Cohere, and what is built on it. The vectors are those of `POST /v1/embeddings`, from the same cache and at the same price.',
      '',
      '`int8` is each number times 127; `uint8` the same plus 128; `ubinary` a bit for each number, set where it is positive, eight to a byte with the first one highest; `binary` the same less 128.',
    ),
    reply: json(typed),
  },
  cohereEmbedV1: {
    ...ofEndpoint,
    ...call('POST', '/v1/embed', json(oldRequest)),
    summary: 'Embed texts, as the first version of Cohere does',
    description: 'For `Client` of Cohere, and what is built on it. Without `embedding_types` the vectors are one list of floats.',
    reply: json(
      z.union([
        typed,
        named('CohereFloats', { ...answered, response_type: z.literal('embeddings_floats'), embeddings: z.array(floatsReply) }),
      ]),
    ),
  },
} as const satisfies Record<string, Endpoint>;
