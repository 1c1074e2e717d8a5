import * as z from 'zod';

import { QDRANT_FILTER } from './filter-schema.ts';
import { apiLines } from '../api/api-text.ts';
import type { Condition, Filter } from '../vectors/filter.ts';
import type { FilterPlace } from '../vectors/filter-check.ts';
import { FilterCheck } from '../vectors/filter-check.ts';
import { VECTOR_LIMITS } from '../vectors/vector-limits.ts';
import { filterPathOf, readFieldCondition } from './field-condition.ts';
import { pointId } from './point-id.ts';

/** A filter in Qdrant's grammar, as the tree that a shard evaluates. Undefined: there is none, so everything is accepted. */
export const qdrantFilter = z
  .unknown()
  .meta({
    anyOf: [QDRANT_FILTER, { type: 'null' }],
    description: apiLines(
      "Qdrant's grammar: `must`, `should`, `must_not`, `min_should: {conditions, min_count}`; an empty list asks for nothing. Conditions:",
      '`{key, match: {value | any | except}}`, `{key, range}` of numbers or times, `{key, geo_radius | geo_bounding_box | geo_polygon}`,',
      '`{key, values_count}`, `is_empty`, `is_null`, `has_id`, `nested`, and filters. Full text is not indexed: `text` and `phrase` are refused.',
    ),
    example: { must: [{ key: 'lang', match: { any: ['en', 'de'] } }], must_not: [{ key: 'draft', match: { value: true } }] },
  })
  .transform((value, context): Filter | undefined => {
    if (value === null) return undefined;
    const check = new FilterCheck();
    const read = new QdrantFilterReader(check).filter(value, [], 1);
    if (check.fault === undefined) return read;
    const { message, maximum, path } = check.fault;
    const issue = { input: value, message, path: [...path] };
    context.issues.push(maximum === undefined ? { ...issue, code: 'custom' } : { ...issue, code: 'too_big', origin: 'object', maximum });
    return z.NEVER;
  })
  .optional();

/** Accepts every point. */
export const EVERYTHING: Filter = { kind: 'and', of: [] };

const CLAUSES: readonly string[] = ['must', 'should', 'must_not', 'min_should'];

/** Reads one filter, of points or of the items of an array. */
class QdrantFilterReader {
  readonly #check: FilterCheck;
  readonly #isOfItems: boolean;

  constructor(check: FilterCheck, isOfItems = false) {
    this.#check = check;
    this.#isOfItems = isOfItems;
  }

  filter(value: unknown, at: FilterPlace, depth: number): Filter {
    if (depth > VECTOR_LIMITS.filterDepthMax) return this.#check.exceeds('nests deeper than', 'filterDepthMax', at);
    if (!isObject(value)) return this.#check.refuse('must be a filter', at);
    this.#check.condition(at);
    const unknown = Object.keys(value).find((key) => !CLAUSES.includes(key));
    if (unknown !== undefined) return this.#check.refuse(`is no clause of a filter: those are ${CLAUSES.join(', ')}`, [...at, unknown]);
    const must = this.#conditions(value['must'], [...at, 'must'], depth);
    const should = this.#conditions(value['should'], [...at, 'should'], depth);
    const mustNot = this.#conditions(value['must_not'], [...at, 'must_not'], depth);
    const clauses: Filter[] = [
      ...must,
      ...(should.length === 0 ? [] : [anyOf(should)]),
      ...(mustNot.length === 0 ? [] : [{ kind: 'not' as const, of: anyOf(mustNot) }]),
      ...this.#minShould(value['min_should'], [...at, 'min_should'], depth),
    ];
    return clauses.length === 1 && clauses[0] !== undefined ? clauses[0] : { kind: 'and', of: clauses };
  }

  /** A list of conditions, or one alone. */
  #conditions(value: unknown, at: FilterPlace, depth: number): Filter[] {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) return [this.#condition(value, at, depth + 1)];
    return value.map((item: unknown, i) => this.#condition(item, [...at, i], depth + 1));
  }

  #minShould(value: unknown, at: FilterPlace, depth: number): Filter[] {
    if (value === undefined || value === null) return [];
    if (!isObject(value)) return [this.#check.refuse('must be an object of `conditions` and `min_count`', at)];
    const count = this.#check.count(value['min_count'], [...at, 'min_count']);
    return [{ kind: 'atLeast', count, of: this.#conditions(value['conditions'], [...at, 'conditions'], depth) }];
  }

  #condition(value: unknown, at: FilterPlace, depth: number): Filter {
    if (!isObject(value)) return this.#check.refuse('must be a condition', at);
    if ('key' in value) return readFieldCondition(this.#check, value, at);
    if ('is_empty' in value) return this.#ofKey(value['is_empty'], [...at, 'is_empty'], (path) => ({ kind: 'not', of: hasValues(path) }));
    if ('is_null' in value) return this.#ofKey(value['is_null'], [...at, 'is_null'], isNull);
    if ('has_id' in value) return this.#ids(value['has_id'], [...at, 'has_id']);
    if ('has_vector' in value) return this.#vector(value['has_vector'], [...at, 'has_vector']);
    if ('nested' in value) return this.#nested(value['nested'], [...at, 'nested'], depth);
    return this.filter(value, at, depth);
  }

  #ofKey(value: unknown, at: FilterPlace, filterOf: (path: string) => Filter): Filter {
    this.#check.condition(at);
    if (!isObject(value)) return this.#check.refuse('must be an object of `key`', at);
    return filterOf(filterPathOf(this.#check, value['key'], [...at, 'key']));
  }

  #ids(value: unknown, at: FilterPlace): Filter {
    this.#check.condition(at);
    if (this.#isOfItems) return this.#check.refuse('is of points, and this a filter of what is in one', at);
    if (!Array.isArray(value)) return this.#check.refuse('must be a list of point ids', at);
    const ids = value.map((item: unknown, i) => {
      const read = pointId.safeParse(item);
      if (!read.success) this.#check.refuse('is no point id: those are unsigned 64-bit integers and UUIDs', [...at, i]);
      return this.#check.id(read.success ? read.data : 'none', [...at, i]);
    });
    return { kind: 'ids', ids };
  }

  #vector(value: unknown, at: FilterPlace): Filter {
    this.#check.condition(at);
    return value === '' ? EVERYTHING : this.#check.refuse('names a vector, and points have one that has no name', at);
  }

  #nested(value: unknown, at: FilterPlace, depth: number): Filter {
    if (!isObject(value)) return this.#check.refuse('must be an object of `key` and `filter`', at);
    this.#check.condition(at);
    const path = filterPathOf(this.#check, value['key'], [...at, 'key']);
    const reader = new QdrantFilterReader(this.#check, true);
    return { kind: 'element', path, of: reader.filter(value['filter'], [...at, 'filter'], depth + 1) };
  }
}

const anyOf = (of: readonly Filter[]): Filter => (of.length === 1 && of[0] !== undefined ? of[0] : { kind: 'or', of });

const hasValues = (path: string): Condition => ({ kind: 'count', path, interval: { min: { value: 1, closed: true } } });

const isNull = (path: string): Condition => ({ kind: 'equals', path, values: [null] });

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
