import type { PathStep } from '../../../../src/ann/metadata-edit.ts';
import type { Filter } from '../../../../src/contract/vectors/filter.ts';
import type { JsonValue } from '../../../../src/contract/api/json-value.ts';
import { isRawJson } from '../../../../src/kernel/exact-json.ts';

/** The values at the end of a path that are accepted, each once. */
export function valuesAt(value: JsonValue, path: readonly PathStep[], accepts: (value: JsonValue) => boolean): JsonValue[] {
  const found = new Map<string, JsonValue>();
  const walk = (at: JsonValue, [step, ...rest]: readonly PathStep[]): void => {
    if (step === undefined) for (const item of Array.isArray(at) ? at : [at]) if (accepts(item)) found.set(JSON.stringify(item), item);
    if (step === undefined || typeof at !== 'object' || at === null) return;
    if (Array.isArray(at)) {
      for (const [place, item] of at.entries()) if (step === null || step === place) walk(item, rest);
    } else if (typeof step === 'string' && Object.hasOwn(at, step)) walk(at[step] ?? null, rest);
  };
  walk(value, path);
  return [...found.values()];
}

export const isWord = (value: JsonValue): boolean => typeof value === 'string' || Number.isInteger(value) || isRawJson(value);

/** The path by which filters ask of the values at another; undefined: they cannot. */
export const filterPathTo = (path: readonly PathStep[]): string | undefined =>
  path.some((step) => typeof step === 'number' || step?.includes('.') === true)
    ? undefined
    : path.filter((step) => typeof step === 'string').join('.');

/** Only points with a value at the path, as far as filters can ask. */
export function withValues(path: readonly PathStep[], filter: Filter | undefined): Filter | undefined {
  const names = filterPathTo(path);
  if (names === undefined) return filter;
  const there: Filter = { kind: 'count', path: names, interval: { min: { value: 1, closed: true } } };
  return filter === undefined ? there : { kind: 'and', of: [there, filter] };
}
