import type { CachedInput } from '../../../../src/cache/cache-key.ts';
import type { BodyOf } from '../../../../src/contract/api/endpoint.ts';
import type { EmbeddingInput, embeddingEndpoints } from '../../../../src/contract/embeddings/embeddings.ts';
import type { InputType } from '../../../../src/inference/served/model-calls.ts';
import { binaryOf, ubinaryOf } from '../../../../src/inference/vector-form.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import type { VectorWriter } from '../../pipeline/vector-writer.ts';
import { JSON_VECTORS } from '../../pipeline/vector-writer.ts';
import { base64 } from './base64.ts';
import { embedCall, embeddedAnswer, vectorsOf } from './embed-call.ts';
import { handOverToUpstreams } from './hand-over.ts';

type Body = BodyOf<(typeof embeddingEndpoints)['createEmbeddings']>;
type Format = 'float' | 'base64' | 'binary' | 'ubinary';

export const embeddingHandlers = {
  createEmbeddings: async (call) => {
    const { body } = call;
    const { model, dimensions } = body;
    const input = await call.gateway.tokenTexts.inputOf(body);
    if (!input.ok) return input;
    const embedded = await embedCall(call, { model, inputs: inputsOf(input.value), dimensions, inputType: inputTypeOf(body) });
    if (!embedded.ok) return handOverToUpstreams(call, '/v1/upstreams/embeddings', embedded);
    const { tokens, manifest } = embedded.value;
    const format = body.embedding_type ?? body.encoding_type ?? body.encoding_format;
    return {
      ...embeddedAnswer(embedded.value, call.vectors === JSON_VECTORS ? format : 'rows'),
      reply: {
        object: 'list' as const,
        data: vectorsOf(embedded.value).map((vector, index) => ({
          object: 'embedding' as const,
          index,
          embedding: written(vector, format, call.vectors),
        })),
        model: manifest.id,
        usage: { prompt_tokens: tokens, total_tokens: tokens },
      },
    };
  },
} satisfies Partial<Handlers>;

/** By Sluice's own field, or by Jina's. */
function inputTypeOf({ input_type: own, task }: Pick<Body, 'input_type' | 'task'>): InputType | undefined {
  const [, of] = (task ?? '').split('.');
  return own ?? (of === 'query' || of === 'passage' ? of : undefined);
}

function inputsOf(input: EmbeddingInput): CachedInput[] {
  if (typeof input === 'string') return [{ kind: 'text', text: input }];
  if (isTokens(input)) return [{ kind: 'tokens', ids: Int32Array.from(input) }];
  return input.map((item) => (typeof item === 'string' ? { kind: 'text', text: item } : { kind: 'tokens', ids: Int32Array.from(item) }));
}

const isTokens = (input: string[] | number[] | number[][]): input is number[] => typeof input[0] === 'number';

function written(vector: Float32Array<ArrayBuffer>, format: Format, writer: VectorWriter) {
  if (writer !== JSON_VECTORS || format === 'float') return writer.write(vector);
  if (format === 'base64') return base64(vector);
  return format === 'binary' ? binaryOf(vector) : ubinaryOf(vector);
}
