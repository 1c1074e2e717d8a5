import { implies } from '../api/presence.ts';
import { VECTOR_LIMITS } from './vector-limits.ts';

// The grammar of filters as JSON schemas, for the document: `FilterReader` is what reads them. What JSON schemas cannot say is left to it: limits of
// the filter as a whole, and that the bounds of a range are all times or none.

const { filterPathCharsMax, filterStringCharsMax, filterPolygonPointsMaxCount } = VECTOR_LIMITS;

const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const text = { type: 'string', maxLength: filterStringCharsMax, pattern: '^[^\\x00]*$' };
const scalar = { anyOf: [text, { type: 'number' }, { type: 'boolean' }, { type: 'null' }] };
const count = { type: 'integer', minimum: 0 };

/** The members of an object, and no others. */
const closed = <Rest extends object>(properties: object, rest?: Rest) => ({
  type: 'object' as const,
  properties,
  additionalProperties: false,
  ...(rest as Rest),
});

const oneBoundASide = [{ not: { required: ['$lt', '$lte'] } }, { not: { required: ['$gt', '$gte'] } }];
const bounds = (value: object) => ({ $lt: value, $lte: value, $gt: value, $gte: value });

const latitude = { type: 'number', minimum: -90, maximum: 90 };
const longitude = { type: 'number', minimum: -180, maximum: 180 };
export const point = closed({ lat: latitude, lon: longitude }, { required: ['lat', 'lon'] });
const ring = { type: 'array', items: point, minItems: 3, maxItems: filterPolygonPointsMaxCount };
const area = {
  anyOf: [
    closed({ center: point, radius_m: { type: 'number', minimum: 0 } }, { required: ['center', 'radius_m'] }),
    closed({ top_left: point, bottom_right: point }, { required: ['top_left', 'bottom_right'] }),
    closed({ polygon: ring, holes: { type: 'array', items: ring } }, { required: ['polygon'] }),
  ],
};

const BOUNDS = ['$lt', '$lte', '$gt', '$gte'];
const eachBound = (bound: object) => ({ properties: Object.fromEntries(BOUNDS.map((name) => [name, bound])) });

const OPERATORS = {
  $eq: scalar,
  $ne: scalar,
  $in: { type: 'array', items: scalar },
  $nin: { type: 'array', items: scalar },
  ...bounds({ anyOf: [{ type: 'number' }, text] }),
  $exists: { type: 'boolean' },
  $empty: { type: 'boolean' },
  $size: { anyOf: [count, closed(bounds(count), { minProperties: 1, allOf: oneBoundASide })] },
  $elemMatch: reference('ElementFilter'),
  $geoWithin: area,
};

/** What may be asked of the values at a path; its bounds are all numbers or all texts. */
export const FILTER_OPERATORS_SCHEMA = closed(OPERATORS, {
  minProperties: 1,
  allOf: [...oneBoundASide, { anyOf: [eachBound({ type: 'number' }), eachBound({ type: 'string' })] }],
});

const PATH = '^[^$.\\x00][^.\\x00]*(\\.[^.\\x00]+)*$';

const ids = { type: 'string', minLength: 1, maxLength: filterStringCharsMax, pattern: '^[^\\x00]+$' };
const idList = { type: 'array', items: ids };

/** A filter whose groups hold filters of the same name; only those of vectors ask for ids. */
const filterOf = (name: string, own: object) => {
  const several = { type: 'array', items: reference(name), minItems: 1 };
  const groups = {
    $and: several,
    $or: several,
    $not: reference(name),
    $atLeast: closed({ count, of: several }, { required: ['count', 'of'] }),
    ...own,
  };
  return {
    type: 'object' as const,
    properties: groups,
    propertyNames: { anyOf: [{ enum: Object.keys(groups) }, { pattern: PATH, maxLength: filterPathCharsMax }] },
    additionalProperties: { anyOf: [...scalar.anyOf, reference('FilterOperators')] },
  };
};

export const FILTER_SCHEMA = filterOf('Filter', {
  $id: { anyOf: [ids, closed({ $eq: ids, $ne: ids, $in: idList, $nin: idList }, { minProperties: 1 })] },
});

export const FILTER = reference('Filter');

const ofMembers = filterOf('ElementFilter', {});

/** A filter of the members of objects at a path; or, if it has an operator, operators alone, on the values there. */
export const ELEMENT_FILTER_SCHEMA = {
  ...ofMembers,
  properties: { ...ofMembers.properties, ...OPERATORS },
  propertyNames: { anyOf: [...ofMembers.propertyNames.anyOf, { enum: Object.keys(OPERATORS) }] },
  ...implies(
    { anyOf: Object.keys(OPERATORS).map((name) => ({ required: [name] })) },
    { propertyNames: { enum: Object.keys(OPERATORS) }, allOf: FILTER_OPERATORS_SCHEMA.allOf },
  ),
};
