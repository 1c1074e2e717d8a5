import type { CachedInput } from '../../../../src/cache/cache-key.ts';
import type { BodyOf } from '../../../../src/contract/api/endpoint.ts';
import type { EmbeddingInput, embeddingEndpoints } from '../../../../src/contract/embeddings/embeddings.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { truncatedReply, withTruncateFlag } from '../../../../src/contract/embeddings/truncation.ts';
import type { Refusal } from '../../../../src/contract/api/errors.ts';
import type { EmbeddedInputs } from '../../../../src/gateway/embeddings/embed.ts';
import type { EmbeddingOutput } from '../../../../src/inference/embedding-output.ts';
import { sparseVector } from '../../../../src/inference/served/sparse-rows.ts';
import { float32Json } from '../../../../src/kernel/float32-text.ts';
import type { Err } from '../../../../src/kernel/result.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { InputType } from '../../../../src/inference/served/model-calls.ts';
import { binaryOf, ubinaryOf } from '../../../../src/inference/vector-form.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import type { VectorWriter } from '../../pipeline/vector-writer.ts';
import { JSON_VECTORS } from '../../pipeline/vector-writer.ts';
import { base64 } from './base64.ts';
import { embedCall, embeddedAnswer, tokenVectorsOf, vectorsOf } from './embed-call.ts';
import { handOverToUpstreams } from './hand-over.ts';

type Body = BodyOf<(typeof embeddingEndpoints)['createEmbeddings']>;
type HandedOver = Parameters<typeof handOverToUpstreams>[0] & { readonly body: Body };
type Format = 'float' | 'base64' | 'binary' | 'ubinary';

export const embeddingHandlers = {
  createEmbeddings: async (call) => {
    const { body } = call;
    const { model, dimensions, truncate } = body;
    const input = await call.gateway.tokenTexts.inputOf(body);
    if (!input.ok) return input;
    const output = body.return_multivector === true ? 'tokens' : body.output;
    const wanted = { model, inputs: inputsOf(input.value), dimensions, inputType: inputTypeOf(body), output, truncate };
    const embedded = await embedCall(call, wanted);
    if (!embedded.ok) return handOver(call, output, embedded);
    const { tokens, manifest, cut } = embedded.value;
    const format = body.embedding_type ?? body.encoding_type ?? body.encoding_format;
    const rows = writtenRows(embedded.value, format, call.vectors);
    if (!rows.ok) return rows;
    return {
      ...embeddedAnswer(embedded.value, call.vectors === JSON_VECTORS ? format : 'rows'),
      reply: {
        object: 'list' as const,
        data: rows.value.map((embedding, index) => ({ object: 'embedding' as const, index, embedding })),
        model: manifest.id,
        usage: { prompt_tokens: tokens, total_tokens: tokens },
        ...truncatedReply(truncate, cut),
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

/** [U43] An upstream is asked for dense vectors alone: what it would make of `output` is not known. Cutting is a flag there, as Jina and TEI have it. */
function handOver({ body: given, ...call }: HandedOver, output: EmbeddingOutput | undefined, refused: Err<Refusal>) {
  const { output: _, ...rest } = given;
  const body = withTruncateFlag(rest);
  if (output === undefined || output === 'dense' || refused.error.code !== 'model_not_found')
    return handOverToUpstreams({ ...call, body }, '/v1/upstreams/embeddings', refused);
  const what = `is ${output}; models of upstreams make dense vectors, and this deployment has no model ${JSON.stringify(given.model)}`;
  return refuse('invalid_value', what, given.output === undefined ? 'return_multivector' : 'output');
}

/** The embedding of each input, as its answer has it. */
function writtenRows(embedded: EmbeddedInputs, format: Format, writer: VectorWriter) {
  if (embedded.output === 'dense') return ok(vectorsOf(embedded).map((vector) => written(vector, format, writer)));
  if (embedded.output === 'tokens')
    return ok(tokenVectorsOf(embedded).map((vectors) => vectors.map((vector) => written(vector, format, writer))));
  // OpenAI's clients ask for base64 unless told otherwise, and read it of strings alone.
  if (format === 'binary' || format === 'ubinary')
    return refuse('invalid_value', `is ${format}; sparse vectors are numbers`, 'embedding_type');
  return ok(
    embedded.rows.map((row) => {
      const { indices, values } = sparseVector(row);
      return { indices: [...indices], values: float32Json(values) };
    }),
  );
}

function written(vector: Float32Array<ArrayBuffer>, format: Format, writer: VectorWriter) {
  if (writer !== JSON_VECTORS || format === 'float') return writer.write(vector);
  if (format === 'base64') return base64(vector);
  return format === 'binary' ? binaryOf(vector) : ubinaryOf(vector);
}
