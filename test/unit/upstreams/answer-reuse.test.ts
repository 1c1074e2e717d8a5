import { expect, it } from 'vitest';

import { questionForm, withQuestionForm } from '../../../src/upstreams/reuse/question-form.ts';
import { falseHitBound, ReuseEvidence, wordsInCommon } from '../../../src/upstreams/reuse/reuse-evidence.ts';

it.each([
  ['Where is my parcel?', 'hello,  where’s my parcel'],
  ['Can you help me?', 'can you help me, please?'],
  ["It can't be paid by card", 'It cannot be paid by card'],
  ['What is “canal”?', 'what is "canal"'],
  ['Is it open on Sundays?', 'So, is it open on Sundays. Thank you!'],
])('[U125] %s is the same question as: %s', (one, other) => expect(questionForm(other)).toBe(questionForm(one)));

it.each([
  ['Is it open?', 'Is it not open?'],
  ['Is it open?', "Isn't it open?"],
  ['Can I pay 10 francs?', 'Can I pay 100 francs?'],
  ['Can I pay -5?', 'Can I pay 5?'],
  ['Does Anna know Ben?', 'Does Ben know Anna?'],
  ['Who is the US envoy?', 'Who is the us envoy?'],
  ['Is Polish spoken?', 'Is polish spoken?'],
  ['It works?', 'It works.'],
  ['Is a - b positive?', 'Is a + b positive?'],
  ['where is it?\n- here', 'where is it? - here'],
  ['what does `A` do?', 'what does `a` do?'],
  ['Translate: please', 'Translate:'],
  ['How do I say thank you?', 'How do I say please?'],
  ['Is hello a word?', 'Is a word?'],
  ['Hello is a word of which language?', 'is a word of which language?'],
  ['Was heißt das?', 'Was heisst das?'],
  ['WHO is in Geneva?', 'Who is in Geneva?'],
  ['What does a regex match: .?', 'What does a regex match: ?'],
  ['What is the operator ??', 'What is the operator ?'],
])('[U125] %s is not the same question as: %s', (one, other) => expect(questionForm(other)).not.toBe(questionForm(one)));

it('[U125] only the last word of a person is brought into a form, and nothing else of the request', () => {
  const turns = [
    { role: 'system', content: 'Hi' },
    { role: 'user', content: 'Hi, where is it?' },
  ];
  expect(withQuestionForm({ model: 'm', messages: turns })).toEqual({
    model: 'm',
    messages: [turns[0], { role: 'user', content: 'where is it' }],
  });
  expect(withQuestionForm({ model: 'm', input: 'Hi, where is it?' })).toEqual({ model: 'm', input: 'where is it' });
  expect(withQuestionForm({ messages: [{ role: 'assistant', content: 'x' }] })).toBeUndefined();
  expect(withQuestionForm({ messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }] })).toBeUndefined();
  expect(withQuestionForm({ input: [] })).toBeUndefined();
});

it('[U126] the bound is 1 without evidence, and the upper end of the interval with some', () => {
  const evidence = new ReuseEvidence();
  expect(falseHitBound(evidence.of('a'))).toBe(1);
  for (let at = 0; at < 100; at += 1) evidence.note('a', at < 2);
  expect(evidence.of('a')).toEqual({ checked: 100, differed: 2 });
  expect(falseHitBound(evidence.of('a'))).toBeCloseTo(0.07, 2);
  expect(evidence.of('b')).toEqual({ checked: 0, differed: 0 });
  for (let at = 0; at < 1_000; at += 1) evidence.note(`other ${at}`, false);
  expect(evidence.of('a').checked).toBe(0);
});

it.each([
  ['In Bern.', 'in  bern', 1],
  ['It is in Bern', 'It was in Bern', 0.6],
  ['It is not in Bern today or so', 'It is in Bern today or so', 0],
  ['It costs 10 francs and no more', 'It costs 11 francs and no more', 0],
  ['', '', 1],
  ['a a b', 'a b b', 0.5],
])('[U126] %s and %s have so much in common: %d', (one, other, share) => {
  expect(wordsInCommon(one, other)).toBeCloseTo(share, 5);
  expect(wordsInCommon(other, one)).toBeCloseTo(share, 5);
});
