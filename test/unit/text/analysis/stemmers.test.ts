import { expect, it } from 'vitest';

import { STEMMED_LANGUAGES } from '../../../../src/contract/indexes/analysis.ts';
import { stopWordsOf } from '../../../../src/text/analysis/stop-words.ts';
import { analyserWith, termsIn } from '../../../support/text-terms.ts';

// Stems as Snowball's algorithms give them, without accents.
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

it('words are reduced to their stems [TX6]', () => {
  for (const [language, pairs] of Object.entries(SAMPLES)) {
    const analyser = analyserWith({ language: language as (typeof STEMMED_LANGUAGES)[number], stop_words: 'none' });
    expect(
      pairs.map(([word]) => termsIn(analyser, word)[0]),
      language,
    ).toEqual(pairs.map(([, stem]) => stem));
  }
});

it('there are at least 18 languages, whose words stay as they are without stemming [TX6]', () => {
  expect(STEMMED_LANGUAGES.length).toBeGreaterThanOrEqual(18);
  for (const language of STEMMED_LANGUAGES) {
    expect(termsIn(analyserWith({ language, stemming: false }), 'international'), language).toEqual(['international']);
  }
});

it('every language has stop words, and few of them [TX7]', () => {
  for (const language of STEMMED_LANGUAGES) {
    const words = stopWordsOf(language);
    expect(words.length, language).toBeGreaterThanOrEqual(25);
    expect(words.length, language).toBeLessThanOrEqual(300);
    expect(termsIn(analyserWith({ language }), words.join(' ')), language).toEqual([]);
  }
});
