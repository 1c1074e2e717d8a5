import type { z } from 'zod';

import { shownName } from './field-path.ts';

type Issue = z.core.$ZodRawIssue;

/**
 * What is wrong with a value whose schema has no message of its own: what it has to be and what it is, after the name of its field. [G80]
 * Where this returns undefined, zod says `Invalid input`.
 */
export function faultText(issue: Issue): string | undefined {
  const { code, input } = issue;
  if (code === 'too_big')
    return `${sizeOf(input)}; ${issue.inclusive === false ? 'it must be less than' : 'the limit is'} ${issue.maximum}`;
  if (code === 'too_small')
    return `${sizeOf(input)}; ${issue.inclusive === false ? 'it must be more than' : 'the least is'} ${issue.minimum}`;
  if (code === 'unrecognized_keys') return `is not a known field${otherFields(issue.keys.length - 1)}`;
  if (code === 'invalid_type') return mismatch(kindText(issue.expected), input, kindOf);
  if (code === 'invalid_value') return mismatch(oneOf(issue.values), input, valueText);
  if (code === 'invalid_format') return `must ${FORMATS[issue.format] ?? `match ${String(issue.pattern)}`}`;
  if (code === 'invalid_union') return unionText(issue);
  return undefined;
}

/** Of a union that a member distinguishes, what that may be; of another one, the kinds of its options. */
function unionText(issue: Extract<Issue, { readonly code: 'invalid_union' }>): string | undefined {
  const { input, errors } = issue;
  const { discriminator, options } = issue as { readonly discriminator?: string; readonly options?: readonly z.core.util.Primitive[] };
  if (discriminator !== undefined && options !== undefined)
    return mismatch(oneOf(options), (input as Readonly<Record<string, unknown>>)[discriminator], valueText);
  const kinds = errors.map(([first]) => (first?.code === 'invalid_type' && first.path.length === 0 ? kindText(first.expected) : undefined));
  return kinds.includes(undefined) ? undefined : mismatch([...new Set(kinds)].join(' or '), input, kindOf);
}

function mismatch(wanted: string, input: unknown, named: (input: unknown) => string): string {
  if (input === undefined) return `is missing: it must be ${wanted}`;
  // A number in a query or header that was none is `NaN` by now.
  return Number.isNaN(input) ? `must be ${wanted}` : `must be ${wanted}, not ${named(input)}`;
}

const KINDS: Readonly<Record<string, string>> = {
  array: 'an array',
  int: 'a whole number',
  null: 'null',
  object: 'an object',
  record: 'an object',
};

const kindText = (expected: string): string => KINDS[expected] ?? `a ${expected}`;

/** The kind of a value of JSON; a number itself, as it may be one that is not whole. */
function kindOf(input: unknown): string {
  if (typeof input === 'number') return String(input);
  return kindText(input === null ? 'null' : Array.isArray(input) ? 'array' : typeof input);
}

const oneOf = (values: readonly z.core.util.Primitive[]): string =>
  `${values.length === 1 ? '' : 'one of '}${values.map(valueText).join(', ')}`;

const valueText = (value: unknown): string =>
  typeof value === 'object' ? kindOf(value) : JSON.stringify(typeof value === 'string' ? shownName(value) : value);

const FORMATS: Readonly<Record<string, string>> = { url: 'be a URL', datetime: 'be a time such as 2026-11-01T12:00:00Z' };

function otherFields(count: number): string {
  if (count === 0) return '';
  return count === 1 ? ', nor is 1 other' : `, nor are ${count} others`;
}

function sizeOf(input: unknown): string {
  if (typeof input === 'string') return `has ${input.length} characters`;
  return Array.isArray(input) ? `has ${input.length} items` : `is ${String(input)}`;
}
