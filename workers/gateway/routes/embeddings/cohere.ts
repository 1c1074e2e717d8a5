import type { VECTOR_FORMS } from '../../../../src/contract/embeddings/embedding-fields.ts';
import type { TruncateField } from '../../../../src/contract/embeddings/truncation.ts';
import type { EmbeddedInputs } from '../../../../src/gateway/embeddings/embed.ts';
import { binaryOf, int8Of, ubinaryOf, uint8Of } from '../../../../src/inference/vector-form.ts';
import type { InputType } from '../../../../src/inference/served/model-calls.ts';
import { float32Json } from '../../../../src/kernel/float32-text.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { base64 } from './base64.ts';
import { DENSE, embedCall, embeddedAnswer, textInputs, vectorsOf } from './embed-call.ts';

type VectorForm = (typeof VECTOR_FORMS)[number];

const INPUT_TYPES: Readonly<Record<string, InputType>> = { search_query: 'query', search_document: 'passage' };

const inputTypeOf = (given: string | null | undefined): InputType | undefined => INPUT_TYPES[given ?? ''];

const ofCohere = (truncate: 'NONE' | 'END' | null | undefined): TruncateField => truncate === 'END';

export const cohereHandlers = {
  cohereEmbed: async (call) => {
    const { model, output_dimension: dimensions, input_type: given, embedding_types: forms, truncate } = call.body;
    const texts = call.body.texts ?? call.body.inputs ?? [];
    const common = { ...DENSE, truncate: ofCohere(truncate) };
    const wanted = { model, inputs: textInputs(texts), dimensions: dimensions ?? undefined, inputType: inputTypeOf(given), ...common };
    const embedded = await embedCall(call, wanted);
    if (!embedded.ok) return embedded;
    return {
      ...embeddedAnswer(embedded.value, (forms ?? []).join()),
      reply: {
        id: call.requestId,
        response_type: 'embeddings_by_type' as const,
        embeddings: byType(embedded.value, forms ?? ['float']),
        texts,
        meta: metaOf('2', embedded.value.tokens),
      },
    };
  },
  cohereEmbedV1: async (call) => {
    const { model, texts, input_type: given, embedding_types: forms, truncate } = call.body;
    const embedded = await embedCall(call, {
      model,
      inputs: textInputs(texts),
      dimensions: undefined,
      inputType: inputTypeOf(given),
      ...DENSE,
      truncate: ofCohere(truncate),
    });
    if (!embedded.ok) return embedded;
    const common = { id: call.requestId, texts, meta: metaOf('1', embedded.value.tokens) };
    return {
      ...embeddedAnswer(embedded.value, (forms ?? []).join()),
      reply:
        forms === undefined || forms === null
          ? { ...common, response_type: 'embeddings_floats' as const, embeddings: vectorsOf(embedded.value).map(float32Json) }
          : { ...common, response_type: 'embeddings_by_type' as const, embeddings: byType(embedded.value, forms) },
    };
  },
} satisfies Partial<Handlers>;

function byType(embedded: EmbeddedInputs, forms: readonly VectorForm[]) {
  const vectors = vectorsOf(embedded);
  const wants = new Set(forms);
  return {
    ...(wants.has('float') ? { float: vectors.map(float32Json) } : {}),
    ...(wants.has('int8') ? { int8: vectors.map(int8Of) } : {}),
    ...(wants.has('uint8') ? { uint8: vectors.map(uint8Of) } : {}),
    ...(wants.has('binary') ? { binary: vectors.map(binaryOf) } : {}),
    ...(wants.has('ubinary') ? { ubinary: vectors.map(ubinaryOf) } : {}),
    ...(wants.has('base64') ? { base64: vectors.map(base64) } : {}),
  };
}

const metaOf = (version: string, tokens: number) => ({
  api_version: { version },
  billed_units: { input_tokens: tokens },
  tokens: { input_tokens: tokens },
});
