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
    const converted = toFloats(value);
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

function toFloats(value: unknown): Float32Array<ArrayBuffer> | Fault {
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
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      context.issues.push({ code: 'invalid_type', expected: 'object', input: value, message: 'must be an object' });
      return z.NEVER;
    }
    const depth = jsonDepth(value, LIMITS.jsonDepthMax);
    const json = depth > LIMITS.jsonDepthMax ? '' : JSON.stringify(value);
    if (json.includes('null') && overflows(value)) {
      context.issues.push({ code: 'custom', input: value, message: 'holds a number that a double cannot: it would become null' });
      return z.NEVER;
    }
    const bytes = utf8(json).length;
    if (depth <= LIMITS.jsonDepthMax && bytes <= LIMITS.vectorMetadataBytesMax) return json;
    const [what, maximum, name] =
      depth > LIMITS.jsonDepthMax
        ? [`nests deeper than ${LIMITS.jsonDepthMax} levels`, LIMITS.jsonDepthMax, 'jsonDepthMax']
        : [
            `has ${bytes} bytes as JSON, more than ${LIMITS.vectorMetadataBytesMax}`,
            LIMITS.vectorMetadataBytesMax,
            'vectorMetadataBytesMax',
          ];
    context.issues.push({ code: 'too_big', origin: 'object', maximum, input: value, message: `${what} (${name})` });
    return z.NEVER;
  });

/** Whether a number in a parsed value of bounded depth was too large for JavaScript, which made it infinite. */
function overflows(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(overflows);
}

/** The name of an embedding model. */
export const modelName = z.string().min(1).max(128).meta(about('An embedding model of `GET /v1/models`.'));
