import { expect, it } from 'vitest';

import { parse } from '../../../src/contract/api/parse.ts';
import { analysisSettings } from '../../../src/contract/indexes/analysis.ts';
import { TEXT_LIMITS } from '../../../src/contract/indexes/text-limits.ts';
import { searchedWords, textQuery } from '../../../src/contract/vectors/text-query.ts';

const fault = (query: unknown): string => {
  const [issue] = textQuery.safeParse(query).error?.issues ?? [];
  return issue === undefined ? 'fine' : `${issue.path.join('.')}: ${issue.message}`;
};

const nested = (depth: number): unknown => (depth === 0 ? 'dog' : { must: [nested(depth - 1)] });

it('queries of every kind are taken, and nothing else [TX30]', () => {
  for (const query of [
    'dog',
    { text: 'dog', operator: 'and' },
    { phrase: 'a b' },
    { prefix: 'a' },
    { fuzzy: { text: 'a', distance: 'auto' } },
  ])
    expect(fault({ must: [query], should: [query], minimum_should_match: 1, boost: 2 })).toBe('fine');
  for (const query of [{}, 7, '', { text: 'a', boost: 0 }, { fuzzy: { text: 'a', distance: 3 } }, { phrase: 'a', slop: 1 }])
    expect(fault(query)).not.toBe('fine');
});

it('limits hold for the whole of a query, and a fault names its path [TX30]', () => {
  expect(fault(nested(TEXT_LIMITS.queryDepthMax))).toBe('fine');
  expect(fault(nested(TEXT_LIMITS.queryDepthMax + 1))).toMatch(/^must\.0.*must: nests 9 groups deep; the limit is 8 \(queryDepthMax\)/);
  expect(fault('dog '.repeat(TEXT_LIMITS.queryTermsMaxCount))).toBe('fine');
  expect(fault('a '.repeat(TEXT_LIMITS.queryTermsMaxCount + 1))).toMatch(
    /^: makes 1001 words of the query; the limit is 1000 \(queryTermsMaxCount\)/,
  );
  const words = 'a '.repeat(TEXT_LIMITS.queryTermsMaxCount / 2 + 1);
  expect(fault({ should: [words, { phrase: { text: words } }] })).toMatch(/^should\.1: .*queryTermsMaxCount/);
  expect(fault({ should: Array(TEXT_LIMITS.queryClausesMaxCount).fill('a') })).toMatch(/^should\.255: .*queryClausesMaxCount/);
  expect(fault('x'.repeat(TEXT_LIMITS.queryCharsMax + 1))).toMatch(/queryCharsMax/);
});

it('a refusal has the limit and the value, and of a clause of no known form the forms there are [TX30]', () => {
  const refused = (query: unknown) => parse(textQuery, query, 'body', ['query']);
  const should = Array.from({ length: 10_000 }, () => 'a');
  expect(refused({ should })).toMatchObject({
    error: { code: 'limit_exceeded', path: ['query', 'should', 255], limit: { bound: TEXT_LIMITS.queryClausesMaxCount }, value: 257 },
  });
  expect(refused('dog '.repeat(10_000).trim())).toMatchObject({ error: { code: 'limit_exceeded', path: ['query'], value: 39_999 } });
  expect(refused('a '.repeat(1_500))).toMatchObject({ error: { code: 'limit_exceeded', limit: { bound: 1_000 }, value: 1_500 } });
  const forms = 'must be a text, or an object that has one of `text`, `phrase`, `prefix`, `fuzzy`, `must`, `should`';
  expect(refused({ must: ['a', { term: 'b' }] })).toMatchObject({
    error: { path: ['query', 'must', 1], message: expect.stringContaining(forms) },
  });
  expect(refused({ words: 'a', fuzzy_distance: 2 })).toMatchObject({ error: { path: ['query'], message: expect.stringContaining(forms) } });
  expect(parse(searchedWords, 'a '.repeat(1_001), 'body', ['legs', 0, 'text'])).toMatchObject({ error: { value: 1_001 } });
});

it('groups that find nothing, or ask for more than they have, are refused [TX32, TX33]', () => {
  expect(textQuery.safeParse({ must_not: ['dog'] }).success).toBe(false);
  expect(textQuery.safeParse({ should: ['dog'], minimum_should_match: 2 }).success).toBe(false);
});

it('settings of an analysis that does not exist are refused by name [TX13]', () => {
  expect(analysisSettings.safeParse({ language: 'klingon' }).error?.issues[0]?.path).toEqual(['language']);
  expect(analysisSettings.safeParse({ synonyms: [['a']] }).error?.issues[0]?.path).toEqual(['synonyms', 0]);
  expect(analysisSettings.parse({})).toEqual({ language: 'english', stemming: true, stop_words: 'default', code: false, synonyms: [] });
});
