import { POINT_ID } from './point-id.ts';
import { VECTOR_LIMITS } from '../vectors/vector-limits.ts';
import { point } from '../vectors/filter-schema.ts';

// Qdrant's grammar of filters as JSON schemas, for the document: `QdrantFilterReader` is what reads them.

const { filterStringCharsMax, filterPathCharsMax } = VECTOR_LIMITS;

export const QDRANT_FILTER = { $ref: '#/components/schemas/QdrantFilter' };

/** Members between dots, quoted where they have one, each followed by `[]` or not. */
const MEMBER = '("[^".\\x00\\[\\]]+"|[^."\\x00\\[\\]]+)(\\[\\])*';
const key = { type: 'string', maxLength: filterPathCharsMax, pattern: `^${MEMBER}(\\.${MEMBER})*$` };
const keyword = {
  anyOf: [
    { type: 'string', maxLength: filterStringCharsMax, pattern: '^[^\\x00]*$' },
    { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
    { type: 'boolean' },
  ],
};
const keywords = { type: 'array', items: keyword };
const object = (properties: object, required: readonly string[] = []) => ({
  type: 'object' as const,
  properties,
  ...(required.length > 0 && { required }),
  additionalProperties: false,
});
const ends = (value: object) => {
  const end = { anyOf: [value, { type: 'null' }] };
  return object({ lt: end, lte: end, gt: end, gte: end });
};
const line = object({ points: { type: 'array', items: point, minItems: 4 } }, ['points']);

const CONDITIONS = {
  match: { anyOf: [object({ value: keyword }, ['value']), object({ any: keywords }, ['any']), object({ except: keywords }, ['except'])] },
  range: { anyOf: [ends({ type: 'number' }), ends({ type: 'string', format: 'date-time' })] },
  geo_radius: object({ center: point, radius: { type: 'number', minimum: 0 } }, ['center', 'radius']),
  geo_bounding_box: object({ top_left: point, bottom_right: point }, ['top_left', 'bottom_right']),
  geo_polygon: object({ exterior: line, interiors: { type: 'array', items: line } }, ['exterior']),
  values_count: ends({ type: 'integer', minimum: 0 }),
  is_empty: { type: 'boolean' },
  is_null: { type: 'boolean' },
};

const keyed = object({ key }, ['key']);
const condition = {
  anyOf: [
    ...Object.entries(CONDITIONS).map(([name, value]) => object({ key, [name]: value }, ['key', name])),
    object({ is_empty: keyed }, ['is_empty']),
    object({ is_null: keyed }, ['is_null']),
    object({ has_id: { type: 'array', items: POINT_ID } }, ['has_id']),
    object({ has_vector: { type: 'string', enum: [''] } }, ['has_vector']),
    object({ nested: object({ key, filter: QDRANT_FILTER }, ['key', 'filter']) }, ['nested']),
    QDRANT_FILTER,
  ],
};
const conditions = { anyOf: [{ type: 'array', items: condition }, condition, { type: 'null' }] };

export const QDRANT_FILTER_SCHEMA = object({
  must: conditions,
  should: conditions,
  must_not: conditions,
  min_should: {
    anyOf: [object({ conditions, min_count: { type: 'integer', minimum: 0 } }, ['min_count']), { type: 'null' }],
  },
});
