import type * as core from 'zod/v4/core';

type Code = core.$ZodRawIssue['code'];
type Text<C extends Code> = (issue: Extract<core.$ZodRawIssue, { readonly code: C }>) => string;

/** What zod's English says of the faults that schemas of the contract find, word for word, and of no others: those it has are 1 kB compressed. */
const TEXTS: { readonly [C in Code]?: Text<C> } = {
  invalid_type: ({ expected, input }) => `Invalid input: expected ${expected}, received ${received(input)}`,
  invalid_value: ({ values }) =>
    values.length === 1
      ? `Invalid input: expected ${primitive(values[0])}`
      : `Invalid option: expected one of ${values.map(primitive).join('|')}`,
  invalid_format: ({ format, pattern }) =>
    format === 'regex' ? `Invalid string: must match pattern ${String(pattern)}` : `Invalid ${FORMATS[format] ?? format}`,
  too_big: ({ origin, maximum, inclusive, exact }) =>
    `Too big: expected ${origin} to ${bounded(origin, exact, inclusive ? '<=' : '<', maximum)}`,
  too_small: ({ origin, minimum, inclusive, exact }) =>
    `Too small: expected ${origin} to ${bounded(origin, exact, inclusive ? '>=' : '>', minimum)}`,
  unrecognized_keys: ({ keys }) => `Unrecognized key${keys.length > 1 ? 's' : ''}: ${keys.map(primitive).join(', ')}`,
  invalid_union: (issue) => {
    const options = issue['options'] as readonly unknown[] | undefined;
    const named = options?.map((option) => `'${String(option)}'`).join(' | ');
    return named === undefined ? 'Invalid input' : `Invalid discriminator value. Expected ${named}`;
  },
  invalid_key: ({ origin }) => `Invalid key in ${origin}`,
};

export const leanLocale = {
  localeError: (issue: core.$ZodRawIssue): string => (TEXTS[issue.code] as Text<Code> | undefined)?.(issue) ?? 'Invalid input',
};

const UNITS: Readonly<Record<string, string>> = { string: 'characters', array: 'items' };

function bounded(origin: string, isExact: boolean | undefined, than: string, bound: number | bigint): string {
  const limit = `${isExact === true ? 'exactly ' : than}${bound}`;
  return origin in UNITS ? `have ${limit} ${UNITS[origin]}` : `be ${limit}`;
}

const FORMATS: Readonly<Record<string, string>> = { url: 'URL', datetime: 'ISO datetime' };

const primitive = (value: unknown): string =>
  typeof value === 'string' ? `"${value}"` : typeof value === 'bigint' ? `${value}n` : String(value);

/** The kind of a value of JSON. */
function received(input: unknown): string {
  if (typeof input === 'number' && !Number.isFinite(input)) return String(input);
  return input === null ? 'null' : Array.isArray(input) ? 'array' : typeof input;
}
