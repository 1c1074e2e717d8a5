import * as z from 'zod';

import { FILTER } from './filter-schema.ts';
import { apiLines } from '../api/api-text.ts';
import { closestTo } from '../api/closest-word.ts';
import type { Condition, Filter, Interval, Scalar } from './filter.ts';
import type { FilterPlace } from './filter-check.ts';
import { FilterCheck } from './filter-check.ts';
import { readGeoArea } from './geo-area.ts';
import { instantOf } from './instant.ts';
import { VECTOR_LIMITS } from './vector-limits.ts';
import { isReachable } from './filter.ts';

/** A filter in the syntax of users, as the tree that a shard evaluates. */
export const filter = z
  .unknown()
  .meta({
    ...FILTER,
    description: apiLines(
      'Which vectors to accept, by their metadata. Several members must all hold.',
      '`{path: value}` or `{path: {operator: operand}}`: a path such as `author.name` looks into objects, and into each item of arrays.',
      '- some value is (none of) these: `$eq $ne $in $nin`; lies between: `$lt $lte $gt $gte`, numbers, strings, or RFC 3339 times',
      '- `$exists: true`; `$empty: true`: absent, null or `[]`; `{path: null}`: there, and null',
      '- `$size: 2` or `$size: {"$gte": 2}`: the number of values, an array counting its items, null and absence nothing',
      '- `$elemMatch`: one value satisfies all of this alone: operators, or a filter whose paths start from it',
      '- `$geoWithin`: some `{"lat": .., "lon": ..}` lies in `{center, radius_m}`, `{top_left, bottom_right}` or `{polygon, holes?}`',
      '`$and`, `$or` and `$not` combine filters, `{"$atLeast": {"count": 2, "of": [..]}}` asks for some of them, `{"$id": {"$in": [..]}}` for ids.',
    ),
    example: { lang: { $in: ['en', 'de'] }, 'author.born': { $gte: 1960 }, $not: { draft: true } },
  })
  .transform((value, context): Filter => {
    const check = new FilterCheck();
    const read = new FilterReader(check).filter(value, [], 1);
    if (check.fault === undefined) return read;
    const { message, maximum, path, meant } = check.fault;
    const issue = { input: value, message, path: [...path], params: { didYouMean: meant } };
    context.issues.push(maximum === undefined ? { ...issue, code: 'custom' } : { ...issue, code: 'too_big', origin: 'object', maximum });
    return z.NEVER;
  });

const GROUPS: readonly string[] = ['$and', '$or', '$not', '$atLeast', '$id'];
const EQUALITIES: readonly string[] = ['$eq', '$ne', '$in', '$nin'];
const BOUNDS: readonly string[] = ['$lt', '$lte', '$gt', '$gte'];
const OPERATORS: readonly string[] = [...EQUALITIES, ...BOUNDS, '$exists', '$empty', '$size', '$elemMatch', '$geoWithin'];

type Operands = readonly (readonly [operator: string, operand: unknown])[];

const QDRANT_GROUPS: ReadonlySet<string> = new Set(['must', 'should', 'must_not', 'min_should']);
const QDRANT_HINT =
  'is of filters of Qdrant, which its paths (/collections) take: here a filter is {"lang": {"$in": ["en", "de"]}, "year": {"$gte": 1960}}';

/** Conditions of Qdrant, which no value of metadata looks like: a field may be called `must`. */
const isGroupOfQdrant = (key: string, value: unknown): boolean =>
  QDRANT_GROUPS.has(key) && (Array.isArray(value) || (isObject(value) && 'key' in value));

/** A filter of which an empty one is more likely a mistake than the wish to mean everything. */
export const someFilter = filter
  .refine((read) => read.kind !== 'and' || read.of.length > 0, 'must have a condition')
  .meta({ minProperties: 1 });

/** Reads one filter, of vectors or of the elements of a property. */
class FilterReader {
  readonly #check: FilterCheck;
  readonly #isOfElements: boolean;

  constructor(check: FilterCheck, isOfElements = false) {
    this.#check = check;
    this.#isOfElements = isOfElements;
  }

  filter(value: unknown, at: FilterPlace, depth: number): Filter {
    if (depth > VECTOR_LIMITS.filterDepthMax) return this.#check.exceeds('nests deeper than', 'filterDepthMax', at);
    if (!isObject(value)) return this.#check.refuse('must be an object', at);
    this.#check.condition(at);
    return all(Object.entries(value).map(([key, member]) => this.#member(key, member, [...at, key], depth)));
  }

  #member(key: string, value: unknown, at: FilterPlace, depth: number): Filter {
    if (key === '$not') return not(this.filter(value, at, depth + 1));
    if (key === '$and' || key === '$or') return { kind: key === '$and' ? 'and' : 'or', of: this.#filters(value, at, depth) };
    if (key === '$atLeast') return this.#atLeast(value, at, depth);
    if (key === '$id') return this.#ids(value, at);
    if (key.startsWith('$'))
      return this.#check.refuse(`is no operator of a filter: those are ${GROUPS.join(' ')}`, at, closestTo(key, GROUPS));
    if (isGroupOfQdrant(key, value)) return this.#check.refuse(QDRANT_HINT, at, closestTo(key, GROUPS));
    if (key.length > VECTOR_LIMITS.filterPathCharsMax) return this.#check.exceeds('is longer than', 'filterPathCharsMax', at);
    if (!isReachable(key)) return this.#check.refuse('is no path: its parts, between dots, are neither empty nor unstorable', at);
    return isObject(value) ? this.#operators(key, value, at, depth) : this.#operator(key, '$eq', value, at, depth);
  }

  #filters(value: unknown, at: FilterPlace, depth: number): Filter[] {
    if (Array.isArray(value) && value.length > 0) return value.map((item: unknown, i) => this.filter(item, [...at, i], depth + 1));
    this.#check.refuse('must be an array of at least one filter', at);
    return [];
  }

  #atLeast(value: unknown, at: FilterPlace, depth: number): Filter {
    if (!isObject(value)) return this.#check.refuse('must be an object of `count` and `of`', at);
    const { count, of, ...others } = value;
    const unknown = Object.keys(others)[0];
    if (unknown !== undefined) return this.#check.refuse('is not a known field', [...at, unknown]);
    this.#check.condition(at);
    return { kind: 'atLeast', count: this.#check.count(count, [...at, 'count']), of: this.#filters(of, [...at, 'of'], depth) };
  }

  #ids(value: unknown, at: FilterPlace): Filter {
    if (this.#isOfElements) return this.#check.refuse('is of vectors, and this a filter of what is in one', at);
    const operands: Operands = isObject(value) ? Object.entries(value) : [['$eq', value]];
    if (operands.length === 0) return this.#check.refuse('must name at least one operator', at);
    return all(
      operands.map(([operator, operand]) => {
        const place = [...at, operator];
        if (!EQUALITIES.includes(operator))
          return this.#check.refuse(`is no operator of ids: those are ${EQUALITIES.join(' ')}`, place, closestTo(operator, EQUALITIES));
        this.#check.condition(place);
        const ids = this.#listOf(operator, operand, place, (item, where) => this.#check.id(item, where));
        return negatedBy(operator, { kind: 'ids', ids });
      }),
    );
  }

  #operators(path: string, written: Record<string, unknown>, at: FilterPlace, depth: number): Filter {
    const operands = Object.entries(written);
    if (operands.length === 0) return this.#check.refuse('must name at least one operator', at);
    const bounds = operands.filter(([operator]) => BOUNDS.includes(operator));
    const others = operands.filter(([operator]) => !BOUNDS.includes(operator));
    const unknown = others.find(([operator]) => !OPERATORS.includes(operator));
    if (unknown !== undefined) {
      const [name] = unknown;
      return this.#check.refuse(`is no operator: those are ${OPERATORS.join(' ')}`, [...at, name], closestTo(name, OPERATORS));
    }
    return all([
      ...others.map(([operator, operand]) => this.#operator(path, operator, operand, [...at, operator], depth)),
      ...(bounds.length === 0 ? [] : [this.#range(path, bounds, at)]),
    ]);
  }

  #operator(path: string, operator: string, operand: unknown, at: FilterPlace, depth: number): Filter {
    this.#check.condition(at);
    switch (operator) {
      case '$exists':
        return this.#flag({ kind: 'exists', path }, operand, at);
      case '$empty':
        return this.#flag(not({ kind: 'count', path, interval: { min: { value: 1, closed: true } } }), operand, at);
      case '$size':
        return { kind: 'count', path, interval: this.#sizes(operand, at) };
      case '$elemMatch':
        return { kind: 'element', path, of: this.#ofElement(operand, at, depth) };
      case '$geoWithin':
        return this.#within(path, operand, at);
      default: {
        const values = this.#listOf(operator, operand, at, (item, where): Scalar => this.#check.scalar(item, where));
        return negatedBy(operator, { kind: 'equals', path, values });
      }
    }
  }

  #listOf<T>(operator: string, operand: unknown, at: FilterPlace, read: (item: unknown, at: FilterPlace) => T): T[] {
    if (operator === '$eq' || operator === '$ne') return [read(operand, at)];
    if (Array.isArray(operand)) return operand.map((item: unknown, i) => read(item, [...at, i]));
    this.#check.refuse('must be an array of values', at);
    return [];
  }

  #flag(condition: Filter, operand: unknown, at: FilterPlace): Filter {
    if (typeof operand !== 'boolean') return this.#check.refuse('must be true or false', at);
    return operand ? condition : not(condition);
  }

  #ofElement(operand: unknown, at: FilterPlace, depth: number): Filter {
    const reader = new FilterReader(this.#check, true);
    const isOperators = isObject(operand) && Object.keys(operand).some((key) => OPERATORS.includes(key));
    if (!isOperators) return reader.filter(operand, at, depth + 1);
    if (depth >= VECTOR_LIMITS.filterDepthMax) return this.#check.exceeds('nests deeper than', 'filterDepthMax', at);
    return reader.#operators('', operand, at, depth + 1);
  }

  #within(path: string, operand: unknown, at: FilterPlace): Filter {
    if (!isObject(operand)) return this.#check.refuse('must be an area', at);
    const area = readGeoArea(operand);
    if ('kind' in area) return { kind: 'within', path, area };
    const { message, maximum } = area;
    this.#check.fault ??= { message, path: [...at, ...area.path], ...(maximum === undefined ? {} : { maximum }) };
    return { kind: 'exists', path };
  }

  #sizes(operand: unknown, at: FilterPlace): Interval<number> {
    if (!isObject(operand)) {
      const bound = { value: this.#check.count(operand, at), closed: true };
      return { min: bound, max: bound };
    }
    const bounds = Object.entries(operand);
    const unknown = bounds.find(([operator]) => !BOUNDS.includes(operator));
    if (unknown !== undefined) this.#check.refuse(`is no bound: those are ${BOUNDS.join(' ')}`, [...at, unknown[0]]);
    else if (bounds.length === 0) this.#check.refuse('must name at least one bound', at);
    this.#refuseTwoEnds(bounds, at);
    return intervalOf(bounds.map(([operator, count]) => ({ operator, value: this.#check.count(count, [...at, operator]) })));
  }

  /** All bounds of one property are one interval: a single value has to lie in it. */
  #range(path: string, bounds: Operands, at: FilterPlace): Filter {
    this.#check.condition(at);
    this.#refuseTwoEnds(bounds, at);
    const ends = bounds.map(([operator, operand]) => ({ operator, value: this.#check.scalar(operand, [...at, operator]) }));
    const numbers = ends.flatMap(({ operator, value }) => (typeof value === 'number' ? [{ operator, value }] : []));
    if (numbers.length === ends.length) return { kind: 'range', path, type: 'number', interval: intervalOf(numbers) };
    const texts = ends.flatMap(({ operator, value }) => (typeof value === 'string' ? [{ operator, value }] : []));
    if (texts.length !== ends.length) return this.#check.refuse('must be bounded by numbers only or by strings only', at);
    const instants = texts.flatMap(({ operator, value }) => {
      const instant = instantOf(value);
      return instant === undefined ? [] : [{ operator, value: instant }];
    });
    if (instants.length === ends.length) return { kind: 'range', path, type: 'time', interval: intervalOf(instants) };
    if (instants.length > 0) return this.#check.refuse('must be bounded by RFC 3339 times only or by other strings only', at);
    return { kind: 'range', path, type: 'string', interval: intervalOf(texts) };
  }

  #refuseTwoEnds(bounds: Operands, at: FilterPlace): void {
    for (const side of ['$l', '$g']) {
      const ends = bounds.filter(([operator]) => operator.startsWith(side));
      if (ends.length > 1) this.#check.refuse(`must have one of ${side}t and ${side}te at most`, at);
    }
  }
}

function intervalOf<T>(ends: readonly { readonly operator: string; readonly value: T }[]): Interval<T> {
  return Object.fromEntries(
    ends.map(({ operator, value }) => [operator.startsWith('$g') ? 'min' : 'max', { value, closed: operator.endsWith('e') }]),
  );
}

const not = (of: Filter): Filter => ({ kind: 'not', of });

const negatedBy = (operator: string, condition: Condition | Extract<Filter, { kind: 'ids' }>): Filter =>
  operator === '$ne' || operator === '$nin' ? not(condition) : condition;

/** One filter stands for itself; an empty object accepts everything. */
const all = (of: readonly Filter[]): Filter => (of.length === 1 && of[0] !== undefined ? of[0] : { kind: 'and', of });

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
