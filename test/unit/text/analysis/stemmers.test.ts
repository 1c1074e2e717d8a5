import { expect, it } from 'vitest';

import { STEMMED_LANGUAGES } from '../../../../src/contract/indexes/analysis.ts';
import { analyserWith, termsIn } from '../../../support/text-terms.ts';

// Words and stems of Snowball's published vocabularies (snowballstem/snowball-data), accents folded.
const SAMPLES: Readonly<Record<string, readonly (readonly [word: string, stem: string])[]>> = {
  english: [
    ['caresses', 'caress'],
    ['ponies', 'poni'],
    ['relational', 'relat'],
    ['hopping', 'hop'],
  ],
  german: [
    ['aufeinanderfolge', 'aufeinanderfolg'],
    ['häuser', 'haus'],
    ['kategorien', 'kategori'],
  ],
  french: [
    ['continuellement', 'continuel'],
    ['majestueusement', 'majestu'],
  ],
  spanish: [
    ['chicharrones', 'chicharron'],
    ['torneados', 'torn'],
  ],
  russian: [
    ['важнейшие', 'важн'],
    ['падение', 'паден'],
  ],
  swedish: [
    ['jaktkarlarne', 'jaktkarl'],
    ['klostergården', 'klostergard'],
  ],
  romanian: [['căutării', 'cautar']],
};

it('words are reduced to the stems of the published vocabularies [TX6]', () => {
  for (const [language, pairs] of Object.entries(SAMPLES)) {
    const analyser = analyserWith({ language: language as (typeof STEMMED_LANGUAGES)[number], stop_words: 'none' });
    expect(
      pairs.map(([word]) => termsIn(analyser, word)[0]),
      language,
    ).toEqual(pairs.map(([, stem]) => stem));
  }
});

it('every language stems and has stop words, unless it is asked not to [TX6, TX7]', () => {
  expect(STEMMED_LANGUAGES.length).toBeGreaterThanOrEqual(18);
  for (const language of STEMMED_LANGUAGES) {
    const word = 'international';
    expect(termsIn(analyserWith({ language, stemming: false }), word), language).toEqual([word]);
  }
});
