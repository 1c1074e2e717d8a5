import * as z from 'zod';

import type { Condition, Filter, Interval, Scalar } from './filter.ts';
import { instantOf } from './instant.ts';
import { LIMITS } from './limits.ts';
import { STORABLE, UNSTORABLE } from './vector-fields.ts';

type Path = readonly PropertyKey[];

/** What is wrong with a filter, and where. `maximum` makes it a limit that was exceeded. */
interface Fault {
  readonly message: string;
  readonly path: Path;
  readonly maximum?: number;
}

/** A filter in the syntax of users, as the tree that a shard evaluates. */
export const filter = z
  .unknown()
  .meta({
    type: 'object',
    description:
      'Which metadata to accept: `{path: value}`, `{path: {operator: operand}}` with `$eq $ne $in $nin $lt $lte $gt $gte $exists`, ' +
      'combined by `$and`, `$or` and `$not`. Several members must all hold. A path such as `author.name` looks into objects and arrays.',
    example: { lang: { $in: ['en', 'de'] }, 'author.born': { $gte: 1960 }, $not: { draft: true } },
  })
  .transform((value, context): Filter => {
    const reader = new FilterReader();
    const read = reader.filter(value, [], 1);
    if (reader.fault === undefined) return read;
    const { message, maximum, path } = reader.fault;
    const issue = { input: value, message, path: [...path] };
    context.issues.push(maximum === undefined ? { ...issue, code: 'custom' } : { ...issue, code: 'too_big', origin: 'object', maximum });
    return z.NEVER;
  });

const BOUNDS: readonly string[] = ['$lt', '$lte', '$gt', '$gte'];
const OPERATORS: readonly string[] = ['$eq', '$ne', '$in', '$nin', ...BOUNDS, '$exists'];

/** What a reader goes on with after a fault. */
const UNREAD: Filter = { kind: 'or', of: [] };

/** Reads one filter, counting against its limits; the first fault is kept. */
class FilterReader {
  fault: Fault | undefined;
  #conditions = 0;
  #values = 0;

  filter(value: unknown, path: Path, depth: number): Filter {
    if (depth > LIMITS.filterDepthMax) return this.#exceeds('nests deeper than', 'filterDepthMax', path);
    if (!isObject(value)) return this.#refuse('must be an object', path);
    this.#count(path);
    return all(Object.entries(value).map(([key, member]) => this.#member(key, member, [...path, key], depth)));
  }

  #member(key: string, value: unknown, path: Path, depth: number): Filter {
    if (key === '$not') return not(this.filter(value, path, depth + 1));
    if (key === '$and' || key === '$or') {
      if (!Array.isArray(value) || value.length === 0) return this.#refuse('must be an array of at least one filter', path);
      const of = value.map((item: unknown, i) => this.filter(item, [...path, i], depth + 1));
      return { kind: key === '$and' ? 'and' : 'or', of };
    }
    if (key.startsWith('$')) return this.#refuse('is no operator of a filter: those are $and, $or and $not', path);
    return this.#property(key, value, path);
  }

  #property(property: string, value: unknown, at: Path): Filter {
    if (property.length > LIMITS.filterPathCharsMax) return this.#exceeds('is longer than', 'filterPathCharsMax', at);
    if (!isReachable(property)) return this.#refuse('is no path: its parts, between dots, are neither empty nor unstorable', at);
    if (!isObject(value)) return this.#operator(property, '$eq', value, at);
    const operands = Object.entries(value);
    if (operands.length === 0) return this.#refuse('must name at least one operator', at);
    const bounds = operands.filter(([operator]) => BOUNDS.includes(operator));
    const others = operands.filter(([operator]) => !BOUNDS.includes(operator));
    const unknown = others.find(([operator]) => !OPERATORS.includes(operator));
    if (unknown !== undefined) return this.#refuse(`is no operator: those are ${OPERATORS.join(' ')}`, [...at, unknown[0]]);
    return all([
      ...others.map(([operator, operand]) => this.#operator(property, operator, operand, [...at, operator])),
      ...(bounds.length === 0 ? [] : [this.#range(property, bounds, at)]),
    ]);
  }

  #operator(path: string, operator: string, operand: unknown, at: Path): Filter {
    this.#count(at);
    if (operator === '$exists') {
      if (typeof operand !== 'boolean') return this.#refuse('must be true or false', at);
      return operand ? { kind: 'exists', path } : not({ kind: 'exists', path });
    }
    const equals: Condition = { kind: 'equals', path, values: this.#valuesOf(operator, operand, at) };
    return operator === '$ne' || operator === '$nin' ? not(equals) : equals;
  }

  #valuesOf(operator: string, operand: unknown, at: Path): Scalar[] {
    if (operator === '$eq' || operator === '$ne') return [this.#scalar(operand, at)];
    if (!Array.isArray(operand)) {
      this.#refuse('must be an array of values', at);
      return [];
    }
    return operand.map((item: unknown, i) => this.#scalar(item, [...at, i]));
  }

  /** All bounds of one property are one interval: a single value has to lie in it. */
  #range(path: string, bounds: readonly (readonly [string, unknown])[], at: Path): Filter {
    this.#count(at);
    const ends = bounds.map(([operator, operand]) => ({ operator, value: this.#scalar(operand, [...at, operator]) }));
    for (const side of ['$l', '$g']) {
      if (ends.filter(({ operator }) => operator.startsWith(side)).length > 1) {
        return this.#refuse(`must have one of ${side}t and ${side}te at most`, at);
      }
    }
    const numbers = ends.flatMap(({ operator, value }) => (typeof value === 'number' ? [{ operator, value }] : []));
    if (numbers.length === ends.length) return { kind: 'range', path, type: 'number', interval: intervalOf(numbers) };
    const texts = ends.flatMap(({ operator, value }) => (typeof value === 'string' ? [{ operator, value }] : []));
    if (texts.length !== ends.length) return this.#refuse('must be bounded by numbers only or by strings only', at);
    const instants = texts.flatMap(({ operator, value }) => {
      const instant = instantOf(value);
      return instant === undefined ? [] : [{ operator, value: instant }];
    });
    if (instants.length === ends.length) return { kind: 'range', path, type: 'time', interval: intervalOf(instants) };
    if (instants.length > 0) return this.#refuse('must be bounded by RFC 3339 times only or by other strings only', at);
    return { kind: 'range', path, type: 'string', interval: intervalOf(texts) };
  }

  #scalar(value: unknown, path: Path): Scalar {
    this.#values += 1;
    if (this.#values > LIMITS.filterValuesMaxCount) this.#exceeds('is beyond the number of values', 'filterValuesMaxCount', path);
    if (value === null || typeof value === 'boolean' || Number.isFinite(value)) return value as Scalar;
    if (typeof value === 'number') this.#refuse('must be a number that a double can hold', path);
    else if (typeof value !== 'string') this.#refuse('must be a string, a number, a boolean or null', path);
    else if (value.length > LIMITS.filterStringCharsMax) this.#exceeds('is longer than', 'filterStringCharsMax', path);
    else if (STORABLE.test(value)) return value;
    else this.#refuse(UNSTORABLE, path);
    return null;
  }

  #count(path: Path): void {
    this.#conditions += 1;
    const { filterConditionsMaxCount: countMax } = LIMITS;
    if (this.#conditions > countMax) this.#exceeds('is beyond the number of conditions and groups', 'filterConditionsMaxCount', path);
  }

  #exceeds(what: string, limit: FilterLimit, path: Path): Filter {
    this.fault ??= { message: `${what} ${LIMITS[limit]} (${limit})`, path, maximum: LIMITS[limit] };
    return UNREAD;
  }

  #refuse(message: string, path: Path): Filter {
    this.fault ??= { message, path };
    return UNREAD;
  }
}

type FilterLimit = Extract<keyof typeof LIMITS, `filter${string}`>;

/** Whether a path can be asked for. Keys of metadata that are empty or contain a dot are on no such path. */
export const isReachable = (path: string): boolean =>
  path.length <= LIMITS.filterPathCharsMax && STORABLE.test(path) && !path.split('.').includes('');

function intervalOf<T>(ends: readonly { readonly operator: string; readonly value: T }[]): Interval<T> {
  return Object.fromEntries(
    ends.map(({ operator, value }) => [operator.startsWith('$g') ? 'min' : 'max', { value, closed: operator.endsWith('e') }]),
  );
}

const not = (of: Filter): Filter => ({ kind: 'not', of });

/** One filter stands for itself; an empty object accepts everything. */
const all = (of: readonly Filter[]): Filter => (of.length === 1 && of[0] !== undefined ? of[0] : { kind: 'and', of });

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
