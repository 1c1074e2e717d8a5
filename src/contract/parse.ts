import type { z } from 'zod';

import { must } from '../kernel/assert.ts';
import { ok } from '../kernel/result.ts';
import type { Outcome } from './outcome.ts';
import { refuse } from './outcome.ts';

/** `['input', 3, 'text']` as `input[3].text`. */
export function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

/**
 * Validates a value that came over the wire.
 *
 * Refuses with `limit_exceeded` when something is larger than its limit, else with `invalid_value`; both name the first
 * offending field.
 */
export function parse<S extends z.ZodType>(schema: S, value: unknown): Outcome<z.output<S>> {
  const result = schema.safeParse(value);
  if (result.success) return ok(result.data);
  const issue = deepest(must(result.error.issues[0], 'a failed parse has an issue'));
  const param = fieldPath(issue.path);
  const message = param === '' ? issue.message : `${param}: ${issue.message}`;
  return refuse(issue.code === 'too_big' ? 'limit_exceeded' : 'invalid_value', message, param === '' ? undefined : param);
}

// A union reports one list of issues for each option; the option that got furthest is the one the caller meant.
function deepest(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue;
  const options = issue.errors.flatMap((errors) => errors.slice(0, 1)).map(deepest);
  const furthest = options.reduce<z.core.$ZodIssue | undefined>(
    (best, option) => (option.path.length > (best?.path.length ?? 0) ? option : best),
    undefined,
  );
  return furthest === undefined ? issue : { ...furthest, path: [...issue.path, ...furthest.path] };
}
