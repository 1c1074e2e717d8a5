import type { JsonValue } from '../../contract/json-value.ts';

/**
 * What metadata holds at the end of a path, arrays being transparent wherever they stand: `a.b` of `{a: [{b: [1, 2]}, {b: 3}]}` is
 * 1, 2 and 3. An empty array at the very end is yielded itself, as the only trace of the property. The empty path leads to the value.
 */
export function* valuesAt(value: JsonValue, path: string): Generator<JsonValue> {
  for (const end of endsOf(value, path)) yield* itemsOf(end);
}

/** What metadata holds at the ends of a path, arrays being transparent on the way but not there: `[1, 2]` and 3 in that example. */
export function* endsOf(value: JsonValue, path: string): Generator<JsonValue> {
  yield* follow(value, path === '' ? [] : path.split('.'), 0);
}

function* follow(value: JsonValue, parts: readonly string[], at: number): Generator<JsonValue> {
  const part = parts[at];
  if (part === undefined) yield value;
  else if (Array.isArray(value)) for (const item of value) yield* follow(item, parts, at);
  else if (typeof value === 'object' && value !== null && Object.hasOwn(value, part)) yield* follow(value[part] ?? null, parts, at + 1);
}

function* itemsOf(value: JsonValue): Generator<JsonValue> {
  if (!Array.isArray(value) || value.length === 0) yield value;
  else for (const item of value) yield* itemsOf(item);
}
