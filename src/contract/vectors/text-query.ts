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
  .superRefine((query, context) => {
    const fault = beyondLimits(query);
    if (fault !== undefined) context.addIssue({ code: 'custom', ...fault });
  })
  .pipe(clause)
  .meta(about('Words, or a tree of words, phrases, prefixes and fuzzy words.', { must: ['coffee'], should: [{ phrase: 'flat white' }] }));

interface Fault {
  readonly message: string;
  readonly path: (string | number)[];
}

const GROUPS = ['must', 'should', 'must_not'] as const;

/** The first limit of a whole query that it exceeds, found before anything in it is read more closely. */
function beyondLimits(query: unknown): Fault | undefined {
  const left = { clauses: queryClausesMaxCount, chars: queryCharsMax, words: queryTermsMaxCount };
  const pending: { readonly at: unknown; readonly path: (string | number)[]; readonly depth: number }[] = [
    { at: query, path: [], depth: 0 },
  ];
  for (const { at, path, depth } of pending) {
    left.clauses -= 1;
    const words = textOf(at);
    left.chars -= words.length;
    left.words -= wordCount(words);
    if (left.clauses < 0) return { path, message: `is beyond the ${queryClausesMaxCount} clauses of a query (queryClausesMaxCount)` };
    if (left.chars < 0) return { path, message: `makes the query longer than ${queryCharsMax} characters (queryCharsMax)` };
    if (left.words < 0) return { path, message: `makes the query have more than ${queryTermsMaxCount} words (queryTermsMaxCount)` };
    if (typeof at !== 'object' || at === null) continue;
    for (const name of GROUPS) {
      const members: unknown = Reflect.get(at, name);
      if (!Array.isArray(members)) continue;
      if (depth >= queryDepthMax) return { path: [...path, name], message: `nests deeper than ${queryDepthMax} (queryDepthMax)` };
      pending.push(...members.map((member: unknown, i) => ({ at: member, path: [...path, name, i], depth: depth + 1 })));
    }
  }
  return undefined;
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
