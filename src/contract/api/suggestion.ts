import type * as z from 'zod';

import { closestTo } from './closest-word.ts';

type Issue = z.core.$ZodIssue;
type Schema = z.core.$ZodType;

/** The schema that found fields unknown, by their list. */
export type KnownFields = Map<readonly string[], unknown>;

interface Parsed {
  readonly schema: Schema;
  readonly value: unknown;
  readonly known: KnownFields;
}

/** What a caller seems to have meant; `field`: the one of several unknown fields that it is about. */
interface Meant {
  readonly word: string;
  readonly field?: string;
}

/**
 * The issue of several that explains the others: a field under another name is what makes one of the same object missing, or breaks a rule about
 * which fields go together. Otherwise the first.
 */
export function likeliest(issues: readonly Issue[], known: KnownFields): Issue {
  const [first] = issues;
  if (first === undefined) throw new Error('a failed parse has an issue');
  if (first.code !== 'custom' && !isMissing(first)) return first;
  const slip = issues.find((issue) => issue.code === 'unrecognized_keys' && begins(first.path, issue.path) && fieldMeant(issue, known));
  return slip ?? first;
}

/** What the caller meant by what an issue is about, if something comes close. [G146] */
export function meantBy(issue: Issue, { schema, value, known }: Parsed): Meant | undefined {
  if (issue.code === 'unrecognized_keys') return fieldMeant(issue, known);
  // A rule about several fields may be about one that is missing and has a default.
  if (isMissing(issue) || (issue.code === 'custom' && at(value, issue.path) === undefined)) return missingMeant(issue, schema, value);
  const word = issue.code === 'custom' ? (issue.params?.['didYouMean'] as string | undefined) : wordMeant(givenTo(issue), issue);
  return word === undefined ? undefined : { word };
}

/** The value that an issue is about: of an object whose kind decides which schema it has, its kind. */
function givenTo(issue: Issue): unknown {
  const discriminator = issue.code === 'invalid_union' ? issue.discriminator : undefined;
  return discriminator === undefined ? issue.input : (issue.input as Readonly<Record<string, unknown>>)[discriminator];
}

const isMissing = (issue: Issue): boolean => givenTo(issue) === undefined && issue.code !== 'unrecognized_keys';

function wordMeant(given: unknown, issue: Issue): string | undefined {
  if (typeof given === 'string') return closestTo(given, wordsOf(issue));
  return typeof given === 'number' && takesText(issue) ? String(given) : undefined;
}

const begins = (path: readonly PropertyKey[], head: readonly PropertyKey[]): boolean => head.every((part, i) => part === path[i]);

/** The first unknown field that one of the schema comes close to. */
function fieldMeant(issue: Extract<Issue, { readonly code: 'unrecognized_keys' }>, known: KnownFields): Meant | undefined {
  const names = [...fieldsOf(known.get(issue.keys) as Schema | undefined)];
  for (const field of issue.keys.slice(0, KEYS_COMPARED)) {
    const word = closestTo(field, names);
    if (word !== undefined) return { word, field };
  }
  return undefined;
}

/** As many unknown fields are compared: what a refusal costs has a bound. */
const KEYS_COMPARED = 8;

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((part, key) => (part as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[key], value);

/** Where a schema takes fields that it does not know, a missing one may be among them under a name that is close. */
function missingMeant({ path }: Issue, schema: Schema, value: unknown): Meant | undefined {
  const name = path.at(-1);
  const holder = at(value, path.slice(0, -1));
  if (typeof name !== 'string' || typeof holder !== 'object' || holder === null) return undefined;
  const known = path.length === 1 ? fieldsOf(schema) : new Set<string>();
  const unknown = Object.keys(holder).filter((key) => !known.has(key));
  return unknown.slice(0, KEYS_COMPARED).some((key) => closestTo(key, [name]) !== undefined) ? { word: name } : undefined;
}

/** Whether a text would have done, such as a price or an id. */
function takesText(issue: Issue): boolean {
  if (issue.code === 'invalid_type') return issue.expected === 'string';
  return (
    issue.code === 'invalid_union' &&
    issue.errors.some(([first]) => first?.code === 'invalid_type' && first.expected === 'string' && first.path.length === 0)
  );
}

/** The words that a value may be. */
function wordsOf(issue: Issue): readonly string[] {
  const words = issue.code === 'invalid_value' ? issue.values : (issue as { readonly options?: readonly unknown[] }).options;
  return (words ?? []).filter((one) => typeof one === 'string');
}

/** The names of the fields that an object of a schema may have; of a union those of all its options. */
export function fieldsOf(schema: Schema | undefined): ReadonlySet<string> {
  if (schema === undefined) return new Set();
  const def = schema._zod.def as Readonly<Record<string, unknown>> & { readonly type: string };
  if (def.type === 'object') return new Set(Object.keys(def['shape'] as object));
  const inner = [def['in'], def['innerType'], def['left'], def['right'], ...((def['options'] as unknown[] | undefined) ?? [])];
  return new Set(inner.flatMap((one) => (one === undefined ? [] : [...fieldsOf(one as Schema)])));
}
