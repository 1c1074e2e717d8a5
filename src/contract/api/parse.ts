import * as z from 'zod';
import { must } from '../../kernel/assert.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Limit, RequestPart } from './errors.ts';
import { refusal, withSuggestion } from './errors.ts';
import { faultText } from './fault-text.ts';
import type { FieldPath } from './field-path.ts';
import { fieldPathOf } from './field-path.ts';
import type { Outcome } from './outcome.ts';
import { quickReaderOf } from './quick-reader.ts';
import type { KnownFields } from './suggestion.ts';
import { likeliest, meantBy } from './suggestion.ts';

/**
 * Validates a value that came over the wire, by the schema or, where there is one that accepts it, by a quick reader of the same; `at`: where
 * it stood in what was sent.
 *
 * Refuses with `limit_exceeded` when something is larger than its limit, else with `invalid_value`; both name the first
 * offending field.
 */
export function parse<S extends z.core.$ZodType>(
  schema: S,
  value: unknown,
  part: RequestPart = 'body',
  at: FieldPath = [],
): Outcome<z.output<S>> {
  const quick = quickReaderOf(schema)?.(value);
  if (quick !== undefined) return ok(quick as z.output<S>);
  // By the list of the unknown ones, which an issue is known by after zod has taken its schema from it.
  const known: KnownFields = new Map();
  const error = (issue: z.core.$ZodRawIssue) => {
    if (issue.code === 'unrecognized_keys') known.set(issue.keys, issue.inst);
    return faultText(issue);
  };
  const result = z.safeParse(schema, value, { error, reportInput: true });
  if (result.success) return ok(result.data);
  const issue = deepest(likeliest(result.error.issues, known), known);
  const meant = meantBy(issue, { schema, value, known });
  const unknown = issue.code === 'unrecognized_keys' ? [meant?.field ?? must(issue.keys[0], 'a key is unrecognised')] : [];
  const path = [...at, ...fieldPathOf(issue.path), ...unknown];
  const code = issue.code === 'too_big' ? 'limit_exceeded' : 'invalid_value';
  // A message goes on from the name of its field; what was sent as a whole has none.
  const message = path.length === 0 && KIND_FAULTS.has(issue.code) ? `the ${part} ${issue.message}` : issue.message;
  return err(withSuggestion({ ...refusal(code, message, path), ...excessOf(issue), schema: { part, fault: faultOf(issue) } }, meant?.word));
}

const KIND_FAULTS: ReadonlySet<string> = new Set(['invalid_type', 'invalid_union']);

/** The bound that a schema found exceeded, and by what. */
function excessOf(issue: z.core.$ZodIssue): { readonly limit?: Limit; readonly value?: number } {
  if (issue.code !== 'too_big') return {};
  const value = numberOf(issue.input);
  return { limit: { bound: Number(issue.maximum) }, ...(value === undefined ? {} : { value }) };
}

function numberOf(input: unknown): number | undefined {
  if (typeof input === 'string' || Array.isArray(input)) return input.length;
  return typeof input === 'number' ? input : undefined;
}

const faultOf = ({ code }: z.core.$ZodIssue) =>
  code === 'too_big' || code === 'too_small' || code === 'invalid_format' ? ('bound' as const) : ('format' as const);

// A union reports one list of issues for each option; the option that got furthest is the one the caller meant: of several one whose kind the
// value has, with the least to say. Where the value is of the kind of none, the union's own message names them all.
function deepest(issue: z.core.$ZodIssue, known: KnownFields): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union' || issue.errors.every(([first]) => first?.code === 'invalid_type' && first.path.length === 0))
    return issue;
  const [furthest] = issue.errors
    .filter(({ length }) => length > 0)
    .map((errors) => ({ option: deepest(likeliest(errors, known), known), count: errors.length }))
    .sort(
      (a, b) =>
        b.option.path.length - a.option.path.length ||
        Number(a.option.code === 'invalid_type') - Number(b.option.code === 'invalid_type') ||
        a.count - b.count,
    );
  return furthest === undefined ? issue : { ...furthest.option, path: [...issue.path, ...furthest.option.path] };
}
