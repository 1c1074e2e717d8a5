import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { FIELD_LIMITS } from '../indexes/field-limits.ts';
import { beyondBytes, FLOAT32_MAX, FLOATS, FLOATS_AS_TEXT, readVector } from './vector-fields.ts';
import type { TokenCodes } from './token-codes.ts';
import { quantiseTokens, tokenCodesOf } from './token-codes.ts';
import { VECTOR_LIMITS } from './vector-limits.ts';

/** A sparse vector: its dimensions in rising order, none twice, and a number at each. */
export interface SparseNumbers {
  readonly indices: readonly number[];
  readonly values: readonly number[];
}

/**
 * What a caller gives a row in a field: a text, which a model encodes where the field is none of texts; the numbers of a sparse vector, or of
 * one that is not; or the vectors of tokens as codes. Numbers may come with the `text` that they were made of, which is kept beside them and not encoded.
 */
export type FieldValue =
  | { readonly kind: 'text'; readonly text: string }
  | ({ readonly kind: 'sparse'; readonly text?: string } & SparseNumbers)
  | { readonly kind: 'vector'; readonly vector: Float32Array<ArrayBuffer>; readonly text?: string }
  | ({ readonly kind: 'multi_vector'; readonly text?: string } & TokenCodes);

/** By the name of the field. */
export type FieldValues = ReadonlyMap<string, FieldValue>;

/** What is wrong with a value, where in it. */
export interface FieldFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** The bound that is exceeded, if that is what is wrong. */
  readonly maximum?: number;
}

type Read<T> = T | FieldFault;

const isFault = (read: object): read is FieldFault => 'message' in read;
const below = ({ path, ...fault }: FieldFault, ...at: readonly (string | number)[]): FieldFault => ({ ...fault, path: [...at, ...path] });
const faulty = (message: string, ...path: readonly (string | number)[]): FieldFault => ({ path, message });
const beyond = (limit: keyof typeof FIELD_LIMITS, what: string, ...path: readonly (string | number)[]): FieldFault => ({
  path,
  message: `${what}, more than ${limit} (${FIELD_LIMITS[limit]})`,
  maximum: FIELD_LIMITS[limit],
});

/** The values of a row's fields, or what is wrong with them: checked in loops, as a schema a number would take ten times as long. */
export function readFieldValues(given: unknown): FieldValues | FieldFault {
  if (!isObject(given)) return faulty('must be an object');
  const names = Object.keys(given);
  if (names.length > FIELD_LIMITS.fieldsPerIndexMaxCount) return beyond('fieldsPerIndexMaxCount', `has ${names.length} fields`);
  const values = new Map<string, FieldValue>();
  for (const name of names) {
    const value = readValue(given[name]);
    if (isFault(value)) return below(value, name);
    values.set(name, value);
  }
  return values;
}

const isObject = (given: unknown): given is Readonly<Record<string, unknown>> =>
  typeof given === 'object' && given !== null && !Array.isArray(given);

function readValue(given: unknown): Read<FieldValue> {
  if (typeof given === 'string') return readText(given);
  if (Array.isArray(given)) return readArray(given as readonly unknown[]);
  if (!isObject(given)) return faulty('must be a text, a vector, a sparse vector {indices, values}, or an array of vectors');
  const { text, ...numbers } = given;
  const kind = kindOf(numbers);
  const unknown = Object.keys(numbers).find((name) => !MEMBERS[kind].includes(name));
  if (unknown !== undefined) return faulty(`is not a known field; there are: ${MEMBERS[kind].join(', ')}, text`, unknown);
  const read = readNumbers(kind, numbers);
  if (isFault(read) || text === undefined) return read;
  if (typeof text !== 'string') return faulty('must be a string', 'text');
  const source = readText(text);
  return isFault(source) ? below(source, 'text') : { ...read, text };
}

/** What a value consists of that is an object, besides its text. */
const MEMBERS: Readonly<Record<NumbersKind, readonly string[]>> = {
  sparse: ['indices', 'values'],
  multi_vector: ['codes', 'scales'],
  vector: ['vector'],
};

type NumbersKind = Exclude<FieldValue['kind'], 'text'>;

function kindOf(numbers: Readonly<Record<string, unknown>>): NumbersKind {
  if ('vector' in numbers) return 'vector';
  return 'codes' in numbers || 'scales' in numbers ? 'multi_vector' : 'sparse';
}

function readNumbers(kind: NumbersKind, numbers: Readonly<Record<string, unknown>>): Read<Exclude<FieldValue, { readonly kind: 'text' }>> {
  if (kind === 'sparse') return withKind(kind, readSparse(numbers['indices'], numbers['values']));
  if (kind === 'multi_vector') return withKind(kind, readCodes(numbers['codes'], numbers['scales']));
  const read = readDense(numbers['vector']);
  return isFault(read) ? below(read, 'vector') : read;
}

/** One vector, or several. */
const readArray = (given: readonly unknown[]): Read<FieldValue> =>
  given.length === 0 || Array.isArray(given[0]) ? withKind('multi_vector', readVectors(given)) : readDense(given);

function readDense(given: unknown): Read<{ readonly kind: 'vector'; readonly vector: Float32Array<ArrayBuffer> }> {
  const vector = readVector(given);
  if (vector instanceof Float32Array) return { kind: 'vector', vector };
  const { code: _, ...fault } = vector;
  return { path: [], ...fault };
}

const withKind = <K extends string, T extends object>(kind: K, read: Read<T>): Read<T & { readonly kind: K }> =>
  isFault(read) ? read : { kind, ...read };

function readText(text: string): Read<{ readonly kind: 'text'; readonly text: string }> {
  const maximum = VECTOR_LIMITS.vectorTextBytesMax;
  const message = beyondBytes(text, 'vectorTextBytesMax', maximum);
  return message === undefined ? { kind: 'text', text } : { path: [], message, maximum };
}

const isFloat = (given: unknown): given is number => typeof given === 'number' && Math.abs(given) <= FLOAT32_MAX;
const NO_FLOAT = 'must be a finite number in the range of float32';

/** In rising order, whatever the order in which they come. */
function readSparse(indices: unknown, values: unknown): Read<SparseNumbers> {
  if (!Array.isArray(indices)) return faulty('must be an array of whole numbers', 'indices');
  if (!Array.isArray(values)) return faulty('must be an array of numbers', 'values');
  const count = indices.length;
  if (count > FIELD_LIMITS.sparseNumbersMaxCount) return beyond('sparseNumbersMaxCount', `has ${count} numbers`, 'indices');
  if (values.length !== count) return faulty(`has ${values.length} numbers; \`indices\` has ${count}`, 'values');
  const last = FIELD_LIMITS.sparseIndexMax;
  const numbers: SparseNumber[] = [];
  for (const [at, index] of (indices as readonly number[]).entries()) {
    if (!Number.isInteger(index) || index < 0 || index > last) return faulty(`must be a whole number from 0 to ${last}`, 'indices', at);
    const value: unknown = values[at];
    if (!isFloat(value)) return faulty(NO_FLOAT, 'values', at);
    numbers.push({ at, index, value });
  }
  numbers.sort((a, b) => a.index - b.index);
  const twice = numbers.find(({ index }, i) => index === numbers[i - 1]?.index);
  if (twice !== undefined) return faulty(`is there twice: ${twice.index}`, 'indices', twice.at);
  return { indices: numbers.map(({ index }) => index), values: numbers.map(({ value }) => value) };
}

/** A number of a sparse vector, and where it was given. */
interface SparseNumber {
  readonly at: number;
  readonly index: number;
  readonly value: number;
}

function readVectors(vectors: readonly unknown[]): Read<TokenCodes> {
  const [first] = vectors;
  if (!Array.isArray(first)) return faulty('must be an array of one vector or more, each an array of numbers');
  const dimensions = first.length;
  const numbers = vectors.length * dimensions;
  if (numbers > FIELD_LIMITS.multiVectorNumbersMaxCount) return beyond('multiVectorNumbersMaxCount', `has ${numbers} numbers`);
  const rows = new Float32Array(numbers);
  for (const [at, vector] of vectors.entries()) {
    if (!Array.isArray(vector)) return faulty('must be an array of numbers', at);
    if (vector.length !== dimensions) return faulty(`has ${vector.length} numbers, the vector before ${dimensions}`, at);
    const odd = vector.findIndex((value) => !isFloat(value));
    if (odd >= 0) return faulty(NO_FLOAT, at, odd);
    rows.set(vector as number[], at * dimensions);
  }
  return dimensions === 0 ? faulty('must have numbers', 0) : quantiseTokens(rows, dimensions);
}

function readCodes(codes: unknown, scales: unknown): Read<TokenCodes> {
  if (typeof codes !== 'string') return faulty('must be base64 of the codes, a byte each', 'codes');
  if (!Array.isArray(scales) || scales.length === 0) return faulty('must be an array of numbers, one a vector', 'scales');
  const odd = scales.findIndex((scale) => !isFloat(scale) || scale < 0);
  if (odd >= 0) return faulty('must be a finite number, not below zero', 'scales', odd);
  const read = tokenCodesOf(codes, scales as number[]);
  if (typeof read === 'string') return faulty(read, 'codes');
  const numbers = read.dimensions * scales.length;
  return numbers > FIELD_LIMITS.multiVectorNumbersMaxCount ? beyond('multiVectorNumbersMaxCount', `has ${numbers} numbers`, 'codes') : read;
}

const text = { type: 'string' as const, description: 'Of a text field; of others, their model encodes it.' };
const sparse = {
  type: 'object' as const,
  description: 'A sparse vector: no index twice. With the text that it was made of, if that is to be kept.',
  properties: {
    indices: {
      type: 'array',
      items: { type: 'integer', minimum: 0, maximum: FIELD_LIMITS.sparseIndexMax },
      uniqueItems: true,
      maxItems: FIELD_LIMITS.sparseNumbersMaxCount,
    },
    values: { type: 'array', items: { type: 'number' }, maxItems: FIELD_LIMITS.sparseNumbersMaxCount },
    text: { type: 'string' },
  },
  required: ['indices', 'values'],
  additionalProperties: false,
};
const vectors = {
  type: 'array' as const,
  items: { type: 'array', items: { type: 'number' }, minItems: 1, maxItems: FIELD_LIMITS.multiVectorDimensionsMaxCount },
  minItems: 1,
  description: 'Several vectors. Each is kept as whole numbers from -127 to 127 and one scale: a number moves by half the scale at most.',
};
const dense = {
  type: 'object' as const,
  description: 'One vector: an array of numbers, or base64 of little-endian 32-bit floats, as it is kept.',
  properties: { vector: { anyOf: [FLOATS, FLOATS_AS_TEXT] }, text: { type: 'string' } },
  required: ['vector'],
  additionalProperties: false,
};
const codes = {
  type: 'object' as const,
  description: 'The same as they are kept: number d of vector t is `scales[t]` times byte t * dimensions + d, signed, of `codes`.',
  properties: {
    codes: { type: 'string', contentEncoding: 'base64' },
    scales: { type: 'array', items: { type: 'number', minimum: 0 }, minItems: 1 },
    text: { type: 'string' },
  },
  required: ['codes', 'scales'],
  additionalProperties: false,
};

/** The values of a row's fields. No schema of its members: zod's records lose the key `__proto__`, and an object a number takes too long. */
export const fieldValues = z
  .unknown()
  .meta({
    type: 'object',
    description: 'Values of fields of the index, by name. At most 512 KiB as they are kept.',
    propertyNames: { type: 'string' },
    additionalProperties: { anyOf: [text, FLOATS, dense, sparse, vectors, codes] },
    maxProperties: FIELD_LIMITS.fieldsPerIndexMaxCount,
    example: { title: 'The lock keeper' },
  })
  .transform((value, context): FieldValues => {
    const read = readFieldValues(value);
    if (!isFault(read)) return read;
    const { path, maximum, ...fault } = read;
    const issue = { ...fault, path: [...path], input: value };
    context.issues.push(maximum === undefined ? { code: 'custom', ...issue } : { code: 'too_big', origin: 'array', maximum, ...issue });
    return z.NEVER;
  });

const sourceText = z.string().optional().meta(about('What the numbers were made of.'));

/** The values of a row's fields, as answers have them. */
export const fieldValuesReply = z
  .record(
    z.string(),
    z.union([
      z.string(),
      z.object({ vector: z.string().meta(about('Base64 of little-endian 32-bit floats.')), text: sourceText }),
      z.object({ indices: z.array(z.int().min(0)), values: z.array(z.number()), text: sourceText }),
      z.object({
        codes: z.string().meta(about('Base64 of signed bytes, one vector behind the other.')),
        scales: z.array(z.number()).meta(about('What the bytes of each vector are to be multiplied with.')),
        text: sourceText,
      }),
    ]),
  )
  .meta(about('As they are kept; what vectors, sparse vectors and texts were written with. Upserts and imports take them as they are.'));
