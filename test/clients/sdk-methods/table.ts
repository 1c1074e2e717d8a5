import type { Target } from './js-cases.ts';

/** The status and code that a call is refused with, such as `400 invalid_value`: by models of each protocol, or by all. */
type Refusals = string | Partial<Record<Target, string>>;

/** What is refused; all else works. The message of a refusal names the field or the call. */
export const REFUSED: Readonly<Record<string, Refusals>> = {};

/** The status and code that a case is refused with; undefined: it works. */
export function refusalOf(id: string, target: Target | null): string | undefined {
  const refused = REFUSED[id];
  return typeof refused === 'string' || refused === undefined ? refused : refused[target ?? 'openai'];
}
