import * as z from 'zod';

import { isRawJson, rawJson } from '../../kernel/exact-json.ts';
import type { RawJson } from '../../kernel/exact-json.ts';
import { VECTOR_LIMITS } from '../vectors/vector-limits.ts';
import { STORABLE } from '../api/json-value.ts';

const U64_MAX = 18_446_744_073_709_551_615n;
const NUMBER = /^(?:0|[1-9]\d*)$/;
const UUID = /^(?:urn:uuid:)?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})$/;

const isU64 = (text: string): boolean => NUMBER.test(text) && text.length <= 20 && BigInt(text) <= U64_MAX;

/** The id under which a point that Qdrant names so is stored: a number as its digits, a UUID in lower case with hyphens. */
function storedId(value: unknown): string | undefined {
  if (isRawJson(value)) return isU64(value.rawJSON) ? value.rawJSON : undefined;
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? String(value) : undefined;
  if (typeof value !== 'string') return undefined;
  const parts = UUID.exec(value.toLowerCase().replace(/^\{(.*)\}$/, '$1'));
  return parts?.slice(1).join('-');
}

/** An id that Sluice's own API gave to a vector. As a string, no number: that would name another point. */
const isForeign = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= VECTOR_LIMITS.vectorIdBytesMax && STORABLE.test(value) && !isU64(value);

/** An id, as the document has it; `makePortable` writes the limit with all of its digits. */
export const POINT_ID = {
  anyOf: [
    { type: 'integer' as const, minimum: 0, maximum: Number(U64_MAX) },
    { type: 'string' as const, format: 'uuid' },
  ],
};

const schemaOf = (description: string, read: (value: unknown) => string | undefined) =>
  z
    .unknown()
    .meta({
      ...POINT_ID,
      description,
    })
    .transform((value, context): string => {
      const id = read(value);
      if (id !== undefined) return id;
      context.issues.push({ code: 'custom', input: value, message: 'is no point id: those are unsigned 64-bit integers and UUIDs' });
      return z.NEVER;
    });

/** The id of a point to write. */
export const newPointId = schemaOf('An unsigned 64-bit integer, or a UUID.', storedId);

/** The id of a point that may be there, also of one that was not written by a Qdrant client. */
export const pointId = schemaOf(
  'An unsigned 64-bit integer, or a UUID; or the id of a vector that was written otherwise.',
  (value) => storedId(value) ?? (isForeign(value) ? value : undefined),
);

/** The id of a point as a path names it. */
export const pointIdOfPath = (text: string): string => (isU64(text) ? text : (storedId(text) ?? text));

/** A point id as an answer has it. */
export const pointIdReply = z.unknown().meta({
  anyOf: [{ type: 'integer', minimum: 0 }, { type: 'string' }],
  description: 'Integers have all their digits, however many.',
});

/** Where a listing goes on. */
export const nextPointId = z.unknown().meta({
  anyOf: [{ type: 'integer', minimum: 0 }, { type: 'string' }, { type: 'null' }],
  description: 'The first id of the next page; null: there is none.',
});

/** An id in a sentence: one that was given otherwise may be long, and of any characters. */
export const quotedId = (id: string): string => (/^[\w-]{1,36}$/.test(id) ? id : JSON.stringify(id.slice(0, 36)));

/** An id as Qdrant writes it. */
export const shownId = (id: string): RawJson | string => (isU64(id) ? rawJson(id) : id);
