/** A broken invariant of our own: a defect, never the caller's fault. Becomes a 500 and an error log. */
class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws unless `condition` holds. `why` states what must hold. */
export function assert(condition: unknown, why: string): asserts condition {
  if (!condition) throw new AssertionError(why);
}

/** Returns `value`, or throws when it is absent. */
export function must<T>(value: T | undefined | null, why: string): T {
  assert(value !== undefined && value !== null, why);
  return value;
}

/** Closes a `switch` over a union: an unhandled case does not compile. */
export function unreachable(value: never): never {
  throw new AssertionError(`unhandled case ${JSON.stringify(value)}`);
}
