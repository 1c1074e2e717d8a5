import * as z from 'zod';

import { about, named } from '../api/api-text.ts';

const MODES = ['none', 'end'] as const;

/** What becomes of a text that has more tokens than its model takes. */
export type Truncate = (typeof MODES)[number];

/** As a call says it: `true` is `end`, as in TEI and Jina. */
export type TruncateField = Truncate | boolean | null | undefined;

const WHAT_BECOMES = 'What becomes of a text that has more tokens than the model takes: `none` refuses it, `end` cuts its end off';

export const truncate = z
  .enum(MODES)
  .optional()
  .meta(about(`${WHAT_BECOMES} and the answer counts that as \`truncated\`. Absent: \`none\`.`));

/** The same, or as clients of Jina say it. */
export const truncateOrFlag = z
  .union([z.enum(MODES), z.boolean()], { error: 'must be "none" or "end", or true for "end"' })
  .nullish()
  .meta(
    about(`${WHAT_BECOMES} and the answer counts that as \`truncated\`. \`true\` is \`end\`, \`false\` is \`none\`. Absent: \`none\`.`),
  );

/** Whether texts that are too long are cut, instead of refused. [M155] */
export const isTruncating = (given: TruncateField): boolean => given === 'end' || given === true;

/** A body as upstreams take it: cutting is a flag there, as Jina and TEI have it. */
export function withTruncateFlag<Body extends { readonly truncate?: TruncateField }>({ truncate: given, ...body }: Body) {
  return given === undefined || given === null ? body : { ...body, truncate: isTruncating(given) };
}

/** In answers that have no field for it: how many texts were cut, and the tokens that they lost. */
export const TRUNCATED_HEADER = 'x-sluice-truncated';

const count = z.int().min(0);
const textsCut = count.meta(about('How many texts were cut.'));
const tokensCut = count.meta(
  about('How many tokens were cut off: at least so many, since only the beginning of a text of very many characters is read.'),
);

/** What was cut in a call with `end`. */
export const truncated = named('Truncated', {
  count: textsCut,
  tokens: tokensCut,
  inputs: z
    .array(z.object({ index: count, tokens: count }))
    .meta(about('Which texts: their positions in the request, from 0, and the tokens that each has lost.')),
})
  .optional()
  .meta(about('What was cut: in answers to calls with `"truncate": "end"`.'));

/** Of a stream of texts, whose positions would be many. */
export const truncatedCounts = z.object({ count: textsCut, tokens: tokensCut }).optional();

/** A text of a call of which the end was cut off. */
export interface CutText {
  /** Which of the texts. */
  readonly index: number;
  /** How many tokens were cut off, at least. */
  readonly tokens: number;
}

/** The texts that were cut, by what each has lost. Absent: none has lost any. */
export const cutTextsOf = (cutTokens: ArrayLike<number> | undefined): CutText[] =>
  Array.from(cutTokens ?? [], (tokens, index) => ({ index, tokens })).filter(({ tokens }) => tokens > 0);

/** How many texts were cut, and what they have lost together. */
export interface CutCounts {
  readonly count: number;
  readonly tokens: number;
}

export const NOTHING_CUT: CutCounts = { count: 0, tokens: 0 };

export const addCuts = (before: CutCounts, cut: readonly CutText[]): CutCounts => ({
  count: before.count + cut.length,
  tokens: cut.reduce((sum, { tokens }) => sum + tokens, before.tokens),
});

export const bothCut = (one: CutCounts, other: CutCounts): CutCounts => ({
  count: one.count + other.count,
  tokens: one.tokens + other.tokens,
});

/** The member `truncated` of an answer: there is one where the call asked for cutting. [M156] */
export const truncatedReply = (given: TruncateField, cut: readonly CutText[]) =>
  isTruncating(given) ? { truncated: { ...addCuts(NOTHING_CUT, cut), inputs: cut.map(({ index, tokens }) => ({ index, tokens })) } } : {};
