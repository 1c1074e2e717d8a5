import * as z from 'zod';
import { fromBase64, utf8 } from '../../kernel/bytes.ts';
import { isRawJson } from '../../kernel/exact-json.ts';
import { about } from '../api/api-text.ts';
import { jsonDepth } from '../api/json-value.ts';
import { onlyWith } from '../api/presence.ts';
import { INDEX_LIMITS } from '../indexes/index-limits.ts';
import { VECTOR_LIMITS } from './vector-limits.ts';
import { STORABLE, UNSTORABLE } from '../api/json-value.ts';

export const FLOAT32_MAX = (2 - 2 ** -23) * 2 ** 127;

/** A vector, as the document has it. */
export const FLOATS = {
  type: 'array' as const,
  items: { type: 'number' as const, minimum: -FLOAT32_MAX, maximum: FLOAT32_MAX },
  minItems: INDEX_LIMITS.dimensionsMinCount,
  maxItems: INDEX_LIMITS.dimensionsMaxCount,
};

/** The components of one vector, as a Float32Array: checked and converted in one loop instead of a schema a number. */
export const floats = z
  .unknown()
  .meta({
    ...FLOATS,
    description: 'The components of the vector: finite numbers in the range of float32, as many as the index has dimensions.',
  })
  .transform((value, context): Float32Array<ArrayBuffer> => {
    const converted = readFloats(value);
    if (converted instanceof Float32Array) return converted;
    context.issues.push({ ...converted, input: value });
    return z.NEVER;
  });

/** How many characters of base64 so many floats are. */
const charsOf = (count: number): number => Math.ceil((4 * count) / 3) * 4;

/** Base64 of bytes by fours: three floats are 16 characters, and what one or two more are ends with padding. */
const BASE64_FLOATS = '^([A-Za-z0-9+/]{16})*([A-Za-z0-9+/]{6}==|[A-Za-z0-9+/]{11}=)?$';

/** A vector as text, as the document has it. */
export const FLOATS_AS_TEXT = {
  type: 'string' as const,
  contentEncoding: 'base64',
  minLength: charsOf(INDEX_LIMITS.dimensionsMinCount),
  maxLength: charsOf(INDEX_LIMITS.dimensionsMaxCount),
  pattern: BASE64_FLOATS,
};

/** The same, also as base64 of little-endian float32, or from the row of a frame. */
export const vectorFloats = z
  .unknown()
  .meta({
    anyOf: [FLOATS, FLOATS_AS_TEXT],
    description:
      'The components of the vector: finite numbers in the range of float32, as many as the index has dimensions. As text: base64 of ' +
      'them as little-endian 32-bit floats. In a frame: the number of its row.',
  })
  .transform((value, context): Float32Array<ArrayBuffer> => {
    const read = readVector(value);
    if (read instanceof Float32Array) return read;
    context.issues.push({ ...read, input: value });
    return z.NEVER;
  });

type Fault =
  | { readonly code: 'custom'; readonly message: string; readonly path: number[] }
  | { readonly code: 'too_big'; readonly message: string; readonly origin: 'array'; readonly maximum: number };

/** The components of a vector as `vectorFloats` takes them, or what is wrong with them. */
export const readVector = (value: unknown): Float32Array<ArrayBuffer> | Fault =>
  typeof value === 'string' ? base64Floats(value) : readFloats(value);

/** The components of a vector as `floats` takes them, or what is wrong with them. */
export function readFloats(value: unknown): Float32Array<ArrayBuffer> | Fault {
  if (value instanceof Float32Array) return checkedFloats(value as Float32Array<ArrayBuffer>);
  if (!Array.isArray(value)) return { code: 'custom', message: 'must be an array of numbers', path: [] };
  const numbers: readonly unknown[] = value;
  const misfit = lengthFault(numbers.length);
  if (misfit !== undefined) return misfit;
  const result = new Float32Array(numbers.length);
  for (let i = 0; i < numbers.length; i += 1) {
    const written = numbers[i];
    const item = typeof written !== 'number' && isRawJson(written) ? Number(written.rawJSON) : written;
    if (typeof item !== 'number' || !Number.isFinite(Math.fround(item))) {
      return notFinite(i);
    }
    result[i] = item;
  }
  return result;
}

const notFinite = (at: number): Fault => ({ code: 'custom', message: 'must be a finite number in the range of float32', path: [at] });

function lengthFault(count: number): Fault | undefined {
  const { dimensionsMinCount: min, dimensionsMaxCount: max } = INDEX_LIMITS;
  if (count > max) {
    return { code: 'too_big', message: `has ${count} numbers, more than dimensionsMaxCount (${max})`, origin: 'array', maximum: max };
  }
  return count < min ? { code: 'custom', message: `must have at least ${min} numbers`, path: [] } : undefined;
}

/** Numbers that came as bytes. */
function checkedFloats(values: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> | Fault {
  const misfit = lengthFault(values.length);
  if (misfit !== undefined) return misfit;
  const odd = values.findIndex((value) => !Number.isFinite(value));
  return odd < 0 ? values : notFinite(odd);
}

/** A longer text holds too many numbers, and is not decoded. */
const BASE64_CHARS_MAX = charsOf(INDEX_LIMITS.dimensionsMaxCount + 1);

function base64Floats(text: string): Float32Array<ArrayBuffer> | Fault {
  const bytes = fromBase64(text.slice(0, BASE64_CHARS_MAX));
  if (bytes === undefined) return { code: 'custom', message: 'must be an array of numbers, or base64 of 32-bit floats', path: [] };
  if (bytes.length % 4 === 0) return checkedFloats(new Float32Array(bytes.buffer));
  return { code: 'custom', message: `has ${bytes.length} bytes as base64, which are no 32-bit floats`, path: [] };
}

/** Text whose UTF-8 form has at most `bytesMax` bytes. */
const utf8Text = (limitName: string, bytesMax: number, error?: (issue: z.core.$ZodRawIssue) => string | undefined) =>
  z.string({ error }).superRefine((text, context) => {
    const message = beyondBytes(text, limitName, bytesMax);
    if (message !== undefined) context.addIssue({ code: 'too_big', origin: 'string', maximum: bytesMax, inclusive: true, message });
  });

/** What is wrong with a text whose UTF-8 form has more bytes than a limit, if it has. */
export function beyondBytes(given: string, limitName: string, bytesMax: number): string | undefined {
  // No string has fewer UTF-8 bytes than UTF-16 units, so a hostile length is refused before it is encoded.
  const bytes = given.length > bytesMax ? given.length : utf8(given).length;
  return bytes <= bytesMax ? undefined : `has ${bytes} bytes or more, more than ${limitName} (${bytesMax})`;
}

/** Ids of other products may be numbers. */
const numberFault = ({ input }: z.core.$ZodRawIssue): string | undefined =>
  typeof input === 'number' ? 'must be a string; ids that are numbers are what the paths of Qdrant (/collections) take' : undefined;

export const vectorId = utf8Text('vectorIdBytesMax', VECTOR_LIMITS.vectorIdBytesMax, numberFault)
  .min(1)
  .regex(STORABLE, UNSTORABLE)
  .meta(about('Unique within its namespace. At most 512 bytes.', 'article-17'));

/** Absent means the default namespace, which is its own: no call reads or writes two namespaces. */
const exampleIds = z.array(vectorId).min(1).max(VECTOR_LIMITS.exampleIdsMaxCount);

/** What a search for the like of stored vectors gives. */
export const examples = {
  positive_ids: exampleIds
    .optional()
    .meta(about('Search for vectors like these stored ones, which are then not among the matches: in the direction of their mean.')),
  negative_ids: exampleIds.optional().meta(about('With `positive_ids`: and unlike these.')),
};

interface Examples {
  readonly positive_ids?: unknown;
  readonly negative_ids?: unknown;
}

/** Of a schema that has `examples`: refuses negative ones alone. */
export const withExamples = <S extends z.core.$ZodType<unknown, Examples>>(schema: S): S =>
  onlyWith(schema, 'negative_ids', 'positive_ids', { path: ['negative_ids'], message: 'goes with `positive_ids` only' });

export const namespace = utf8Text('namespaceBytesMax', VECTOR_LIMITS.namespaceBytesMax)
  .regex(STORABLE, UNSTORABLE)
  .default('')
  .meta(about('A part of the index that is searched alone. Absent: the default namespace.', 'en'));

export const text = utf8Text('vectorTextBytesMax', VECTOR_LIMITS.vectorTextBytesMax)
  .min(1)
  .meta(about("Embedded with the index's model, and kept.", 'A fast brown fox'));

/** A JSON object, passed on as the JSON text that is stored. No schema of its fields: zod's records lose the key `__proto__`. */
export const metadata = z
  .unknown()
  .meta({
    type: 'object',
    propertyNames: { type: 'string' },
    additionalProperties: {},
    description: 'Any JSON object of at most 64 KiB.',
    example: { lang: 'en' },
  })
  .transform((value, context): string => {
    const json = metadataText(value);
    if (typeof json === 'string') return json;
    context.issues.push({ ...json, input: value });
    return z.NEVER;
  });

type MetadataFault =
  | { readonly code: 'invalid_type'; readonly expected: 'object'; readonly message: string }
  | { readonly code: 'custom'; readonly message: string }
  | { readonly code: 'too_big'; readonly message: string; readonly origin: 'object'; readonly maximum: number };

/** Metadata as the JSON text that is stored, or what is wrong with it. */
export function metadataText(value: unknown): string | MetadataFault {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { code: 'invalid_type', expected: 'object', message: 'must be an object' };
  }
  const { jsonDepthMax } = INDEX_LIMITS;
  const { vectorMetadataBytesMax } = VECTOR_LIMITS;
  if (jsonDepth(value, jsonDepthMax) > jsonDepthMax) {
    return { code: 'too_big', origin: 'object', maximum: jsonDepthMax, message: `nests deeper than ${jsonDepthMax} levels (jsonDepthMax)` };
  }
  const json = JSON.stringify(value);
  if (json.includes('null') && overflows(value)) {
    return { code: 'custom', message: 'holds a number that a double cannot: it would become null' };
  }
  const bytes = utf8(json).length;
  if (bytes <= vectorMetadataBytesMax) return json;
  const message = `has ${bytes} bytes as JSON, more than ${vectorMetadataBytesMax} (vectorMetadataBytesMax)`;
  return { code: 'too_big', origin: 'object', maximum: vectorMetadataBytesMax, message };
}

/** Whether a number in a parsed value of bounded depth was too large for JavaScript, which made it infinite. */
function overflows(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(overflows);
}
