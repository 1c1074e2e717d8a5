import type { BodyOf } from '../../../../src/contract/api/endpoint.ts';
import type { teiEndpoints } from '../../../../src/contract/embeddings/tei.ts';
import type { InputType } from '../../../../src/inference/served/model-calls.ts';
import { float32Json } from '../../../../src/kernel/float32-text.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import type { EmbeddingCall } from './embed-call.ts';
import { embedCall, embeddedAnswer, textInputs, vectorsOf } from './embed-call.ts';
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
  teiModelRerank: (call) => rerank(call),
} satisfies Partial<Handlers>;

async function embed(call: OfModel<Endpoints['teiModelEmbed']>) {
  const { inputs, dimensions, prompt_name: prompt } = call.body;
  const embedded = await embedCall(call, {
    model: call.params.model,
    inputs: textInputs(inputs),
    dimensions: dimensions ?? undefined,
    inputType: inputTypeOf(prompt),
  });
  if (!embedded.ok) return embedded;
  return { ...embeddedAnswer(embedded.value, 'float'), reply: vectorsOf(embedded.value).map(float32Json) };
}

function inputTypeOf(prompt: string | null | undefined): InputType | undefined {
  if (prompt === undefined || prompt === null) return undefined;
  return prompt === 'query' ? 'query' : 'passage';
}

async function rerank(call: OfModel<Endpoints['teiModelRerank']>) {
  const { query, texts, return_text: hasTexts } = call.body;
  const ranking = await rankCall(call, { model: call.params.model, query, documents: texts, topN: undefined });
  if (!ranking.ok) return ranking;
  const reply = ranking.value.results.map(({ index, score }) => ({ index, score, ...(hasTexts === true ? { text: texts[index] } : {}) }));
  return { ...rankedAnswer(ranking.value), reply };
}
