import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { TEXT_LIMITS } from './text-limits.ts';

/** Languages whose words are reduced to stems by Snowball's algorithms. */
export const STEMMED_LANGUAGES = [
  'arabic',
  'armenian',
  'danish',
  'dutch',
  'english',
  'finnish',
  'french',
  'german',
  'greek',
  'hindi',
  'hungarian',
  'indonesian',
  'irish',
  'italian',
  'lithuanian',
  'norwegian',
  'portuguese',
  'romanian',
  'russian',
  'serbian',
  'spanish',
  'swedish',
  'tamil',
  'turkish',
] as const;

export type StemmedLanguage = (typeof STEMMED_LANGUAGES)[number];

/** Languages whose words are not written apart, or not stemmed; `none` says nothing about the language. */
const OTHER_LANGUAGES = ['chinese', 'japanese', 'korean', 'thai', 'none'] as const;

export const LANGUAGES = [...STEMMED_LANGUAGES, ...OTHER_LANGUAGES] as const;

export type Language = (typeof LANGUAGES)[number];

const { stopWordsMaxCount, synonymGroupsMaxCount, synonymsPerGroupMaxCount, synonymCharsMax } = TEXT_LIMITS;

const word = z
  .string()
  .min(1)
  .max(synonymCharsMax)
  .refine((text) => /[\p{L}\p{N}]/u.test(text), 'must have a letter or digit');

/** How a text field turns texts into terms, as a caller writes it. */
export const analysisSettings = z.strictObject({
  language: z
    .enum(LANGUAGES)
    .default('english')
    .meta(about('Of the words; runs of Chinese, Japanese, Korean and Thai are segmented in every language.', 'german')),
  stemming: z.boolean().default(true).meta(about('Whether words are reduced to stems, so that `running` finds `runs`.')),
  stop_words: z
    .union([z.enum(['default', 'none']), z.array(word).max(stopWordsMaxCount)])
    .default('default')
    .meta(about('Words that are not searched: a short list of the language, none, or these.')),
  code: z
    .boolean()
    .default(false)
    .meta(about('Whether identifiers are split: `getUserName` and `user_name` are found by `user`, and as they are written.')),
  synonyms: z
    .array(z.array(word).min(2).max(synonymsPerGroupMaxCount))
    .max(synonymGroupsMaxCount)
    .default([])
    .meta(about('Groups of words or phrases that mean the same.', [['ny', 'new york']])),
});

export type AnalysisSettings = Readonly<z.output<typeof analysisSettings>>;
