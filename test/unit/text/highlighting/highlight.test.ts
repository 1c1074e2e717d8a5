import { describe, expect, it } from 'vitest';

import type { TextQuery } from '../../../../src/contract/vectors/text-query.ts';
import { highlight } from '../../../../src/text/highlighting/highlight.ts';
import { compileQuery } from '../../../../src/text/query/compile-query.ts';
import { analyserWith } from '../../../support/text-terms.ts';

const english = analyserWith({});

/** Fragments with their matches in brackets. */
function marked(text: string, query: TextQuery, fragmentChars = 80, fragments = 3): string[] {
  return highlight(text, english, compileQuery(query, english), { fragmentChars, fragments }).map((fragment) => {
    expect(text.slice(fragment.start, fragment.start + fragment.text.length)).toBe(fragment.text);
    let shown = fragment.text;
    for (const [begin, end] of fragment.matches.toReversed())
      shown = `${shown.slice(0, begin)}[${shown.slice(begin, end)}]${shown.slice(end)}`;
    return shown;
  });
}

describe('matches', () => {
  it('are the words as they are written; those that touch are one [TX37]', () => {
    expect(marked('Dogs chase the CAT.', 'cat dog')).toEqual(['[Dogs] chase the [CAT].']);
    expect(marked('我们研究生命起源', '研究生命')).toEqual(['我们[研究生命]起源']);
    expect(marked('nothing here', 'cat')).toEqual([]);
  });

  it('mark a phrase as a whole and none of its words elsewhere [TX38]', () => {
    expect(marked('York is not New York, new as it is', { phrase: 'new york' })).toEqual(['York is not [New York], new as it is']);
    expect(marked('the state of the new art', { phrase: { text: 'state art', slop: 2 } })).toEqual([]);
    expect(marked('the state of the new art', { phrase: { text: 'state art', slop: 3 } })).toEqual(['the [state of the new art]']);
  });

  it('are those of prefixes and fuzzy words, and not what must not be there [TX35, TX36, TX37]', () => {
    expect(marked('Neural nets, neuronal too', { prefix: 'neur' })).toEqual(['[Neural] nets, [neuronal] too']);
    expect(marked('the kitchne and the chicken', { fuzzy: 'kitchen' })).toEqual(['the [kitchne] and the chicken']);
    expect(marked('cat and dog', { must: ['cat'], must_not: ['dog'] })).toEqual(['[cat] and dog']);
  });
});

describe('fragments', () => {
  const text = `One cat sat. ${'Filler words stand here. '.repeat(8)}A cat met a dog there. ${'More filler follows. '.repeat(8)}A dog left.`;

  it('with more different words come first, and are short, apart and in order [TX37, TX38]', () => {
    expect(marked(text, 'cat dog', 40, 1)).toEqual([expect.stringContaining('[cat] met a [dog]')]);
    const all = marked(text, 'cat dog', 40, 3);
    expect(all).toHaveLength(3);
    expect(all[0]).toContain('One [cat]');
    expect(all[2]).toContain('[dog] left');
    for (const fragment of all) expect(fragment.replaceAll(/[[\]]/g, '').length).toBeLessThanOrEqual(40);
  });

  it('cut neither words nor characters [TX37]', () => {
    expect(marked('aaaaaaaaaa bbbbbbbbbb cat cccccccccc dddddddddd', 'cat', 20)).toEqual(
      [' [cat]'.trimStart()].map((only) => expect.stringContaining(only)),
    );
    const [fragment] = marked(`${'😀'.repeat(30)} cat ${'😀'.repeat(30)}`, 'cat', 21);
    expect(fragment?.isWellFormed()).toBe(true);
  });
});
