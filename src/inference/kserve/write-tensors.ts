import { joinedBytes, utf8 } from '../../kernel/bytes.ts';
import type { RawJson } from '../../kernel/exact-json.ts';
import { rawJson } from '../../kernel/exact-json.ts';
import { float32Json } from '../../kernel/float32-text.ts';
import type { NamedTensor } from '../tensor.ts';
import type { Datatype } from './datatype.ts';
import { datatypeOf } from './datatype.ts';

/** A tensor as an answer states it: with its values as JSON, or as so many bytes behind the JSON. */
export interface AnsweredTensor {
  readonly name: string;
  readonly shape: number[];
  readonly datatype: Datatype;
  /** A number that is not finite is null: JSON has no form for it. */
  readonly data?: RawJson | readonly (number | boolean | string | RawJson)[];
  readonly parameters?: { readonly binary_data_size: number };
}

export interface AnsweredTensors {
  readonly outputs: AnsweredTensor[];
  /** What stands behind the JSON, in the order of the outputs that have a `binary_data_size`. */
  readonly binary: readonly Uint8Array[];
}

/** The tensors of an answer; `isBinary` says of each by its name in which form. The opposite of `readTensors`. [M27] */
export function writeTensors(tensors: readonly NamedTensor[], isBinary: (name: string) => boolean): AnsweredTensors {
  const binary: Uint8Array[] = [];
  const outputs = tensors.map((tensor): AnsweredTensor => {
    const stated = { name: tensor.name, shape: [...tensor.shape], datatype: datatypeOf(tensor.type) };
    if (!isBinary(tensor.name)) return { ...stated, data: jsonValues(tensor) };
    const bytes = bytesOf(tensor);
    binary.push(bytes);
    return { ...stated, parameters: { binary_data_size: bytes.length } };
  });
  return { outputs, binary };
}

function jsonValues({ type, data }: NamedTensor): NonNullable<AnsweredTensor['data']> {
  if (Array.isArray(data)) return data;
  if (data instanceof Float32Array && data.every(Number.isFinite)) return float32Json(data);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Array.from(data, exact);
  return type === 'bool' ? Array.from(data, Boolean) : Array.from(data);
}

const exact = (value: bigint): number | RawJson => (Number.isSafeInteger(Number(value)) ? Number(value) : rawJson(String(value)));

function bytesOf({ data }: NamedTensor): Uint8Array {
  if (!Array.isArray(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return joinedBytes(
    data.flatMap((text) => {
      const bytes = utf8(text);
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, bytes.length, true);
      return [length, bytes];
    }),
  );
}
