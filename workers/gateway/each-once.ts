import { shownName } from '../../src/contract/field-path.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import { refuse } from '../../src/contract/outcome.ts';
import { ok } from '../../src/kernel/result.ts';

/** The fields of a form or a query string as an object. Refuses a field that comes twice: one of the two would go unheard. */
export function eachOnce<T>(fields: Iterable<readonly [string, T]>): Outcome<Record<string, T>> {
  const entries = [...fields];
  const seen = new Set<string>();
  for (const [name] of entries) {
    if (seen.has(name)) {
      const param = shownName(name);
      return refuse('invalid_value', 'is given more than once', param);
    }
    seen.add(name);
  }
  // Defines each field as its own, `__proto__` too.
  return ok(Object.fromEntries(entries));
}
