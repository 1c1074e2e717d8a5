import { describe, expect, it } from 'vitest';

import { DOCUMENT_LIMITS } from '../../../src/contract/documents/document-limits.ts';
import { checkCitations } from '../../../src/documents/passages/check-citations.ts';
import type { Passage } from '../../../src/documents/passages/passage.ts';
import { assemblePassages } from '../../../src/documents/passages/assemble-passages.ts';
import { chunked } from '../../support/documents/read.ts';

const SOURCE =
  '# Moon\n\nThe Moon orbits the Earth\nat a distance of 384,400 km.\n\n# Mars\n\nMars has two moons,   Phobos and Deimos. They are small.\n';

/** The source as two passages, the Moon first. */
function passages(): Passage[] {
  const found = chunked(SOURCE, { id: 'sky' }).map((chunk, at) => ({ ...chunk, document: 'sky', score: 2 - 1.5 * at, position: at * 2 }));
  return assemblePassages(found, { around: [], sections: [] }, { neighbours: 0, support: 0, tokensMax: 1_000 });
}

function checked(answer: string) {
  const outcome = checkCitations(answer, passages());
  return outcome.ok ? outcome.value : undefined;
}

describe('marks', () => {
  it('name passages that exist, alone or several [DC34]', () => {
    const answer = 'It is far away [1]. Mars has moons [1, 2][7].';
    expect(checked(answer)?.marks.map(({ number, exists, begin, end }) => [number, exists, answer.slice(begin, end)])).toEqual([
      [1, true, '[1]'],
      [1, true, '[1, 2]'],
      [2, true, '[1, 2]'],
      [7, false, '[7]'],
    ]);
    expect(checked(answer)?.isSound).toBe(false);
    expect(checked('It is far away [1].')).toMatchObject({ isSound: true, quotes: [] });
    expect(checked('An array[0] and [a] and [1x].')?.marks.map(({ number }) => number)).toEqual([0]);
  });
});

describe('quotes', () => {
  it('stand in the passage that is cited behind them, with offsets of the document [DC35]', () => {
    const answer = 'It “orbits the Earth at a distance of 384,400 km.” [1]';
    const [quote] = checked(answer)?.quotes ?? [];
    expect(answer.slice(quote?.begin, quote?.end)).toBe('“orbits the Earth at a distance of 384,400 km.”');
    expect(quote?.citation).toMatchObject({ document: 'sky', page: 1, headings: ['Moon'] });
    expect(SOURCE.slice(quote?.citation?.begin, quote?.citation?.end)).toBe('orbits the Earth\nat a distance of 384,400 km');
    expect(checked('"two moons, Phobos" [1]')).toMatchObject({ quotes: [{ citation: null }], isSound: false });
    expect(checked('"two moons, Phobos" [2]')?.isSound).toBe(true);
    expect(checked('"two moons, Phobos" [1][2]')?.isSound).toBe(true);
    expect(checked('"two moons, Phobos" [9]')?.quotes[0]?.citation).toBeNull();
  });

  it('that cite nothing stand in any passage; short ones are terms [DC35]', () => {
    expect(checked('He says «Phobos and Deimos. They are small».')?.quotes[0]?.citation).toMatchObject({ headings: ['Mars'] });
    expect(checked('He says "Phobos and Deimos are enormous".')?.isSound).toBe(false);
    expect(checked('The "Red Planet" is far.')).toMatchObject({ quotes: [], isSound: true });
    expect(checked('The "Red Planet" [2] is far.')?.isSound).toBe(false);
    expect(checked('It "orbits')).toMatchObject({ quotes: [], isSound: true });
  });

  it('are not found where two parts of a passage were put together, but by their own text [DC35]', () => {
    const joined = chunked(SOURCE, { id: 'sky' }).map((chunk) => ({ ...chunk, document: 'sky', score: 1 }));
    const one = assemblePassages(joined, { around: [], sections: [] }, { neighbours: 0, support: 0, tokensMax: 1_000 });
    const answer = checkCitations('"Mars has two moons, Phobos and Deimos" [1] and "a distance of 384,400 km" [1]', one);
    const cited = answer.ok ? answer.value.quotes.map(({ citation }) => SOURCE.slice(citation?.begin, citation?.end)) : [];
    expect(cited).toEqual(['Mars has two moons,   Phobos and Deimos', 'a distance of 384,400 km']);
  });

  it('beyond their limit, and answers beyond theirs, are refused by name [DC35]', () => {
    const { answerCharsMax, quotesMaxCount } = DOCUMENT_LIMITS;
    const refused = (answer: string) => {
      const outcome = checkCitations(answer, passages());
      return outcome.ok ? undefined : outcome.error;
    };
    expect(refused('x'.repeat(answerCharsMax + 1))).toMatchObject({ code: 'limit_exceeded', limit: { name: 'answerCharsMax' } });
    expect(refused('"two moons, Phobos" '.repeat(quotesMaxCount + 1))).toMatchObject({ limit: { name: 'quotesMaxCount' } });
    expect(refused('"two moons, Phobos" '.repeat(quotesMaxCount))).toBeUndefined();
    expect(refused('“„«'.repeat(80_000))).toBeUndefined();
  });
});
