import { shownName } from '../../contract/api/field-path.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import type { NamedTensor, TensorData, TensorPort } from '../tensor.ts';

/** Whether tensors are the inputs that a graph takes: by name, type, rank and fixed dimensions, each once, and none missing. [M82] */
export function checkInputs(inputs: readonly NamedTensor[], ports: readonly TensorPort[]): Outcome<void> {
  if (inputs.length > MODEL_LIMITS.inferTensorsMaxCount)
    return refuseBeyond({ path: 'inputs', limit: 'inferTensorsMaxCount', value: inputs.length, what: `are ${inputs.length}` });
  const names = new Set<string>();
  for (const [i, input] of inputs.entries()) {
    const at: FieldPath = ['inputs', i];
    const port = ports.find(({ name }) => name === input.name);
    const known = ports.map(({ name }) => name).join(', ');
    if (port === undefined) return refuse('invalid_value', `is no input of the graph; it has ${known}`, [...at, 'name']);
    if (names.has(input.name)) return refuse('invalid_value', 'is there twice', [...at, 'name']);
    names.add(input.name);
    const checked = checkInput(input, port, at);
    if (!checked.ok) return checked;
  }
  const missing = ports.find(({ name }) => !names.has(name));
  if (missing !== undefined) return refuse('invalid_value', `lack ${JSON.stringify(shownName(missing.name))}`, 'inputs');
  return checkBytes(inputs, 'inputs');
}

function checkInput({ type, shape, data }: NamedTensor, port: TensorPort, at: FieldPath): Outcome<void> {
  if (type !== port.type) return refuse('invalid_value', `is ${type}; the graph takes ${port.type}`, [...at, 'type']);
  if (shape.length > MODEL_LIMITS.tensorRankMax || shape.some((dim) => !Number.isSafeInteger(dim) || dim < 0))
    return refuse('invalid_value', `is no list of at most ${MODEL_LIMITS.tensorRankMax} dimensions`, [...at, 'shape']);
  // A graph may say nothing of its inputs' shape.
  const isFitting =
    port.shape.length === 0 ||
    (shape.length === port.shape.length && port.shape.every((dim, i) => typeof dim === 'string' || dim === shape[i]));
  if (!isFitting)
    return refuse(
      'dimension_mismatch',
      `is [${shape.join(', ')}]; the graph takes [${port.shape.map((dim) => (dim === '' ? '?' : dim)).join(', ')}]`,
      [...at, 'shape'],
    );
  const count = shape.reduce((product, dim) => product * dim, 1);
  return count === data.length
    ? ok(undefined)
    : refuse('invalid_value', `has ${data.length} values; its shape has ${count}`, [...at, 'data']);
}

/** Whether they fit a message, and the isolate. */
export const checkBytes = (tensors: readonly NamedTensor[], field: string): Outcome<void> =>
  checkByteCount(
    tensors.reduce((sum, { data }) => sum + bytesOf(data), 0),
    field,
  );

export function checkByteCount(bytes: number, field: string): Outcome<void> {
  return bytes <= MODEL_LIMITS.inferBytesMax
    ? ok(undefined)
    : refuseBeyond({ path: field, limit: 'inferBytesMax', value: bytes, what: `have ${bytes} bytes` });
}

const bytesOf = (data: TensorData): number =>
  Array.isArray(data) ? data.reduce((sum, text) => sum + 3 * text.length, 0) : data.byteLength;
