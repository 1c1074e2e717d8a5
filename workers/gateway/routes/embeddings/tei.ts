import type { BodyOf } from '../../../../src/contract/api/endpoint.ts';
import type { teiEndpoints } from '../../../../src/contract/embeddings/tei.ts';
import type { InputType } from '../../../../src/inference/served/model-calls.ts';
import type { EmbeddingOutput } from '../../../../src/inference/embedding-output.ts';
import { sparseVector } from '../../../../src/inference/served/sparse-rows.ts';
import { float32Json, float32Text } from '../../../../src/kernel/float32-text.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import type { EmbeddingCall } from './embed-call.ts';
import { DENSE, embedCall, embeddedAnswer, textInputs, tokenVectorsOf, vectorsOf } from './embed-call.ts';
import { rankCall, rankedAnswer } from './rerank.ts';

type Endpoints = typeof teiEndpoints;

interface OfModel<E extends Endpoints[keyof Endpoints]> extends EmbeddingCall {
  readonly params: { readonly model: string };
  readonly body: BodyOf<E>;
}

export const teiHandlers = {
  teiEmbed: ({ body: { model, ...body }, ...call }) => embed({ ...call, body, params: { model } }),
  teiRerank: ({ body: { model, ...body }, ...call }) => rerank({ ...call, body, params: { model } }),
  teiModel: (call) => embed(call),
  teiModelEmbed: (call) => embed(call),
  teiModelEmbedSparse: (call) => embedSparse(call),
  teiModelEmbedAll: (call) => embedAll(call),
  teiModelRerank: (call) => rerank(call),
} satisfies Partial<Handlers>;

async function embed(call: OfModel<Endpoints['teiModelEmbed']>) {
  const { inputs, dimensions, prompt_name: prompt, truncate } = call.body;
  const embedded = await embedCall(call, {
    model: call.params.model,
    inputs: textInputs(inputs),
    dimensions: dimensions ?? undefined,
    inputType: inputTypeOf(prompt),
    truncate,
    ...DENSE,
  });
  if (!embedded.ok) return embedded;
  return { ...embeddedAnswer(embedded.value, 'float'), reply: vectorsOf(embedded.value).map(float32Json) };
}

async function embedSparse(call: OfModel<Endpoints['teiModelEmbedSparse']>) {
  const embedded = await embedOther(call, 'sparse');
  if (!embedded.ok) return embedded;
  const reply = embedded.value.rows.map((row) => {
    const { indices, values } = sparseVector(row);
    // The shortest decimals, as in lists of floats.
    const numbers = JSON.parse(float32Text(values)) as number[];
    return indices.map((index, i) => ({ index, value: numbers[i] ?? 0 }));
  });
  return { ...embeddedAnswer(embedded.value, 'float'), reply };
}

async function embedAll(call: OfModel<Endpoints['teiModelEmbedAll']>) {
  const embedded = await embedOther(call, 'tokens');
  if (!embedded.ok) return embedded;
  return { ...embeddedAnswer(embedded.value, 'float'), reply: tokenVectorsOf(embedded.value).map((vectors) => vectors.map(float32Json)) };
}

function embedOther({ body, params, ...call }: OfModel<Endpoints['teiModelEmbedSparse' | 'teiModelEmbedAll']>, output: EmbeddingOutput) {
  const { inputs, prompt_name: prompt, truncate } = body;
  const wanted = {
    model: params.model,
    inputs: textInputs(inputs),
    dimensions: undefined,
    inputType: inputTypeOf(prompt),
    output,
    truncate,
  };
  return embedCall(call, wanted);
}

function inputTypeOf(prompt: string | null | undefined): InputType | undefined {
  if (prompt === undefined || prompt === null) return undefined;
  return prompt === 'query' ? 'query' : 'passage';
}

async function rerank(call: OfModel<Endpoints['teiModelRerank']>) {
  const { query, texts, return_text: hasTexts, truncate } = call.body;
  const ranking = await rankCall(call, { model: call.params.model, query, documents: texts, topN: undefined, truncate });
  if (!ranking.ok) return ranking;
  const reply = ranking.value.results.map(({ index, score }) => ({ index, score, ...(hasTexts === true ? { text: texts[index] } : {}) }));
  return { ...rankedAnswer(ranking.value), reply };
}
