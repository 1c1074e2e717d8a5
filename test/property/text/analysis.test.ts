import fc from 'fast-check';
import { expect, it } from 'vitest';

import { highlight } from '../../../src/text/highlighting/highlight.ts';
import { TERM_USE } from '../../../src/text/analysis/term.ts';
import { compileQuery } from '../../../src/text/query/compile-query.ts';
import { FuzzyMatcher } from '../../../src/text/query/fuzzy-matcher.ts';
import { eachPhraseSpan } from '../../../src/text/query/phrase-spans.ts';
import { analyserWith, emittedTerms } from '../../support/text-terms.ts';

const analysers = [
  analyserWith({ language: 'none' }),
  analyserWith({ code: true }),
  analyserWith({ language: 'chinese', synonyms: [['cat', 'big dog']] }),
];

const word = fc.constantFrom(
  'cat',
  'big',
  'dog',
  "O'Neil’s",
  'getUserName',
  'snake_case2',
  '3.14',
  'C++',
  '黑豹队',
  '研究生命',
  'ภาษาไทย',
  '𠀋𠀋',
  'é',
  'i\u0307',
);
const text = fc
  .array(fc.oneof(word, fc.constantFrom(' ', ' ', ', ', '-', '\n', '_', '+', "'"), fc.string({ unit: 'binary', maxLength: 4 })), {
    maxLength: 24,
  })
  .map((parts) => parts.join(''));
const analyser = fc.constantFrom(...analysers);

it('places are within the text, ascend by position, and give their plain words again [TX1]', () => {
  fc.assert(
    fc.property(analyser, text, (of, read) => {
      const emitted = emittedTerms(of, read);
      expect(emittedTerms(of, read)).toEqual(emitted);
      let last = 0;
      for (const { term, position, start, end, use } of emitted) {
        expect(start).toBeLessThan(end);
        expect(end).toBeLessThanOrEqual(read.length);
        expect(term).not.toBe('');
        expect(term).not.toMatch(/\s/);
        // Only the term of a phrase stands before its last word.
        if (use === TERM_USE.bag) continue;
        expect(position).toBeGreaterThanOrEqual(last);
        last = position;
        if (use === TERM_USE.word) expect(emittedTerms(of, read.slice(start, end)).map((again) => again.term)).toContain(term);
      }
    }),
  );
});

it('texts with an empty line between them are analysed as each alone [TX2]', () => {
  fc.assert(
    fc.property(analyser, text, text, (of, first, second) => {
      const before = emittedTerms(of, first);
      const { words, positions } = of.analyse(first, () => undefined);
      const [shift, from] = [positions, first.length + 2];
      const behind = emittedTerms(of, second).map((term) => ({
        ...term,
        position: term.position + shift,
        start: term.start + from,
        end: term.end + from,
      }));
      expect(emittedTerms(of, `${first}\n\n${second}`)).toEqual([...before, ...behind]);
      expect(of.analyse(`${first}\n\n${second}`, () => undefined).words).toBe(words + of.analyse(second, () => undefined).words);
    }),
  );
});

it('whatever of two characters or more a text of Chinese has is found as a phrase [TX9]', () => {
  const han = fc.array(fc.constantFrom(...Array.from('研究生命起源的科学家𠀋')), { minLength: 2, maxLength: 12 });
  fc.assert(
    fc.property(han, fc.nat(), fc.nat(), (characters, a, b) => {
      const from = a % (characters.length - 1);
      const to = from + 2 + (b % (characters.length - from - 1));
      const found = highlight(
        characters.join(''),
        analysers[0]!,
        compileQuery({ phrase: characters.slice(from, to).join('') }, analysers[0]!),
        {
          fragmentChars: 100,
          fragments: 1,
        },
      );
      expect(found).toHaveLength(1);
    }),
  );
});

/** Optimal string alignment by its definition. */
function edits(a: string, b: string): number {
  const at = (i: number, j: number): number => {
    if (i === 0 || j === 0) return i + j;
    const direct = Math.min(at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1), at(i - 1, j) + 1, at(i, j - 1) + 1);
    return i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? Math.min(direct, at(i - 2, j - 2) + 1) : direct;
  };
  return at(a.length, b.length);
}

it('a fuzzy term accepts exactly what is within its distance, in any order of candidates [TX36]', () => {
  const short = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 5 });
  fc.assert(
    fc.property(
      short,
      fc.array(short, { maxLength: 12 }),
      fc.constantFrom(1, 2),
      fc.constantFrom(0, 1, 2),
      (term, others, distance, prefixLength) => {
        const matcher = new FuzzyMatcher({ term, distance, prefixLength });
        for (const other of others) {
          const exact = edits(term, other);
          const accepted = exact <= distance && other.startsWith(term.slice(0, prefixLength));
          expect(matcher.edits(other)).toBe(accepted ? exact : undefined);
        }
      },
    ),
    { numRuns: 200 },
  );
});

it('a phrase is found where its words stand in order within the slop, whatever lies between [TX34]', () => {
  const of = fc.uniqueArray(fc.nat(12), { maxLength: 6 }).map((list) => list.toSorted((a, b) => a - b));
  fc.assert(
    fc.property(
      fc.array(of, { minLength: 2, maxLength: 3 }),
      fc.nat(4),
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 2, maxLength: 2 }),
      (positions, slop, gaps) => {
        const offsets = [0, gaps[0]!, gaps[0]! + gaps[1]!].slice(0, positions.length);
        const expected = positions[0]!.filter((first) => {
          const reach = (term: number, at: number, left: number): boolean =>
            term === positions.length ||
            positions[term]!.some((next) => {
              const extra = next - at - (offsets[term]! - offsets[term - 1]!);
              return extra >= 0 && extra <= left && reach(term + 1, next, left - extra);
            });
          return reach(1, first, slop);
        });
        const found: number[] = [];
        eachPhraseSpan({ offsets, slop }, positions, (first) => found.push(first));
        expect(found).toEqual(expected);
      },
    ),
  );
});

it('fragments are stretches of the text, apart and no longer than asked, with their matches inside [TX37]', () => {
  const query = { should: ['cat', { phrase: 'big dog' }, '研究', { prefix: 'sna' }] };
  fc.assert(
    fc.property(analyser, text, fc.integer({ min: 1, max: 40 }), (of, read, fragmentChars) => {
      let behind = 0;
      for (const { start, text: shown, matches } of highlight(read, of, compileQuery(query, of), { fragmentChars, fragments: 3 })) {
        expect(start).toBeGreaterThanOrEqual(behind);
        behind = start + shown.length;
        expect(read.slice(start, behind)).toBe(shown);
        expect(shown.length).toBeLessThanOrEqual(fragmentChars);
        expect(matches.length).toBeGreaterThan(0);
        let last = -1;
        for (const [begin, end] of matches) {
          expect(begin).toBeGreaterThan(last);
          expect(end).toBeGreaterThan(begin);
          last = end;
        }
        expect(last).toBeLessThanOrEqual(shown.length);
      }
    }),
  );
});
