import * as fc from 'fast-check';

import type { JsonValue } from '../../src/contract/json-value.ts';

/** Filters and metadata that meet often, and a judge of them that shares no code with the product. */

const TIMES = ['2024-01-01', '2024-01-01T00:00:00Z', '2023-12-31T23:30:00-00:30', '2024-01-01T00:00:00.001Z', '2024-02-30T00:00:00Z'];
const TEXTS = ['', 'x', 'xy', 'y', '\uffff', '😀', `long ${'z'.repeat(300)}`];
const NUMBERS = [-1, -0, 0, 0.1, 2, 1e300];

const scalar = fc.oneof(fc.constantFrom(...NUMBERS), fc.constantFrom(...TEXTS), fc.constantFrom(...TIMES), fc.boolean(), fc.constant(null));

const key = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('a', 'b', 'c') },
  { weight: 1, arbitrary: fc.constantFrom('a.b', '', 'a\0') },
);

const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 3 },
    { weight: 5, arbitrary: scalar },
    { weight: 2, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    { weight: 2, arbitrary: fc.dictionary(key, tie('value'), { maxKeys: 3 }) },
  ),
}));

const ordinary = fc.dictionary(key, value, { maxKeys: 4 });
// More values than a vector has index entries.
const crowded = ordinary.map((some) => ({ ...some, crowd: Array.from({ length: 80 }, (_, i) => i) }));

export const metadataArbitrary = fc.oneof({ weight: 9, arbitrary: ordinary }, { weight: 1, arbitrary: crowded });

const path = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'c') },
  { weight: 1, arbitrary: fc.constantFrom('a.b', 'a.a', 'b.c', 'crowd') },
);
const ends = (of: fc.Arbitrary<JsonValue>) =>
  fc
    .record({
      low: fc.constantFrom('$gt', '$gte'),
      high: fc.constantFrom('$lt', '$lte'),
      from: of,
      to: of,
      sides: fc.integer({ min: 1, max: 3 }),
    })
    .map(({ low, high, from, to, sides }) => ({
      ...((sides & 1) === 0 ? {} : { [low]: from }),
      ...((sides & 2) === 0 ? {} : { [high]: to }),
    }));
const range = fc.oneof(ends(fc.constantFrom(...NUMBERS)), ends(fc.constantFrom(...TEXTS)), ends(fc.constantFrom(...TIMES.slice(0, 4))));

const condition: fc.Arbitrary<JsonValue> = fc.oneof(
  scalar,
  fc.record({ op: fc.constantFrom('$eq', '$ne'), operand: scalar }).map(({ op, operand }) => ({ [op]: operand })),
  fc
    .record({ op: fc.constantFrom('$in', '$nin'), operand: fc.array(scalar, { maxLength: 3 }) })
    .map(({ op, operand }) => ({ [op]: operand })),
  range,
  fc.boolean().map((exists) => ({ $exists: exists })),
  fc.record({ wanted: range, unwanted: scalar }).map(({ wanted, unwanted }) => ({ ...wanted, $ne: unwanted })),
);

const property = fc.dictionary(path, condition, { minKeys: 1, maxKeys: 2 });

export const filterArbitrary: fc.Arbitrary<Record<string, JsonValue>> = fc.letrec<{ filter: Record<string, JsonValue> }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3 },
    { weight: 4, arbitrary: property },
    { weight: 1, arbitrary: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map((of) => ({ $and: of })) },
    { weight: 2, arbitrary: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map((of) => ({ $or: of })) },
    { weight: 2, arbitrary: fc.record({ $not: tie('filter') }) },
  ),
})).filter;

/** Whether a filter, in the syntax of users, accepts metadata. */
export function naivelyAccepts(filter: JsonValue, metadata: JsonValue): boolean {
  return Object.entries(filter as Record<string, JsonValue>).every(([name, operand]) => {
    if (name === '$not') return !naivelyAccepts(operand, metadata);
    if (name === '$and') return (operand as JsonValue[]).every((part) => naivelyAccepts(part, metadata));
    if (name === '$or') return (operand as JsonValue[]).some((part) => naivelyAccepts(part, metadata));
    const found = flatten(metadata).flatMap(([at, item]) => (at === name ? [item] : []));
    return typeof operand === 'object' && operand !== null
      ? everyOperator(operand as Record<string, JsonValue>, found)
      : found.includes(operand);
  });
}

function everyOperator({ $lt, $lte, $gt, $gte, ...others }: Record<string, JsonValue>, found: JsonValue[]): boolean {
  const bounds = { $lt, $lte, $gt, $gte };
  const isBounded = Object.values(bounds).some((bound) => bound !== undefined);
  if (isBounded && !found.some((item) => isWithin(item, bounds))) return false;
  return Object.entries(others).every(([operator, operand]) => {
    if (operator === '$exists') return found.length > 0 === operand;
    const wanted = operator === '$in' || operator === '$nin' ? (operand as JsonValue[]) : [operand];
    return found.some((item) => wanted.includes(item)) === (operator === '$eq' || operator === '$in');
  });
}

function isWithin(item: JsonValue, bounds: Record<string, JsonValue | undefined>): boolean {
  const given = Object.entries(bounds).flatMap(([operator, bound]) => (bound === undefined ? [] : [{ operator, bound }]));
  const asTimes = given.every(({ bound }) => millisecondsOf(bound) !== undefined);
  return given.every(({ operator, bound }) => {
    const order = asTimes ? compare(millisecondsOf(item), millisecondsOf(bound)) : compare(item, bound);
    if (order === undefined) return false;
    return { $lt: order < 0, $lte: order <= 0, $gt: order > 0, $gte: order >= 0 }[operator];
  });
}

function compare(a: JsonValue | undefined, b: JsonValue | undefined): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return typeof a === 'string' && typeof b === 'string' ? compareTexts(a, b) : undefined;
}

/** By code points. */
function compareTexts(a: string, b: string): number {
  const [x, y] = [a, b].map((text) => Array.from(text, (point) => (point.codePointAt(0) ?? 0).toString(16).padStart(6, '0')).join(''));
  return x === y ? 0 : x! < y! ? -1 : 1;
}

function millisecondsOf(item: JsonValue): number | undefined {
  if (typeof item !== 'string' || !/^\d{4}-\d\d-\d\d/.test(item) || item.startsWith('2024-02-30')) return undefined;
  return Date.parse(item);
}

/** Stands for objects and empty arrays, which exist and equal nothing. */
const TRACE: JsonValue = {};

/** Every value with its path. A key that is empty or has a dot or NUL lies on no path. */
function flatten(item: JsonValue, at = ''): [string, JsonValue][] {
  if (Array.isArray(item)) return item.length === 0 ? [[at, TRACE]] : item.flatMap((part) => flatten(part, at));
  if (typeof item !== 'object' || item === null) return [[at, item]];
  const members = Object.entries(item).filter(([name]) => name !== '' && !/[.\0]/.test(name));
  return [[at, TRACE], ...members.flatMap(([name, part]) => flatten(part, at === '' ? name : `${at}.${name}`))];
}
