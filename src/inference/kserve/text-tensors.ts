import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { EMBEDDING_LIMITS } from '../../contract/embeddings/embedding-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import type { NamedTensor, TensorPort } from '../tensor.ts';

const INPUT = 'text';
const OUTPUT = 'embedding';

/** What a model that makes vectors of texts takes and answers, as tensors. */
export const textPorts = (dimensions: number): { readonly inputs: readonly TensorPort[]; readonly outputs: readonly TensorPort[] } => ({
  inputs: [{ name: INPUT, type: 'string', shape: ['texts'] }],
  outputs: [{ name: OUTPUT, type: 'float32', shape: ['texts', dimensions] }],
});

/**
 * The texts of a call: its one tensor, of the shape `[n]`, or `[n, 1]` where a client puts them in a batch. Refuses what is not, by the name of
 * its field, and outputs that there are not. [M110]
 */
export function textsOf(tensors: readonly NamedTensor[], outputs: readonly string[] | undefined): Outcome<string[]> {
  const [tensor, other] = tensors;
  if (tensor === undefined || other !== undefined || tensor.name !== INPUT)
    return refuse('invalid_value', `must be one tensor, named "${INPUT}"`, 'inputs');
  const { type, shape, data } = tensor;
  if (type !== 'string' || !Array.isArray(data)) return refuse('invalid_value', 'must be BYTES', ['inputs', 0, 'datatype']);
  const isRow = shape.length === 1 || (shape.length === 2 && shape[1] === 1);
  if (!isRow || data.length === 0) return refuse('invalid_value', 'must be [n] or [n, 1], of one text or more', ['inputs', 0, 'shape']);
  const unknown = outputs?.findIndex((name) => name !== OUTPUT) ?? -1;
  if (unknown !== -1) return refuse('invalid_value', `must be "${OUTPUT}"`, ['outputs', unknown, 'name']);
  return withinLimits(data);
}

/** The texts, as `/v1/embeddings` takes them. */
function withinLimits(texts: string[]): Outcome<string[]> {
  const { embeddingInputsMaxCount: countMax, embeddingTextCharsMax: charsMax } = EMBEDDING_LIMITS;
  const path = ['inputs', 0, 'data'];
  if (texts.length > countMax)
    return refuseBeyond({ path, limit: 'embeddingInputsMaxCount', value: texts.length, what: `has ${texts.length} texts` });
  const at = texts.findIndex((text) => text === '' || text.length > charsMax);
  if (at === -1) return ok(texts);
  const value = texts[at]?.length ?? 0;
  if (value === 0) return refuse('invalid_value', 'must not be empty', [...path, at]);
  return refuseBeyond({ path: [...path, at], limit: 'embeddingTextCharsMax', value, what: `has ${value} characters` });
}

/** The vectors of `texts` texts, row by row, as the tensor that answers them. */
export const vectorTensor = (vectors: Float32Array<ArrayBuffer>, dimensions: number): NamedTensor => ({
  name: OUTPUT,
  type: 'float32',
  shape: [vectors.length / dimensions, dimensions],
  data: vectors,
});
