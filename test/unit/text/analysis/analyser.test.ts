import { describe, expect, it } from 'vitest';

import { TEXT_LIMITS } from '../../../../src/contract/indexes/text-limits.ts';
import { TERM_USE } from '../../../../src/text/analysis/term.ts';
import { analyserWith, emittedTerms, termsIn } from '../../../support/text-terms.ts';

const plain = analyserWith({ language: 'none' });
const english = analyserWith({});
const nothing = (): void => undefined;

describe('words', () => {
  it('case, compatibility forms and accents make no difference [TX3]', () => {
    expect(termsIn(plain, 'Café CAFE\u0301 ﬁne so\u00adft Straße Łódź')).toEqual(['cafe', 'cafe', 'fine', 'soft', 'strasse', 'lodz']);
    expect(termsIn(analyserWith({ language: 'turkish', stemming: false }), 'IŞIK ışık')).toEqual(['isik', 'isik']);
  });

  it('apostrophes and points within words belong to them; elided articles are dropped [TX4]', () => {
    expect(termsIn(plain, "O'Reilly’s don't 3.14 1,000 'quoted'")).toEqual(['oreilly', 'dont', '3.14', '1.000', 'quoted']);
    expect(termsIn(analyserWith({ language: 'french', stemming: false }), "l'avion qu’elle")).toEqual(['avion']);
  });

  it('signs of C++ and C# are kept, other punctuation divides words [TX5]', () => {
    expect(termsIn(plain, 'C++, C# a+b i++x')).toEqual(['c++', 'c#', 'a', 'b', 'i', 'x']);
    expect(termsIn(plain, 'me@mail.example.com https://x.org/a-b')).toEqual([
      'me',
      'mail',
      'example',
      'com',
      'https',
      'x',
      'org',
      'a',
      'b',
    ]);
  });

  it('a long word is cut [TX12]', () => {
    const [term] = emittedTerms(plain, 'x'.repeat(1_000));
    expect(term).toMatchObject({ term: 'x'.repeat(TEXT_LIMITS.termCharsMax), start: 0, end: 1_000 });
  });
});

describe('stop words', () => {
  it('are no terms, do not count, and take a position [TX7]', () => {
    expect(emittedTerms(english, 'state of the art').map(({ term, position }) => [term, position])).toEqual([
      ['state', 0],
      ['art', 3],
    ]);
    expect(english.analyse('state of the art', nothing)).toEqual({ words: 2, positions: 4 });
  });

  it('are the list of the field, if it has one [TX7]', () => {
    expect(termsIn(analyserWith({ stop_words: ['State', "don't"] }), "state of don't art")).toEqual(['of', 'art']);
    expect(termsIn(analyserWith({ stop_words: 'none' }), 'the art')).toEqual(['the', 'art']);
  });
});

describe('runs without spaces', () => {
  it('have words and, in East Asian scripts, pairs, in a field of any language [TX8, TX9]', () => {
    expect(new Set(termsIn(english, '研究生命 of 猫'))).toEqual(new Set(['研究', '究生', '生命', '猫']));
    expect(english.analyse('研究生命 of 猫', nothing).words).toBe(3);
    expect(termsIn(english, 'ภาษาไทย')).toEqual(['ภาษา', 'ไทย']);
  });

  it('have each pair once where it is a word [TX9]', () => {
    const terms = emittedTerms(english, '黑豹队的防守');
    const pairs = terms.filter(({ use }) => (use & TERM_USE.chain) !== 0).map(({ term }) => term);
    expect(pairs).toEqual(['黑豹', '豹队', '队的', '的防', '防守']);
    expect(terms.filter(({ term }) => term === '防守')).toHaveLength(1);
  });

  it('are paired by characters, not by UTF-16 units [TX9]', () => {
    expect(termsIn(english, '𠀋𠀋好')).toEqual(expect.arrayContaining(['𠀋𠀋', '𠀋好']));
  });

  it('are segmented in parts that cut no character [TX8]', () => {
    const text = `a${'𠀋'.repeat(TEXT_LIMITS.segmentedCharsMax)}`;
    expect(termsIn(plain, text).every((term) => term.isWellFormed())).toBe(true);
  });
});

describe('identifiers', () => {
  const code = analyserWith({ code: true, stop_words: 'none' });

  it('are found as they are written and by their parts, and count once [TX10]', () => {
    expect(termsIn(code, 'getUserName HTTPServer utf8 snake_case plain')).toEqual([
      'getusername',
      'get',
      'user',
      'name',
      'httpserver',
      'http',
      'server',
      'utf8',
      'utf',
      '8',
      'snake_case',
      'snake',
      'case',
      'plain',
    ]);
    expect(code.analyse('getUserName plain', nothing)).toEqual({ words: 2, positions: 4 });
  });

  it('are words in fields of prose [TX10]', () => {
    expect(termsIn(plain, 'getUserName snake_case')).toEqual(['getusername', 'snake', 'case']);
  });
});

describe('synonyms', () => {
  const analyser = analyserWith({
    language: 'none',
    synonyms: [
      ['car', 'automobile'],
      ['ny', 'new york'],
    ],
  });
  const bag = (text: string): string[] =>
    emittedTerms(analyser, text)
      .filter(({ use }) => (use & TERM_USE.bag) !== 0)
      .map(({ term }) => term);

  it('share a term, and keep their own for prefixes [TX11]', () => {
    expect(bag('automobile')).toEqual(bag('car'));
    expect(termsIn(analyser, 'automobile')).toEqual(['automobile', 'car']);
    expect(analyser.analyse('automobile', nothing).words).toBe(1);
  });

  it('may be phrases, which no empty line divides [TX11]', () => {
    expect(bag('NY')).toEqual(['ny']);
    expect(bag('in New York now')).toEqual(['in', 'new', 'york', 'ny', 'now']);
    expect(bag('new\n\nyork')).toEqual(['new', 'york']);
    expect(bag('new old york')).toEqual(['new', 'old', 'york']);
  });
});

it('the version tells settings apart [TX13]', () => {
  const versions = [
    {},
    { language: 'german' },
    { stemming: false },
    { code: true },
    { stop_words: ['x'] },
    { synonyms: [['a', 'b']] },
  ] as const;
  const known = versions.map((settings) => analyserWith(structuredClone(settings) as Parameters<typeof analyserWith>[0]).version);
  expect(new Set(known).size).toBe(versions.length);
  expect(analyserWith({}).version).toBe(known[0]);
});
