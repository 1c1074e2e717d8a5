import type { FieldPath } from '../../contract/api/field-path.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { isRawJson } from '../../kernel/exact-json.ts';
import { ok } from '../../kernel/result.ts';
import type { NamedTensor, TensorData, TensorType } from '../tensor.ts';
import type { Datatype } from './datatype.ts';
import { elementBytes, NUMBER_KINDS, TYPES } from './datatype.ts';

/** A tensor as a request states it: its values as JSON, flat or nested, or as so many bytes behind the JSON. */
export interface StatedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly datatype: Datatype;
  readonly data?: unknown;
  readonly parameters?: { readonly binary_data_size?: number | undefined } | undefined;
}

/**
 * The tensors of a request (KServe, Open Inference Protocol v2, with the binary tensor data extension). `binary`: the bytes behind the JSON, to
 * which the inputs with `binary_data_size` are entitled in their order. Refuses what is not as many values as its shape says, of its
 * type, by the name of its field. [M27]
 */
export function readTensors(stated: readonly StatedTensor[], binary: Uint8Array): Outcome<NamedTensor[]> {
  const tensors: NamedTensor[] = [];
  let used = 0;
  let bytes = 0;
  for (const [position, one] of stated.entries()) {
    const path: FieldPath = ['inputs', position];
    const size = one.parameters?.binary_data_size;
    if ((size === undefined) === (one.data === undefined))
      return refuse('invalid_value', 'must have either data, or binary_data_size and its bytes behind the JSON', path);
    const count = countOf(one, path);
    if (!count.ok) return count;
    const type = TYPES[one.datatype];
    bytes += count.value * (elementBytes(type) ?? 1);
    if (bytes > MODEL_LIMITS.inferBytesMax)
      return refuseBeyond({ path: ['inputs'], limit: 'inferBytesMax', value: bytes, what: `has ${bytes} bytes of values` });
    const end = used + (size ?? 0);
    if (end > binary.length)
      return refuse('invalid_value', `needs ${end} bytes behind the JSON; there are ${binary.length}`, [
        ...path,
        'parameters',
        'binary_data_size',
      ]);
    const data =
      size === undefined
        ? ofJson(one.data, type, count.value, [...path, 'data'])
        : ofBytes(binary.slice(used, end), type, count.value, [...path, 'parameters', 'binary_data_size']);
    if (!data.ok) return data;
    used = end;
    tensors.push({ name: one.name, type, shape: one.shape, data: data.value });
  }
  if (used < binary.length) return refuse('invalid_value', `claim ${used} bytes behind the JSON; there are ${binary.length}`, 'inputs');
  return ok(tensors);
}

/** How many values a shape has. Dimensions multiply beyond any number that is exact, so each product is bounded. */
function countOf({ shape }: StatedTensor, path: FieldPath): Outcome<number> {
  let count = 1;
  for (const length of shape) {
    count *= length;
    if (count > MODEL_LIMITS.inferBytesMax)
      return refuseBeyond({
        path: [...path, 'shape'],
        limit: 'inferBytesMax',
        what: `[${shape.join(', ')}] has more values than a call may have bytes`,
      });
  }
  return ok(count);
}

function ofJson(data: unknown, type: TensorType, count: number, path: FieldPath): Outcome<TensorData> {
  const values: unknown[] = [];
  // The arrays that are being read, the innermost last.
  const open = [{ array: [data] as readonly unknown[], next: 0 }];
  for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
    const value = level.array[level.next];
    if (level.next++ >= level.array.length) open.pop();
    else if (!Array.isArray(value)) values.push(value);
    else if (open.length > MODEL_LIMITS.tensorRankMax)
      return refuse('invalid_value', `is nested deeper than ${MODEL_LIMITS.tensorRankMax} dimensions`, path);
    else open.push({ array: value, next: 0 });
  }
  if (values.length !== count) return refuse('invalid_value', `has ${values.length} values; its shape has ${count}`, path);
  if (type === 'string') return strings(values, path);
  if (type === 'int64' || type === 'uint64') return bigints(values, type, path);
  return numbers(values, type, path);
}

function strings(values: readonly unknown[], path: FieldPath): Outcome<string[]> {
  const at = values.findIndex((value) => typeof value !== 'string');
  return at === -1 ? ok(values as string[]) : refuse('invalid_value', `must be texts; value ${at} is not`, path);
}

function bigints(values: readonly unknown[], type: 'int64' | 'uint64', path: FieldPath): Outcome<TensorData> {
  const whole = type === 'int64' ? new BigInt64Array(values.length) : new BigUint64Array(values.length);
  const [least, most] = type === 'int64' ? [-(2n ** 63n), 2n ** 63n - 1n] : [0n, 2n ** 64n - 1n];
  for (const [at, value] of values.entries()) {
    const big = isRawJson(value) ? BigInt(value.rawJSON) : Number.isSafeInteger(value) ? BigInt(value as number) : undefined;
    if (big === undefined || big < least || big > most)
      return refuse('invalid_value', `must be whole numbers of ${type}; value ${at} is not`, path);
    whole[at] = big;
  }
  return ok(whole);
}

function numbers(values: readonly unknown[], type: keyof typeof NUMBER_KINDS, path: FieldPath): Outcome<TensorData> {
  const { bytes, make, least, most } = NUMBER_KINDS[type];
  const data = make(new ArrayBuffer(values.length * bytes));
  for (const [at, value] of values.entries()) {
    const number = isRawJson(value) ? Number(value.rawJSON) : type === 'bool' && typeof value === 'boolean' ? Number(value) : value;
    const isFine =
      typeof number === 'number' &&
      (least === undefined || most === undefined
        ? Number.isFinite(type === 'float32' ? Math.fround(number) : number)
        : Number.isInteger(number) && number >= least && number <= most);
    if (!isFine) return refuse('invalid_value', `must be values of ${type}; value ${at} is not`, path);
    data[at] = number;
  }
  return ok(data);
}

function ofBytes(bytes: Uint8Array<ArrayBuffer>, type: TensorType, count: number, path: FieldPath): Outcome<TensorData> {
  const width = elementBytes(type);
  if (width === undefined) return texts(bytes, count, path);
  if (bytes.length !== count * width)
    return refuse('invalid_value', `is ${bytes.length}; the shape has ${count} values of ${width} bytes`, path);
  if (type === 'int64') return ok(new BigInt64Array(bytes.buffer));
  if (type === 'uint64') return ok(new BigUint64Array(bytes.buffer));
  if (type === 'bool' && bytes.some((byte) => byte > 1)) return refuse('invalid_value', 'leads to a bool that is neither 0 nor 1', path);
  return ok(NUMBER_KINDS[type as keyof typeof NUMBER_KINDS].make(bytes.buffer));
}

/** Each text is its length in bytes as little-endian uint32, then its UTF-8. */
function texts(bytes: Uint8Array<ArrayBuffer>, count: number, path: FieldPath): Outcome<string[]> {
  const view = new DataView(bytes.buffer);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const found: string[] = [];
  let at = 0;
  while (at < bytes.length && found.length < count) {
    const end = at + 4 <= bytes.length ? at + 4 + view.getUint32(at, true) : Infinity;
    if (end > bytes.length) return refuse('invalid_value', `ends within text ${found.length}`, path);
    try {
      found.push(decoder.decode(bytes.subarray(at + 4, end)));
    } catch {
      return refuse('invalid_value', `leads to text ${found.length}, which is not UTF-8`, path);
    }
    at = end;
  }
  if (at < bytes.length || found.length < count)
    return refuse('invalid_value', `holds ${at < bytes.length ? 'more than ' : ''}${found.length} texts; the shape has ${count}`, path);
  return ok(found);
}
