import { describe, expect, it } from 'vitest';

import type { TextQuery } from '../../../../src/contract/vectors/text-query.ts';
import { compileQuery } from '../../../../src/text/query/compile-query.ts';
import { analyserWith } from '../../../support/text-terms.ts';

const english = analyserWith({});
const compiled = (query: TextQuery) => compileQuery(query, english);
const term = (text: string, weight = 1) => ({ kind: 'term', term: text, weight });

describe('words', () => {
  it('match by any or all of them; repeated ones and boosts weigh more [TX31]', () => {
    expect(compiled('red dogs dog')).toEqual({ kind: 'group', must: [], should: [term('red'), term('dog', 2)], not: [], minimum: 1 });
    expect(compiled({ text: 'red dog', operator: 'and', boost: 3 })).toEqual({
      kind: 'group',
      must: [term('red', 3), term('dog', 3)],
      should: [],
      not: [],
      minimum: 0,
    });
    expect(compiled({ must: [{ text: 'dog', boost: 2 }], boost: 5 })).toMatchObject({ must: [term('dog', 10)] });
  });

  it('that are not searched are left out, and of nothing else remains nothing [TX32]', () => {
    expect(compiled('the')).toEqual({ kind: 'nothing' });
    expect(compiled({ must: ['the', 'dog'], must_not: ['of', 'cat'] })).toMatchObject({ must: [term('dog')], not: [term('cat')] });
    expect(compiled({ must: ['the'], must_not: ['dog'] })).toEqual({ kind: 'nothing' });
    expect(compiled({ must: ['the'], should: ['dog'] })).toMatchObject({ must: [], minimum: 1 });
  });
});

it('the least of `should` is 1 without `must`, else 0, and no more than is left [TX33]', () => {
  expect(compiled({ should: ['dog', 'cat'] })).toMatchObject({ minimum: 1 });
  expect(compiled({ must: ['red'], should: ['dog'] })).toMatchObject({ minimum: 0 });
  expect(compiled({ should: ['dog', 'cat', 'the'], minimum_should_match: 3 })).toMatchObject({ minimum: 2 });
});

it('a phrase keeps the distances of its words; one word is a term [TX34]', () => {
  expect(compiled({ phrase: { text: 'the state of art', slop: 2 } })).toEqual({
    kind: 'phrase',
    terms: ['state', 'art'],
    offsets: [0, 2],
    slop: 2,
    weight: 1,
  });
  expect(compiled({ phrase: 'the dogs' })).toEqual(term('dog'));
  expect(compileQuery({ phrase: '黑豹队' }, english)).toMatchObject({ terms: ['黑豹', '豹队'], offsets: [0, 1] });
});

it('a prefix is folded, not stemmed; a whole word finds its stem; the last word is the prefix [TX35]', () => {
  expect(compiled({ prefix: 'Caf' })).toEqual({ kind: 'prefix', prefix: 'caf', weight: 1 });
  expect(compiled({ prefix: 'ponies' })).toMatchObject({ should: [{ kind: 'prefix', prefix: 'ponies' }, term('poni')] });
  expect(compiled({ prefix: 'red shoe' })).toMatchObject({ must: [term('red'), { kind: 'prefix', prefix: 'shoe' }] });
  expect(compiled({ prefix: 'th' })).toMatchObject({ kind: 'prefix', prefix: 'th' });
  expect(compiled({ prefix: '...' })).toEqual({ kind: 'nothing' });
});

it('a fuzzy word allows edits by its length, or as asked [TX36]', () => {
  expect(compiled({ fuzzy: 'ox' })).toEqual(term('ox'));
  expect(compiled({ fuzzy: 'horse' })).toMatchObject({ kind: 'fuzzy', distance: 1, prefixLength: 1 });
  expect(compiled({ fuzzy: 'kitchen' })).toMatchObject({ distance: 2 });
  expect(compiled({ fuzzy: { text: 'kitchen', distance: 1, prefix_length: 3 } })).toMatchObject({ distance: 1, prefixLength: 3 });
  expect(compiled({ fuzzy: { text: 'kitchen', distance: 0 } })).toEqual(term('kitchen'));
});
