import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { TEXT_LIMITS } from '../indexes/text-limits.ts';

const {
  boostMax,
  fuzzyDistanceMax,
  fuzzyPrefixMax,
  phraseSlopMax,
  queryCharsMax,
  queryClausesMaxCount,
  queryDepthMax,
  queryTermsMaxCount,
} = TEXT_LIMITS;

/** Texts that match by any of their words, or by all with `operator: and`. */
export interface WordsQuery {
  readonly text: string;
  readonly operator?: 'or' | 'and' | undefined;
  readonly boost?: number | undefined;
}

/** Words in this order, with `slop` positions at most between them in all. */
export interface PhraseQuery {
  readonly phrase: string | { readonly text: string; readonly slop?: number | undefined };
  readonly boost?: number | undefined;
}

/** Words that begin so; of several words the last one. */
export interface PrefixQuery {
  readonly prefix: string;
  readonly boost?: number | undefined;
}

/** Words a few edits away: letters put in, left out, replaced, or exchanged with the next one. */
export interface FuzzyQuery {
  readonly fuzzy:
    | string
    | { readonly text: string; readonly distance?: 'auto' | number | undefined; readonly prefix_length?: number | undefined };
  readonly boost?: number | undefined;
}

/** A row matches that matches all of `must`, none of `must_not`, and as many of `should` as are asked for. */
export interface GroupQuery {
  readonly must?: readonly TextQuery[] | undefined;
  readonly should?: readonly TextQuery[] | undefined;
  readonly must_not?: readonly TextQuery[] | undefined;
  /** Absent: 1 without `must`, else 0. */
  readonly minimum_should_match?: number | undefined;
  readonly boost?: number | undefined;
}

/** What a text field is searched for; a string stands for any of its words. */
export type TextQuery = string | WordsQuery | PhraseQuery | PrefixQuery | FuzzyQuery | GroupQuery;

const text = z.string().min(1).max(queryCharsMax);
const boost = z.number().positive().max(boostMax).optional().meta(about('Multiplies the scores of this part.'));
const clauses = z.array(z.lazy((): z.ZodType<TextQuery> => clause)).min(1);

const phrase = z.union([text, z.strictObject({ text, slop: z.int().min(0).max(phraseSlopMax).optional() })]);
const distance = z.union([z.literal('auto'), z.int().min(0).max(fuzzyDistanceMax)]);
const fuzzy = z.union([
  text,
  z.strictObject({ text, distance: distance.optional(), prefix_length: z.int().min(0).max(fuzzyPrefixMax).optional() }),
]);

const group = z
  .strictObject({
    must: clauses.optional(),
    should: clauses.optional(),
    must_not: clauses.optional(),
    minimum_should_match: z.int().min(0).optional(),
    boost,
  })
  .superRefine(({ must, should, minimum_should_match: minimum = 0 }, context) => {
    if (must === undefined && should === undefined)
      context.addIssue({ code: 'custom', message: 'must have `must` or `should`: `must_not` alone finds nothing' });
    const optional = should?.length ?? 0;
    if (minimum > optional)
      context.addIssue({ code: 'custom', path: ['minimum_should_match'], message: `is ${minimum} of ${optional} clauses in \`should\`` });
  });

const clause: z.ZodType<TextQuery> = z.union([
  text,
  z.strictObject({ text, operator: z.enum(['or', 'and']).optional(), boost }),
  z.strictObject({ phrase, boost }),
  z.strictObject({ prefix: text, boost }),
  z.strictObject({ fuzzy, boost }),
  group,
]);

/** A query with its limits: `queryDepthMax`, `queryClausesMaxCount`, `queryCharsMax` and `queryTermsMaxCount` hold for the whole of it. */
export const textQuery = z
  .unknown()
  .superRefine(refuseFaults)
  .pipe(clause)
  .meta(about('Words, or a tree of words, phrases, prefixes and fuzzy words.', { must: ['coffee'], should: [{ phrase: 'flat white' }] }));

/** Words, any of which may match: as a query that is a string. */
export const searchedWords = z.string().min(1).superRefine(refuseFaults);

type Path = (string | number)[];

interface Fault {
  readonly message: string;
  readonly path: Path;
  /** What is exceeded, and by what. Absent: the fault is another one. */
  readonly excess?: { readonly maximum: number; readonly value: number };
}

const GROUPS = ['must', 'should', 'must_not'] as const;
const FORMS = ['text', 'phrase', 'prefix', 'fuzzy', ...GROUPS] as const;

function refuseFaults(query: unknown, context: z.RefinementCtx): void {
  const found = faultOf(query);
  if (found === undefined) return;
  const { path, message, excess } = found;
  if (excess === undefined) context.addIssue({ code: 'custom', path, message });
  else context.addIssue({ code: 'too_big', origin: 'number', maximum: excess.maximum, input: excess.value, path, message });
}

function beyond(path: Path, what: string, limit: keyof typeof TEXT_LIMITS, value: number): Fault {
  const maximum = TEXT_LIMITS[limit];
  return { path, message: `${what}; the limit is ${maximum} (${limit})`, excess: { maximum, value } };
}

/** The first limit of a whole query that it exceeds, or the first clause of no known form, found before anything in it is read more closely. */
function faultOf(query: unknown): Fault | undefined {
  const counts = { clauses: 0, chars: 0, words: 0 };
  const pending: { readonly at: unknown; readonly path: Path; readonly depth: number }[] = [{ at: query, path: [], depth: 0 }];
  for (const { at, path, depth } of pending) {
    const words = textOf(at);
    counts.clauses += 1;
    counts.chars += words.length;
    counts.words += wordCount(words);
    const fault = excessOf(counts, path) ?? formFault(at, path);
    if (fault !== undefined) return fault;
    if (typeof at !== 'object' || at === null) continue;
    for (const name of GROUPS) {
      const members: unknown = Reflect.get(at, name);
      if (!Array.isArray(members)) continue;
      if (depth >= queryDepthMax) return beyond([...path, name], `nests ${depth + 1} groups deep`, 'queryDepthMax', depth + 1);
      pending.push(...members.map((member: unknown, i) => ({ at: member, path: [...path, name, i], depth: depth + 1 })));
    }
  }
  return undefined;
}

interface Counts {
  readonly clauses: number;
  readonly chars: number;
  readonly words: number;
}

function excessOf(counts: Counts, path: Path): Fault | undefined {
  if (counts.clauses > queryClausesMaxCount)
    return beyond(path, `makes ${counts.clauses} clauses of the query`, 'queryClausesMaxCount', counts.clauses);
  if (counts.chars > queryCharsMax) return beyond(path, `makes the query ${counts.chars} characters long`, 'queryCharsMax', counts.chars);
  return counts.words > queryTermsMaxCount
    ? beyond(path, `makes ${counts.words} words of the query`, 'queryTermsMaxCount', counts.words)
    : undefined;
}

/** `must_not` alone is a form that finds nothing, so it is not offered. */
function formFault(query: unknown, path: Path): Fault | undefined {
  if (typeof query !== 'object' || query === null || Array.isArray(query) || FORMS.some((form) => Object.hasOwn(query, form)))
    return undefined;
  const offered = FORMS.slice(0, -1).map((form) => `\`${form}\``);
  return { path, message: `must be a text, or an object that has one of ${offered.join(', ')}` };
}

/** The text of a clause, wherever it stands; '' of what is none. */
function textOf(query: unknown): string {
  if (typeof query === 'string') return query;
  if (typeof query !== 'object' || query === null) return '';
  const { text: own, phrase: words, prefix, fuzzy: near } = query as Readonly<Record<string, unknown>>;
  const found = own ?? words ?? prefix ?? near;
  return typeof found === 'string' ? found : typeof found === 'object' && found !== null && 'text' in found ? textOf(found.text) : '';
}

const wordCount = (words: string): number => words.match(/\S+/g)?.length ?? 0;
