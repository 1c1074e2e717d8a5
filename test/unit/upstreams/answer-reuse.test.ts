import { expect, it } from 'vitest';

import { askedQuestion } from '../../../src/upstreams/reuse/asked-question.ts';
import { mayAskTheSame } from '../../../src/upstreams/reuse/question-difference.ts';
import { questionForm } from '../../../src/upstreams/reuse/question-form.ts';
import { falseHitBound, fadedChecks, reuseState } from '../../../src/upstreams/reuse/reuse-evidence.ts';
import { wordsInCommon } from '../../../src/upstreams/reuse/words-in-common.ts';

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

it('[U125] only the last text of a person is a question, and nothing else of the request changes', () => {
  const turns = [
    { role: 'system', content: 'Hi' },
    { role: 'user', content: 'Hi, where is it?' },
  ];
  const asks = (body: Record<string, unknown>) => [askedQuestion(body)?.text, askedQuestion(body)?.with('x')];
  expect(asks({ model: 'm', messages: turns })).toEqual([
    'Hi, where is it?',
    { model: 'm', messages: [turns[0], { role: 'user', content: 'x' }] },
  ]);
  expect(asks({ model: 'm', input: 'where?' })).toEqual(['where?', { model: 'm', input: 'x' }]);
  expect(asks({ model: 'm', prompt: 'where?' })).toEqual(['where?', { model: 'm', prompt: 'x' }]);
  const part = { type: 'text', text: 'where?', cache_control: { type: 'ephemeral' } };
  expect(asks({ messages: [{ role: 'user', content: [part] }] })).toEqual([
    'where?',
    { messages: [{ role: 'user', content: [{ ...part, text: 'x' }] }] },
  ]);
  for (const body of [
    { messages: [{ role: 'assistant', content: 'x' }] },
    { messages: [{ role: 'user', content: [part, part] }] },
    { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }] },
    { input: [] },
    { prompt: ['a', 'b'] },
  ])
    expect(askedQuestion(body)).toBeUndefined();
});

it('[U126] the bound is 1 without evidence, and the upper end of the interval with some', () => {
  expect(falseHitBound({ checked: 0, differed: 0 })).toBe(1);
  expect(falseHitBound({ checked: 100, differed: 2 })).toBeCloseTo(0.07, 2);
});

it.each([
  [0, 0, 'learning'],
  [72, 0, 'learning'],
  [73, 0, 'reusing'],
  [73, 1, 'off'],
  [72, 30, 'learning'],
  [300, 7, 'reusing'],
  [300, 9, 'off'],
])('[U126] after %d checks of which %d differed a route is %s', (checked, differed, state) =>
  expect(reuseState({ checked, differed }, 0.05)).toBe(state),
);

it('[U126] old checks fade: a model that begins to answer otherwise ends reuse within some checks', () => {
  let counts = { checked: 0, differed: 0 };
  const check = (hasDiffered: boolean) => {
    counts = fadedChecks({ checked: counts.checked + 1, differed: counts.differed + Number(hasDiffered) }, 0.05);
  };
  for (let at = 0; at < 100_000; at += 1) check(false);
  expect(reuseState(counts, 0.05)).toBe('reusing');
  let until = 0;
  while (reuseState(counts, 0.05) === 'reusing' && until < 100) {
    check(true);
    until += 1;
  }
  expect(until).toBeLessThan(25);
  // It is no less certain than before it faded.
  expect(counts.checked).toBeGreaterThan(250);
});

it.each([
  ['Where is my parcel?', 'Where can I find my parcel'],
  ['How do I reset my password?', 'I forgot my password, how do I reset it'],
  ['How tall is the Eiffel Tower?', 'What is the height of the Eiffel Tower?'],
  ['What is 2 plus two', 'what is two plus 2?'],
  ['Reset my password', 'How can I reset my password?'],
  ['Does it ship today?', 'Will it ship today?'],
  ["What's the capital of France?", 'Which city is the capital of france'],
])('[U181] %s may ask the same as: %s', (one, other) =>
  expect([mayAskTheSame(one, other), mayAskTheSame(other, one)]).toEqual([true, true]),
);

it.each([
  ['Can I pay 10 francs?', 'Can I pay 100 francs?'],
  ['What is -5 squared?', 'What is 5 squared?'],
  ['a room for two people', 'a room for three people'],
  ['Is it open?', 'Is it not open?'],
  ['Is it open?', "Isn't it open?"],
  ['Can dogs eat grapes?', 'Can dogs eat grapes without peel?'],
  ['weather in Paris', 'weather in London'],
  ['Paris weather', 'weather'],
  ['Does Anna know Ben?', 'Does Ben know Anna?'],
  ['flights from Rome to Oslo', 'flights from Oslo to Rome'],
  ['How old is the king of spain', 'How old is the King of Norway'],
  ['Is WHO right?', 'who is right?'],
  ['Is a bag of 5 kg allowed?', 'Is a bag of 5 lb allowed?'],
  ['Is $5 enough?', 'Is €5 enough?'],
  ['price per month', 'price per year'],
  ['is it due on monday', 'is it due on tuesday'],
  ['How do I enable it?', 'How do I disable it?'],
  ['Is it always open?', 'Is it open?'],
  ['how warm is it in celsius', 'how warm is it'],
  ['Is the plan limited?', 'Is the plan unlimited?'],
  ['translate this to german', 'translate this to french'],
  ['what does "foo" do', 'what does "bar" do'],
  ['what does `foo` do', 'what does `Foo` do'],
  ['what is 3 + 4', 'what is 3 * 4'],
  ['Where is my parcel?', 'Wo ist mein Paket?'],
  ['où est mon colis', 'dónde está mi paquete'],
  ['какая версия', 'what version'],
])('[U181] %s asks something else than: %s', (one, other) =>
  expect([mayAskTheSame(one, other), mayAskTheSame(other, one)]).toEqual([false, false]),
);

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
