import * as z from 'zod';

import { about, apiLines } from '../api/api-text.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { embeddedText, floatsReply, modelName } from './embedding-fields.ts';
import { EMBEDDING_LIMITS } from './embedding-limits.ts';
import { embeddingCallHeaders } from './embeddings.ts';

/** What answers where a call names no model: a server of Text Embeddings Inference has one, so its clients name none. */
export const TEI_MODEL = 'bge-static-256';

const inputs = z
  .union([embeddedText, z.array(embeddedText).min(1).max(EMBEDDING_LIMITS.embeddingInputsMaxCount)], {
    error: 'must be a text that is not empty, or several',
  })
  .transform((value) => (typeof value === 'string' ? [value] : value));

const cut = {
  truncate: z
    .boolean()
    .nullish()
    .meta(
      about(
        'Whether the end of a text that is too long is cut off, which `x-sluice-truncated` counts, or the text refused. Absent: refused.',
      ),
    ),
  truncation_direction: z
    .union([z.enum(['Right']), z.enum(['right'])])
    .nullish()
    .meta(about('Texts are cut at their end only.')),
};

const embed = {
  inputs: inputs.meta(about('One text, or several.', ['a canal through the hills'])),
  ...cut,
  normalize: z.literal(true, { error: 'must be true: vectors have unit length' }).nullish().meta(about('Vectors have unit length.')),
  prompt_name: z.enum(['query', 'passage', 'document']).nullish().meta(about('For models with prompts.')),
  dimensions: z.int().min(1).nullish(),
};

/** Forms of vectors that have no unit length of their own to be told of. */
const embedOther = { inputs: embed.inputs, ...cut, prompt_name: embed.prompt_name };

const rerank = {
  query: embeddedText.meta({ example: 'who opens the lock?' }),
  texts: z.array(embeddedText).min(1).max(EMBEDDING_LIMITS.rerankDocumentsMaxCount),
  ...cut,
  raw_scores: z.literal(false, { error: 'must be false: scores are as the model is registered to give them' }).nullish(),
  return_text: z.boolean().nullish(),
};

const model = { model: modelName.default(TEI_MODEL).meta(about('Which model; not a field of TEI.')) };
const params = z.object({ model: modelName });

const embedding = {
  tag: 'TEI',
  access: tenant('inference'),
  meters: ['embedding_tokens', 'embedding_cached_tokens'],
  headers: embeddingCallHeaders,
  status: 200,
  reply: json(z.array(floatsReply)),
} as const;

const sparse = {
  ...embedding,
  reply: json(z.array(z.array(z.object({ index: z.int().min(0).meta(about('A token id of the vocabulary.')), value: z.number() })))),
} as const;

const all = { ...embedding, reply: json(z.array(z.array(floatsReply))) } as const;

const ranking = {
  ...embedding,
  reply: json(z.array(z.object({ index: z.int().min(0), score: z.number(), text: z.string().optional() }))),
} as const;

const OF_ADDRESS =
  'For clients of Text Embeddings Inference, which are given an address and no model: `/tei/{model}` is one for each model.';

/** Hugging Face's Text Embeddings Inference: `embed`, `embed_sparse`, `embed_all` and `rerank`. */
export const teiEndpoints = {
  teiEmbed: {
    ...embedding,
    ...call('POST', '/embed', json(z.strictObject({ ...embed, ...model }))),
    summary: 'Embed texts, as TEI does',
    description: apiLines(OF_ADDRESS, '', `Here the model is the field \`model\`, or \`${TEI_MODEL}\`.`),
  },
  teiRerank: {
    ...ranking,
    ...call('POST', '/rerank', json(z.strictObject({ ...rerank, ...model }))),
    summary: 'Put texts in order of relevance, as TEI does',
    description: apiLines(OF_ADDRESS, '', `Here the model is the field \`model\`, or \`${TEI_MODEL}\`.`),
  },
  teiModel: {
    ...embedding,
    ...call('POST', '/tei/:model', json(z.strictObject(embed))),
    params,
    summary: 'Embed texts by a model, where a client adds no path',
    description: "As the client of Hugging Face's hub calls it, given a URL.",
  },
  teiModelEmbed: {
    ...embedding,
    ...call('POST', '/tei/:model/embed', json(z.strictObject(embed))),
    params,
    summary: 'Embed texts by a model, as TEI does',
  },
  teiModelEmbedSparse: {
    ...sparse,
    ...call('POST', '/tei/:model/embed_sparse', json(z.strictObject(embedOther))),
    params,
    summary: 'Embed texts by a sparse model, as TEI does',
    description:
      'The sparse vectors of `POST /v1/embeddings`: of each text the tokens of the vocabulary that have a weight, in rising order.',
  },
  teiModelEmbedAll: {
    ...all,
    ...call('POST', '/tei/:model/embed_all', json(z.strictObject(embedOther))),
    params,
    summary: 'Embed the tokens of texts by a model, as TEI does',
    description:
      'The token vectors of `POST /v1/embeddings`: one for each token that the model saw, special ones included, of unit length where its vectors are.',
  },
  teiModelRerank: {
    ...ranking,
    ...call('POST', '/tei/:model/rerank', json(z.strictObject(rerank))),
    params,
    summary: 'Put texts in order of relevance by a model, as TEI does',
  },
} as const satisfies Record<string, Endpoint>;
