import type { JsonValue } from '../../contract/json-value.ts';

/**
 * What metadata holds at the end of a path, arrays being transparent wherever they stand: `a.b` of `{a: [{b: [1, 2]}, {b: 3}]}` is
 * 1, 2 and 3. An empty array at the very end is yielded itself, as the only trace of the property.
 */
export function* valuesAt(value: JsonValue, path: readonly string[]): Generator<JsonValue> {
  if (Array.isArray(value)) {
    if (value.length === 0 && path.length === 0) yield value;
    for (const item of value) yield* valuesAt(item, path);
    return;
  }
  const [part, ...rest] = path;
  if (part === undefined) yield value;
  else if (typeof value === 'object' && value !== null && Object.hasOwn(value, part)) yield* valuesAt(value[part] ?? null, rest);
}
