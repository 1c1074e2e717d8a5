/** Any JSON value. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/**
 * How deeply a parsed JSON value nests: a scalar is 0, `[]` is 1. Stops counting once the depth passes `depthMax`.
 * Iterative on purpose: a hostile value must not overflow the stack.
 */
export function jsonDepth(value: unknown, depthMax: number): number {
  let depth = 0;
  let level: unknown[] = [value];
  while (depth <= depthMax) {
    const next = level.flatMap((item) => (typeof item === 'object' && item !== null ? [Object.values(item)] : []));
    if (next.length === 0) return depth;
    depth += 1;
    level = next.flat();
  }
  return depth;
}

// A NUL would end a text inside SQLite's JSON functions; half a surrogate pair has no UTF-8 form, so two ids would become one.
export const STORABLE = /^[^\0\p{Surrogate}]*$/u;
export const UNSTORABLE = 'must contain neither NUL nor half a surrogate pair';
