import type { z } from 'zod';

import { analysisSettings } from '../../src/contract/indexes/analysis.ts';
import type { Analyser } from '../../src/text/analysis/analyser.ts';
import { analyserOf } from '../../src/text/analysis/analyser.ts';

export interface EmittedTerm {
  readonly term: string;
  readonly position: number;
  readonly start: number;
  readonly end: number;
  readonly use: number;
}

export const analyserWith = (settings: z.input<typeof analysisSettings>): Analyser => analyserOf(analysisSettings.parse(settings));

export function emittedTerms(analyser: Analyser, text: string): EmittedTerm[] {
  const emitted: EmittedTerm[] = [];
  analyser.analyse(text, (term, position, start, end, use) => emitted.push({ term, position, start, end, use }));
  return emitted;
}

export const termsIn = (analyser: Analyser, text: string): string[] => emittedTerms(analyser, text).map(({ term }) => term);
