import * as z from 'zod';
import { utf8 } from '../kernel/bytes.ts';
import type { RawJson } from '../kernel/exact-json.ts';
import { isRawJson } from '../kernel/exact-json.ts';
import { about, apiText } from './api-text.ts';
import { jsonDepth } from './json-value.ts';
import { LIMITS } from './limits.ts';

/** The components of one vector, as a Float32Array: checked and converted in one loop instead of a schema a number. */
export const floats = z
  .unknown()
  .meta(
    apiText({
      type: 'array',
      items: { type: 'number' },
      minItems: LIMITS.dimensionsMinCount,
      maxItems: LIMITS.dimensionsMaxCount,
      description: 'The components of the vector: finite numbers in the range of float32, as many as the index has dimensions.',
    }),
  )
  .transform((value, context): Float32Array<ArrayBuffer> => {
    const converted = readFloats(value);
    if (converted instanceof Float32Array) return converted;
    context.issues.push({ ...converted, input: value });
    return z.NEVER;
  });

/** The components of a vector in an answer: `float32Json`. */
export const floatsReply = z.custom<RawJson>(isRawJson).meta(
  apiText({
    type: 'array',
    items: { type: 'number' },
    description: 'Each component as the shortest decimal that reads back as the same 32-bit float.',
  }),
);

type Fault =
  | { readonly code: 'custom'; readonly message: string; readonly path: number[] }
  | { readonly code: 'too_big'; readonly message: string; readonly origin: 'array'; readonly maximum: number };

/** The components of a vector as `floats` takes them, or what is wrong with them. */
export function readFloats(value: unknown): Float32Array<ArrayBuffer> | Fault {
  if (!Array.isArray(value)) return { code: 'custom', message: 'must be an array of numbers', path: [] };
  const numbers: readonly unknown[] = value;
  const { dimensionsMinCount: min, dimensionsMaxCount: max } = LIMITS;
  if (numbers.length > max) {
    return {
      code: 'too_big',
      message: `has ${numbers.length} numbers, more than dimensionsMaxCount (${max})`,
      origin: 'array',
      maximum: max,
    };
  }
  if (numbers.length < min) return { code: 'custom', message: `must have at least ${min} numbers`, path: [] };
  const result = new Float32Array(numbers.length);
  for (let i = 0; i < numbers.length; i += 1) {
    const written = numbers[i];
    const item = isRawJson(written) ? Number(written.rawJSON) : written;
    if (typeof item !== 'number' || !Number.isFinite(Math.fround(item))) {
      return { code: 'custom', message: 'must be a finite number in the range of float32', path: [i] };
    }
    result[i] = item;
  }
  return result;
}

/** Text whose UTF-8 form has at most `bytesMax` bytes. */
const utf8Text = (limitName: string, bytesMax: number) =>
  z.string().superRefine((text, context) => {
    // No string has fewer UTF-8 bytes than UTF-16 units, so a hostile length is refused before it is encoded.
    const bytes = text.length > bytesMax ? text.length : utf8(text).length;
    if (bytes <= bytesMax) return;
    const message = `has ${bytes} bytes or more, more than ${limitName} (${bytesMax})`;
    context.addIssue({ code: 'too_big', origin: 'string', maximum: bytesMax, inclusive: true, message });
  });

// A NUL would end a text inside SQLite's JSON functions; half a surrogate pair has no UTF-8 form, so two ids would become one.
export const STORABLE = /^[^\0\p{Surrogate}]*$/u;
export const UNSTORABLE = 'must contain neither NUL nor half a surrogate pair';

export const vectorId = utf8Text('vectorIdBytesMax', LIMITS.vectorIdBytesMax)
  .min(1)
  .regex(STORABLE, UNSTORABLE)
  .meta(about('Unique within its namespace. At most 512 bytes.', 'article-17'));

/** Absent means the default namespace, which is its own: no call reads or writes two namespaces. */
export const namespace = utf8Text('namespaceBytesMax', LIMITS.namespaceBytesMax)
  .regex(STORABLE, UNSTORABLE)
  .default('')
  .meta(about('A part of the index that is searched alone. Absent: the default namespace.', 'en'));

export const text = utf8Text('vectorTextBytesMax', LIMITS.vectorTextBytesMax)
  .min(1)
  .meta(about("Embedded with the index's model, and kept.", 'A fast brown fox'));

/** A JSON object, passed on as the JSON text that is stored. No schema of its fields: zod's records lose the key `__proto__`. */
export const metadata = z
  .unknown()
  .meta(
    apiText({
      type: 'object',
      propertyNames: { type: 'string' },
      additionalProperties: {},
      description: 'Any JSON object of at most 64 KiB.',
      example: { lang: 'en' },
    }),
  )
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
  const { jsonDepthMax, vectorMetadataBytesMax } = LIMITS;
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

/** The name of an embedding model. */
export const modelName = z.string().min(1).max(128).meta(about('An embedding model of `GET /v1/models`.'));
