import { describe, expect, it } from 'vitest';

import { ANY_FRESH } from '../../../../src/cache/cache-directives.ts';
import { COMPLETION_LIMITS } from '../../../../src/contract/completions/completion-limits.ts';
import { ROUTE_LIMITS } from '../../../../src/contract/routes/route-limits.ts';
import type { AnswerReuse } from '../../../../src/contract/routes/route-rules.ts';
import { falseHitBound } from '../../../../src/upstreams/reuse/reuse-evidence.ts';
import type { Asked, Got } from '../../../support/upstreams/reuse-world.ts';
import { ReuseWorld } from '../../../support/upstreams/reuse-world.ts';

const HELD = { false_hit_max: 0.5, check_share: 0.01, agreement_min: 1 } as const;
const REWORDED: AnswerReuse = { kind: 'reworded', ...HELD };
const NEAR = { model: 'static', similarity_min: 0.9, ...HELD } as const;
const VERIFIED: AnswerReuse = { kind: 'verified', ...NEAR, verifier: 'judge/m', confidence_min: 0.8 };
const CANDIDATE: AnswerReuse = { kind: 'candidate', ...NEAR };
/** Whatever was checked, the bound permits reuse. */
const trusting = <P extends AnswerReuse>(policy: P): P => ({ ...policy, false_hit_max: 1 });

const PLAIN = 'Where is my parcel?';
const FORMS = [
  'where is my parcel',
  'Hi, where’s my parcel? Thanks!',
  'please where is  my parcel',
  'Hello! Where is my parcel',
  'Where is my parcel, please?',
];
const OTHER_WORDS = [
  'Where can I find my parcel',
  'where has my parcel gone',
  'please find my parcel',
  'what happened to my parcel',
  'who has my parcel',
];

const STREAM = { body: { stream: true, stream_options: { include_usage: true } } };

const worldOf = (policy: AnswerReuse) => {
  const world = new ReuseWorld(policy);
  return { world, ask: world.isolate() };
};

const outcomeOf = ({ outcome, isHit }: Got) => [outcome, isHit];

describe('[U126] answers to other words', () => {
  it.each<[AnswerReuse, readonly string[], string]>([
    [REWORDED, FORMS, 'reworded'],
    [VERIFIED, OTHER_WORDS, 'verified'],
  ])('[U126] are checked by the model until enough were, then given: %j', async (policy, questions, given) => {
    const { world, ask } = worldOf(policy);
    expect(outcomeOf(await ask(PLAIN))).toEqual([undefined, false]);
    for (const question of questions.slice(0, 4)) expect(outcomeOf(await ask(question))).toEqual(['checked', false]);
    await world.settled();
    // Wilson: 0 of 4 is at most 0.49.
    expect(world.measured()).toMatchObject([{ route: 'desk@1', kind: policy.kind, counts: { checked: 4, differed: 0 } }]);
    expect(falseHitBound(world.measured()[0]!.counts)).toBeCloseTo(0.49, 2);
    expect(outcomeOf(await ask(questions[4]!))).toEqual([given, true]);
    expect(world.asked.filter(({ upstream }) => upstream === 'large')).toHaveLength(5);
    // The same words are no reuse.
    expect(outcomeOf(await ask(PLAIN))).toEqual([undefined, true]);
  });

  it.each([REWORDED, VERIFIED])('[U126] an isolate reuses by what another has checked, and stops within a second: %j', async (policy) => {
    const { world, ask } = worldOf(policy);
    const questions = policy === REWORDED ? FORMS : OTHER_WORDS;
    await ask(PLAIN);
    for (const question of questions.slice(0, 4)) await ask(question);
    await world.settled();
    const other = world.isolate();
    await other(PLAIN);
    // The first question that could be reused asks what is known, and does not wait for it.
    await other(questions[0]!);
    await world.settled();
    expect((await other(questions[1]!)).isHit).toBe(true);
    // Other isolates find that the model answers otherwise.
    world.report({ ...world.measured()[0]!, counts: { checked: 8, differed: 8 } });
    expect(falseHitBound(world.measured()[0]!.counts)).toBeGreaterThan(0.5);
    world.cacheWorld.nowMs += ROUTE_LIMITS.routesFreshMs;
    await other(questions[2]!);
    await world.settled();
    expect((await other(questions[3]!)).isHit).toBe(false);
  });

  it('[U126] once enough was false nothing is reused or verified, but for the share that is checked', async () => {
    const { world, ask } = worldOf(VERIFIED);
    world.judges = (prompt) => (prompt.includes('First answer') ? 'no' : 'yes');
    world.says = (question) => question;
    await ask(PLAIN);
    for (const question of OTHER_WORDS) await ask(question);
    await world.settled();
    expect(world.measured()[0]?.counts).toEqual({ checked: 5, differed: 5 });
    const verdicts = () => world.asked.filter(({ upstream }) => upstream === 'judge').length;
    const before = verdicts();
    expect(outcomeOf(await ask('who sent my parcel'))).toEqual([undefined, false]);
    expect(verdicts()).toBe(before);
  });

  it('[U126] are checked ever after for a share of the requests', async () => {
    const { world, ask } = worldOf({ ...trusting(REWORDED), check_share: 0.25 });
    await ask(PLAIN);
    for (let at = 0; at < 400; at += 1) await ask(`${' '.repeat(at + 1)}${PLAIN}`);
    const checked = world.asked.length - 1;
    expect(checked).toBeGreaterThan(70);
    expect(checked).toBeLessThan(130);
  });

  it('[U126] an isolate that cannot reach the object relies on its own checks, and reports them later', async () => {
    const { world, ask } = worldOf(REWORDED);
    world.isObjectUp = false;
    await ask(PLAIN);
    for (const question of FORMS.slice(0, 4)) await ask(question);
    await world.settled();
    expect((await ask(FORMS[4]!)).isHit).toBe(true);
    expect(world.measured()).toEqual([]);
    world.isObjectUp = true;
    world.cacheWorld.nowMs += ROUTE_LIMITS.routesFreshMs;
    await ask('hi, where is my parcel');
    await world.settled();
    expect(world.measured()[0]?.counts).toEqual({ checked: 4, differed: 0 });
  });

  it('[U126] the evidence is of one tenant, and of one version with its rules', async () => {
    const { world, ask } = worldOf(REWORDED);
    await ask(PLAIN);
    for (const question of FORMS.slice(0, 4)) await ask(question);
    await world.settled();
    await ask(PLAIN, { tenant: 'tn_two' });
    expect((await ask(FORMS[0]!, { tenant: 'tn_two' })).outcome).toBe('checked');
    world.version = 2;
    world.cacheWorld.nowMs += ROUTE_LIMITS.routesFreshMs;
    await ask(PLAIN);
    expect((await ask(FORMS[4]!)).outcome).toBe('checked');
    world.policy = { ...REWORDED, check_share: 0.02 };
    world.cacheWorld.nowMs += ROUTE_LIMITS.routesFreshMs;
    expect((await ask('hi, where is my parcel')).outcome).toBe('checked');
    await world.settled();
    expect(world.measured().map(({ route, counts }) => [route, counts.checked])).toEqual([
      ['desk@1', 4],
      ['desk@2', 1],
      ['desk@2', 1],
    ]);
  });
});

describe('[U126] one comparison', () => {
  it.each([REWORDED, VERIFIED])('[U126] counts once where callers share the answer that is compared: %j', async (policy) => {
    const { world, ask } = worldOf(policy);
    const question = policy === REWORDED ? FORMS[0]! : OTHER_WORDS[0]!;
    await ask(PLAIN);
    await Promise.all([ask(question), ask(question), ask(question)]);
    await world.settled();
    expect(world.asked.filter(({ upstream }) => upstream === 'large')).toHaveLength(2);
    expect(world.measured()[0]?.counts).toEqual({ checked: 1, differed: 0 });
  });
});

describe('[U125] an answer in the same form', () => {
  it('[U125] that calls tools, or is a vector, is not given', async () => {
    const { world, ask } = worldOf(trusting(REWORDED));
    const embeds = (input: string) => ask(input, { surface: 'embeddings', body: { input, messages: undefined } });
    await embeds(PLAIN);
    expect((await embeds(FORMS[0]!)).isHit).toBe(false);
    world.calls = [{ index: 0, id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } }];
    for (const asked of [{}, STREAM]) {
      await ask(PLAIN, asked);
      expect((await ask(FORMS[0]!, asked)).isHit).toBe(false);
      expect((await ask(PLAIN, asked)).isHit).toBe(true);
    }
  });

  it('[U151] saves what it was charged, though another call has made it', async () => {
    const { world, ask } = worldOf(trusting(REWORDED));
    await Promise.all([ask(PLAIN), ask(PLAIN)]);
    expect(world.asked).toHaveLength(1);
    expect(await ask(FORMS[0]!)).toMatchObject({ outcome: 'reworded', savedNano: 50, charged: {} });
  });

  it('[U125] is of the tenant and the rest of the request, its tags and purges; streams are for streams', async () => {
    const { world, ask } = worldOf(trusting(REWORDED));
    await ask(PLAIN);
    const others: Asked[] = [
      { tenant: 'tn_two' },
      { body: { temperature: 1 } },
      { prompt: 'reply@2' },
      { terms: { tags: ['a'] } },
      { surface: 'messages', body: { max_tokens: 5 } },
      STREAM,
    ];
    for (const other of others) expect((await ask(FORMS[0]!, other)).isHit).toBe(false);
    expect(outcomeOf(await ask(FORMS[1]!))).toEqual(['reworded', true]);
    expect(outcomeOf(await ask(FORMS[1]!, STREAM))).toEqual(['reworded', true]);
    expect((await ask('Where is my other parcel?')).isHit).toBe(false);
    world.cacheWorld.purge({});
    expect((await ask(FORMS[2]!)).isHit).toBe(false);
  });
});

describe('[U180] an answer near in meaning', () => {
  it('[U180] is given once a verifier accepts it, and names where it is from', async () => {
    const { world, ask } = worldOf(trusting(VERIFIED));
    world.meaning = (question) => (question === PLAIN ? [1, 0] : [0.95, Math.sqrt(1 - 0.95 ** 2)]);
    await ask(PLAIN, { requestId: 'req_plain' });
    const got = await ask(OTHER_WORDS[0]!);
    expect(got).toMatchObject({ outcome: 'verified', isHit: true, savedNano: 50, charged: { judge: 10 } });
    expect(got.candidate).toMatchObject({ requestId: 'req_plain', question: PLAIN, answer: 'In Bern.', confidence: 1 });
    expect(got.candidate?.similarity).toBeCloseTo(0.95, 5);
    expect(got.text).toContain('In Bern.');
    const [prompt] = world.asked.filter(({ upstream }) => upstream === 'judge').map(({ body }) => JSON.stringify(body));
    for (const part of [PLAIN, OTHER_WORDS[0]!, 'In Bern.', '"max_tokens":8']) expect(prompt).toContain(part);
  });

  it.each(['no', 'perhaps'])('[U180] is not given where the verifier says %s, and the verdict is paid for', async (verdict) => {
    const { world, ask } = worldOf(trusting(VERIFIED));
    world.judges = () => verdict;
    await ask(PLAIN);
    expect(await ask(OTHER_WORDS[0]!)).toMatchObject({ outcome: 'rejected', isHit: false, charged: { large: 50, judge: 10 } });
    // The question has its own answer from now on.
    expect(await ask(OTHER_WORDS[0]!)).toMatchObject({ outcome: undefined, isHit: true, charged: {} });
  });

  it('[U181] is not given, nor verified, for a question that differs in a number, a negation or a name', async () => {
    const { world, ask } = worldOf(trusting(VERIFIED));
    await ask('Can I pay 10 francs to Anna?');
    for (const question of ['Can I pay 100 francs to Anna?', "Can't I pay 10 francs to Anna?", 'Can I pay 10 francs to Ben?'])
      expect(outcomeOf(await ask(question))).toEqual([undefined, false]);
    expect(world.asked.map(({ upstream }) => upstream)).not.toContain('judge');
    expect(outcomeOf(await ask('Could I pay 10 francs to Anna?'))).toEqual(['verified', true]);
  });

  const turns = (...before: object[]) => ({ body: { messages: [...before, { role: 'user', content: OTHER_WORDS[0] }] } });

  it.each<[string, Asked]>([
    ['tenant', { tenant: 'tn_two' }],
    ['API', { surface: 'responses', body: { input: OTHER_WORDS[0]!, messages: undefined } }],
    ['prompt', { prompt: 'reply@2' }],
    ['parameter', { body: { temperature: 1 } }],
    ['kind, a stream', STREAM],
    ['tag', { terms: { tags: ['a'] } }],
    ['wish, to be fresh', { terms: { directives: { ...ANY_FRESH, bypass: true } } }],
    ['system prompt', turns({ role: 'system', content: 'Be brief.' })],
    ['turn before', turns({ role: 'user', content: 'Hi' }, { role: 'assistant', content: 'Yes?' })],
    ['number of answers', { body: { n: 2 } }],
  ])('[U180] is not given for another %s', async (_, other) => {
    const { world, ask } = worldOf(trusting(VERIFIED));
    await ask(PLAIN);
    expect(outcomeOf(await ask(OTHER_WORDS[0]!, other))).toEqual([undefined, false]);
    expect(world.asked.map(({ upstream }) => upstream)).toEqual(['large', 'large']);
    expect(outcomeOf(await ask(OTHER_WORDS[1]!))).toEqual(['verified', true]);
  });

  it('[U180] is not given below the similarity, after a purge or its end, or to another model’s vector', async () => {
    const { world, ask } = worldOf(trusting(VERIFIED));
    const isGiven = async (question: string) => (await ask(question)).isHit;
    await ask(PLAIN);
    world.meaning = (question) => (question === 'far' ? [0.89, Math.sqrt(1 - 0.89 ** 2)] : [1, 0]);
    expect(await isGiven('far')).toBe(false);
    expect(await isGiven(OTHER_WORDS[0]!)).toBe(true);
    expect(await isGiven('x'.repeat(COMPLETION_LIMITS.reuseQuestionCharsMax + 1))).toBe(false);
    world.cacheWorld.purge({ model: 'desk' });
    expect(await isGiven(OTHER_WORDS[1]!)).toBe(false);
    expect(await isGiven(OTHER_WORDS[2]!)).toBe(true);
    world.cacheWorld.nowMs += 60_000;
    expect(await isGiven(OTHER_WORDS[3]!)).toBe(false);
    world.policy = { ...trusting(VERIFIED), model: 'newer' };
    world.cacheWorld.nowMs += ROUTE_LIMITS.routesFreshMs;
    expect(await isGiven(OTHER_WORDS[4]!)).toBe(false);
  });

  it('[U180] asks no model where only the cache may answer, and keeps nothing where that is forbidden', async () => {
    const { world, ask } = worldOf(trusting(VERIFIED));
    await ask(PLAIN, { terms: { directives: { ...ANY_FRESH, store: false } } });
    expect(outcomeOf(await ask(OTHER_WORDS[0]!))).toEqual([undefined, false]);
    const before = world.asked.length;
    const cached = await ask(OTHER_WORDS[1]!, { terms: { directives: { ...ANY_FRESH, onlyIfCached: true } } });
    expect(cached).toMatchObject({ text: 'not_cached', embeddingTokens: 0 });
    expect(world.asked).toHaveLength(before);
  });

  it('[U176] [U180] a verifier, an explanation and a comparison show what guardrails let pass', async () => {
    const { world, ask } = worldOf(VERIFIED);
    world.guardrails = [{ kind: 'patterns', name: 'no-codes', on: 'answer', patterns: ['4711'], action: 'mask' }];
    world.says = (question) => `Code K-4711. ${question}`;
    expect((await ask(PLAIN)).text).not.toContain('4711');
    const got = await ask(OTHER_WORDS[0]!);
    await world.settled();
    const prompts = world.asked.filter(({ upstream }) => upstream === 'judge').map(({ body }) => JSON.stringify(body));
    expect([got.outcome, prompts.length]).toEqual(['checked', 2]);
    for (const shown of [...prompts, got.candidate?.answer]) {
      expect(shown).not.toContain('4711');
    }
  });

  it.each<[string, Asked, (question: string) => object]>([
    ['chat', STREAM, (content) => ({ messages: [{ role: 'user', content }] })],
    ['completions', { surface: 'completions', ...STREAM }, (prompt) => ({ prompt, messages: undefined })],
    ['messages', { surface: 'messages', body: { stream: true, max_tokens: 9 } }, (content) => ({ messages: [{ role: 'user', content }] })],
    ['responses', { surface: 'responses', body: { stream: true } }, (input) => ({ input, messages: undefined })],
    ['responses, whole', { surface: 'responses', body: {} }, (input) => ({ input, messages: undefined })],
    ['messages, whole', { surface: 'messages', body: { max_tokens: 9 } }, (content) => ({ messages: [{ role: 'user', content }] })],
  ])('[U180] is replayed with the frames of %s, and the cost of this call', async (_, asked, asks) => {
    const { ask } = worldOf(trusting(VERIFIED));
    const by = (question: string) => ask(question, { ...asked, body: { ...asked.body, ...asks(question) } });
    const first = await by(PLAIN);
    const again = await by(OTHER_WORDS[0]!);
    expect(outcomeOf(again)).toEqual(['verified', true]);
    const cost = /"cost_usd":"([\d.]+)"/;
    expect(again.text.replace(cost, '')).toBe(first.text.replace(cost, ''));
    expect(first.text).toContain('In Bern.');
    // A request, six words to embed, and the verdict; at first a request, four words and the answer.
    const costs = [first, again].flatMap(({ text }) => cost.exec(text)?.[1] ?? []);
    expect([[], ['0.000000280', '0.000000280']]).toContainEqual(costs);
  });

  it('[U173] the vector of an upstream’s model and the verdict are reserved for and charged as themselves', async () => {
    const { world, ask } = worldOf({ ...trusting(VERIFIED), model: 'vectors/m' });
    expect(await ask(PLAIN)).toMatchObject({ charged: { large: 50, vectors: 4 }, embeddingTokens: 0 });
    expect(await ask(OTHER_WORDS[0]!)).toMatchObject({ outcome: 'verified', charged: { vectors: 4, judge: 10 } });
    // The vector alone can be paid: the call is refused, and the vector is charged.
    world.nanoMax = 1_000;
    expect(await ask('What is new?')).toMatchObject({ text: 'insufficient_quota', charged: { vectors: 4 } });
  });

  it('[U180] a model of the deployment is metered by its tokens; without it the call goes on', async () => {
    const { world, ask } = worldOf(trusting(VERIFIED));
    expect(await ask(PLAIN)).toMatchObject({ embeddingTokens: 4, charged: { large: 50 } });
    for (const [at, gone] of [{ model: 'gone' }, { model: 'gone/m' }, { verifier: 'gone/m' }].entries()) {
      world.policy = { ...trusting(VERIFIED), ...gone };
      world.cacheWorld.nowMs += ROUTE_LIMITS.routesFreshMs;
      await ask(PLAIN, { body: { seed: at } });
      expect(outcomeOf(await ask(OTHER_WORDS[0]!, { body: { seed: at } }))).toEqual([undefined, false]);
    }
  });

  it('[U126] a verifier says whether answers in other words are the same; without a verdict none counts', async () => {
    const { world, ask } = worldOf(VERIFIED);
    world.says = (question) => `Your parcel: ${question}`;
    await ask(PLAIN);
    const verdicts = ['yes', 'no', 'perhaps'];
    world.judges = (prompt) => (prompt.includes('First answer') ? (verdicts.shift() ?? 'yes') : 'yes');
    const counts = [];
    for (const question of OTHER_WORDS.slice(0, 3)) {
      expect((await ask(question)).outcome).toBe('checked');
      await world.settled();
      counts.push(world.measured()[0]?.counts);
    }
    expect(counts).toEqual([
      { checked: 1, differed: 0 },
      { checked: 2, differed: 1 },
      { checked: 2, differed: 1 },
    ]);
  });
});

describe('[U182] a candidate', () => {
  it('[U182] is named beside a fresh answer, and given to callers that accept it once the bound permits', async () => {
    const { world, ask } = worldOf(CANDIDATE);
    await ask(PLAIN, { requestId: 'req_plain' });
    for (const question of OTHER_WORDS.slice(0, 4)) {
      const got = await ask(question, { acceptsCandidate: true });
      expect(got).toMatchObject({ outcome: 'offered', isHit: false, charged: { large: 50 }, candidate: { answer: 'In Bern.' } });
    }
    await world.settled();
    expect(world.measured()).toMatchObject([{ kind: 'candidate', counts: { checked: 4, differed: 0 } }]);
    expect(outcomeOf(await ask(OTHER_WORDS[4]!))).toEqual(['offered', false]);
    const given = await ask('who lost my parcel', { acceptsCandidate: true });
    expect(given).toMatchObject({ outcome: 'candidate', isHit: true, charged: {}, savedNano: 50 });
    expect(world.asked.map(({ upstream }) => upstream)).not.toContain('judge');
  });

  it('[U182] that is often wrong is given to no caller', async () => {
    const { world, ask } = worldOf(CANDIDATE);
    world.says = (question) => question;
    await ask(PLAIN);
    for (const question of OTHER_WORDS) expect((await ask(question, { acceptsCandidate: true })).isHit).toBe(false);
    await world.settled();
    // After four, the bound could permit reuse, and does not.
    expect(world.measured()[0]?.counts).toEqual({ checked: 4, differed: 4 });
    expect((await ask('who lost my parcel', { acceptsCandidate: true })).isHit).toBe(false);
  });
});
