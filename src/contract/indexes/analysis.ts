import * as z from 'zod';

import { about } from '../api/api-text.ts';

/** Languages whose words are told apart and stemmed; `none`: words are, as Unicode has them, and nothing is stemmed. */
export const LANGUAGES = [
  'arabic',
  'chinese',
  'danish',
  'dutch',
  'english',
  'finnish',
  'french',
  'german',
  'hungarian',
  'italian',
  'japanese',
  'korean',
  'none',
  'norwegian',
  'portuguese',
  'romanian',
  'russian',
  'spanish',
  'swedish',
  'thai',
  'turkish',
] as const;

/** How texts become terms. */
export const analysisSettings = z.strictObject({
  language: z.enum(LANGUAGES).default('english'),
  stemming: z.boolean().default(true).meta(about('Whether forms of a word are one term.')),
});

export type AnalysisSettings = z.output<typeof analysisSettings>;
