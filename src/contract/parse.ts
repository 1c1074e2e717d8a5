import type { z } from 'zod';

import { must } from '../kernel/assert.ts';
import { err, ok } from '../kernel/result.ts';
import type { RequestPart } from './errors.ts';
import { refusal } from './errors.ts';
import type { Outcome } from './outcome.ts';

const NAME_CHARS_SHOWN = 64;

/** `['input', 3, 'text']` as `input[3].text`. */
export function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const name = shownName(String(part));
    return text === '' ? name : `${text}.${name}`;
  }, '');
}

/**
 * Validates a value that came over the wire; `at`: where it stood in what was sent.
 *
 * Refuses with `limit_exceeded` when something is larger than its limit, else with `invalid_value`; both name the first
 * offending field.
 */
export function parse<S extends z.ZodType>(
  schema: S,
  value: unknown,
  part: RequestPart = 'body',
  at: readonly PropertyKey[] = [],
): Outcome<z.output<S>> {
  const result = schema.safeParse(value, { error: describe });
  if (result.success) return ok(result.data);
  const issue = deepest(must(result.error.issues[0], 'a failed parse has an issue'));
  const place = [...at, ...issue.path];
  const param = fieldPath(issue.code === 'unrecognized_keys' ? [...place, must(issue.keys[0], 'somebody is unknown')] : place);
  const message = param === '' ? issue.message : `${param}: ${issue.message}`;
  const code = issue.code === 'too_big' ? 'limit_exceeded' : 'invalid_value';
  return err({ ...refusal(code, message, param === '' ? undefined : param), schema: { part, fault: faultOf(issue) } });
}

const faultOf = ({ code }: z.core.$ZodIssue) =>
  code === 'too_big' || code === 'too_small' || code === 'invalid_format' ? ('bound' as const) : ('format' as const);

/** For schemas without a message of their own: the value and its limit, and never more than a piece of what was sent. */
function describe(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'too_big') return `${sizeOf(issue.input)}; the limit is ${issue.maximum}`;
  if (issue.code === 'too_small') return `${sizeOf(issue.input)}; the least is ${issue.minimum}`;
  if (issue.code === 'unrecognized_keys') return `is not a known field${otherFields(issue.keys.length - 1)}`;
  return undefined;
}

function otherFields(count: number): string {
  if (count === 0) return '';
  return count === 1 ? ', nor is 1 other' : `, nor are ${count} others`;
}

function sizeOf(input: unknown): string {
  if (typeof input === 'string') return `has ${input.length} characters`;
  return Array.isArray(input) ? `has ${input.length} items` : `is ${String(input)}`;
}

/** As much of a name that the caller chose as a refusal repeats. */
export const shownName = (name: string): string => name.slice(0, NAME_CHARS_SHOWN);

// A union reports one list of issues for each option; the option that got furthest is the one the caller meant.
function deepest(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue;
  const options = issue.errors.flatMap((errors) => errors.slice(0, 1)).map(deepest);
  const furthest = options.reduce<z.core.$ZodIssue | undefined>(
    (best, option) => (best === undefined || option.path.length > best.path.length ? option : best),
    undefined,
  );
  return furthest === undefined ? issue : { ...furthest, path: [...issue.path, ...furthest.path] };
}
