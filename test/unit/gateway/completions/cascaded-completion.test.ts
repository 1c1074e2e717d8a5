import { describe, expect, it } from 'vitest';

import type { Hook } from '../../../../src/contract/guardrails/guardrails.ts';
import { ROUTE_LIMITS } from '../../../../src/contract/routes/route-limits.ts';
import { routeText } from '../../../../src/upstreams/route-text.ts';
import type { Outcome } from '../../../support/upstreams/cascade-world.ts';
import { CascadeWorld } from '../../../support/upstreams/cascade-world.ts';

const SURE = -0.1;
const UNSURE = -1;
const by = (logprob: number) => (upstream: string) => ({ text: upstream === 'small' ? 'yes it is' : 'no it is not', logprob });

const cascadeOf = ({ served }: Outcome) => (served.ok ? served.value.cascade : served.error.refusal);
const servedBy = ({ served }: Outcome) => (served.ok ? served.value.target.upstream : served.error.refusal.code);

describe('[U170] a cascade', () => {
  it.each([false, true])('[U170] keeps a sure answer and escalates an unsure one, streamed: %s', async (stream) => {
    const world = new CascadeWorld();
    world.say = by(SURE);
    const sure = await world.call({ stream });
    expect([servedBy(sure), cascadeOf(sure)]).toEqual([
      'small',
      { answer: 'student', why: 'confident', confidence: Math.exp(SURE), threshold: 0.8 },
    ]);
    expect(sure.text).toContain('yes it is');
    expect(world.asked.map(({ upstream }) => upstream)).toEqual(['small']);
    world.say = by(UNSURE);
    const unsure = await world.call({ stream });
    expect([servedBy(unsure), cascadeOf(unsure)]).toMatchObject(['large', { answer: 'teacher', why: 'unsure' }]);
    expect(unsure.text).toContain('no it is not');
    expect(unsure.text).not.toContain('yes it is');
    expect(world.ends).toEqual([false, false]);
    expect(world.counted()).toMatchObject({ requests: 2, escalated: 1, capped: 0, shadows: 0 });
  });

  it('[U171] asks for probabilities of tokens and takes them out, unless the caller has asked for them', async () => {
    for (const stream of [false, true]) {
      const world = new CascadeWorld();
      expect((await world.call({ stream })).text).not.toContain('-0.1');
      expect((await world.call({ stream, logprobs: true })).text).toContain('-0.1');
      expect(world.asked.map(({ body }) => body['logprobs'])).toEqual([true, true]);
    }
    const world = new CascadeWorld();
    world.say = () => ({ text: 'yes' });
    // A student that reports none is unsure.
    expect(cascadeOf(await world.call())).toMatchObject({ answer: 'teacher', why: 'unsure', confidence: Number.NaN });
    expect(world.asked[1]?.body).not.toHaveProperty('logprobs');
  });

  it('[U171] takes the verdict of a schema, of a model that says yes or no, and its absence as unsure', async () => {
    const schema = { type: 'object' };
    const judged = new CascadeWorld({
      choice: { confidence: { kind: 'json-schema', schema } },
      accepts: (given, text) => Promise.resolve(given === schema && text === '{}'),
    });
    judged.say = (upstream) => ({ text: upstream === 'small' ? '{}' : 'no' });
    expect(cascadeOf(await judged.call())).toMatchObject({ why: 'confident', confidence: 1 });
    judged.say = () => ({ text: '[' });
    expect(cascadeOf(await judged.call())).toMatchObject({ why: 'unsure', confidence: 0 });
    const unreachable = new CascadeWorld({ choice: { confidence: { kind: 'json-schema', schema } } });
    expect(cascadeOf(await unreachable.call())).toMatchObject({ why: 'unsure', confidence: Number.NaN });

    const verified = new CascadeWorld({ choice: { confidence: { kind: 'verifier', target: 'judge/m' } } });
    const verdicts: [string, number][] = [
      ['Yes.', Math.exp(-0.2)],
      ['no', 1 - Math.exp(-0.2)],
      ['perhaps', Number.NaN],
    ];
    for (const [verdict, confidence] of verdicts) {
      verified.say = (upstream) => (upstream === 'judge' ? { text: verdict, logprob: -0.2 } : { text: 'it is so' });
      const outcome = await verified.call();
      expect(cascadeOf(outcome)).toMatchObject({ confidence });
      expect(outcome.charged).toMatchObject({ small: 5, judge: 10 });
    }
    expect(JSON.stringify(verified.asked.find(({ upstream }) => upstream === 'judge')?.body)).toContain('is it so?');
  });

  it.each([false, true])('[U176] a verifier reads of an answer what the hooks let pass, masked (stream: %s)', async (stream) => {
    const choice = { confidence: { kind: 'verifier', target: 'judge/m' } } as const;
    const people: Hook = { kind: 'pii', name: 'people', on: 'both', pii: ['email'], action: 'mask', restores: true };
    const words: Hook = { kind: 'patterns', name: 'words', on: 'answer', patterns: ['secret'], action: 'block' };
    const world = new CascadeWorld({ choice, hooks: [people, words] });
    const shown = () => JSON.stringify(world.asked.filter(({ upstream }) => upstream === 'judge').map(({ body }) => body));
    world.say = (upstream) => ({ text: upstream === 'judge' ? 'yes' : '[EMAIL_1] knows c@d.com', logprob: -0.1 });
    const messages = [{ role: 'user', content: 'who is a@b.com?' }];
    const outcome = await world.call({ messages, stream });
    expect(servedBy(outcome)).toBe('small');
    expect(shown()).toContain('[EMAIL_1] knows [EMAIL_2]');
    expect(shown()).not.toMatch(/a@b\.com|c@d\.com/);
    expect(outcome.text, 'the caller gets back what was its own').toContain('a@b.com knows [EMAIL_2]');
    world.asked.length = 0;
    world.say = (upstream) => ({ text: upstream === 'small' ? 'the secret' : 'taught', logprob: -0.1 });
    expect(cascadeOf(await world.call({ messages, stream }))).toMatchObject({ answer: 'teacher', confidence: Number.NaN });
    expect(shown()).toBe('[]');
  });

  it('[U172] passes on an answer that is too long to be held, from its beginning, and says so', async () => {
    const world = new CascadeWorld();
    const long = 'x'.repeat(ROUTE_LIMITS.cascadeHeldBytesMax + 1);
    world.say = () => ({ text: long, logprob: UNSURE });
    const outcome = await world.call({ stream: true });
    expect([servedBy(outcome), cascadeOf(outcome)]).toMatchObject(['small', { answer: 'student', why: 'too-long' }]);
    expect(outcome.text).toContain(long);
    expect(outcome.text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(world.asked).toHaveLength(1);
    expect(world.ends).toEqual([false]);
    // What breaks off later is a failure of the route, as without a cascade.
    world.say = () => ({ text: long, logprob: UNSURE, breaks: true });
    expect((await world.call({ stream: true })).text).toContain('error');
    expect(world.ends).toEqual([false, true]);
  });

  it.each([false, true])('[U170] the teacher stands in for a student without an answer, streamed: %s', async (stream) => {
    const world = new CascadeWorld({ choice: { escalated_share_max: 0 } });
    world.say = (upstream) => (upstream === 'small' ? { status: 503 } : { text: 'taught' });
    const outcome = await world.call({ stream });
    expect([servedBy(outcome), cascadeOf(outcome)]).toMatchObject(['large', { answer: 'teacher', why: 'student-failed' }]);
    expect(outcome.charged).toEqual({ large: 50 });
  });

  it('[U170] a stream of the student that breaks off while it is held is none', async () => {
    const world = new CascadeWorld({ choice: { escalated_share_max: 0 } });
    world.say = (upstream) => (upstream === 'small' ? { text: 'yes', logprob: SURE, breaks: true } : { text: 'taught' });
    const outcome = await world.call({ stream: true });
    expect(cascadeOf(outcome)).toMatchObject({ answer: 'teacher', why: 'student-failed' });
    expect(outcome.text).toContain('taught');
    expect(outcome.text).not.toContain('error');
    expect(Object.keys(outcome.charged)).toEqual(['large', 'small']);
  });

  it("[U170] the student's answer stands where the teacher has none, or cannot be paid", async () => {
    const world = new CascadeWorld();
    world.say = (upstream) => (upstream === 'small' ? { text: 'yes', logprob: UNSURE } : { status: 503 });
    const failed = await world.call();
    expect([servedBy(failed), cascadeOf(failed)]).toMatchObject(['small', { answer: 'student', why: 'teacher-failed' }]);
    expect(failed.served.ok && failed.served.value.attempts.length).toBeGreaterThan(1);
    expect(world.ends).toEqual([false]);
    const poor = new CascadeWorld({ nanoMax: 3_000 });
    poor.say = by(UNSURE);
    const unpaid = await poor.call();
    expect([servedBy(unpaid), cascadeOf(unpaid)]).toMatchObject(['small', { answer: 'student', why: 'unpaid' }]);
    expect(poor.asked.map(({ upstream }) => upstream)).toEqual(['small']);
  });

  it('[U170] a request that is refused as such is not asked of the teacher', async () => {
    const world = new CascadeWorld({ choice: { confidence: { kind: 'verifier', target: 'judge/m' } } });
    world.say = () => ({ status: 422 });
    expect(servedBy(await world.call())).toBe('upstream_rejected');
    expect(world.asked).toHaveLength(1);
  });

  it('[U170] a student that rejects the probabilities that only Sluice asks for has no answer', async () => {
    const world = new CascadeWorld();
    world.say = (_, body) => (body['logprobs'] === true ? { status: 400 } : { text: 'taught' });
    expect(cascadeOf(await world.call())).toMatchObject({ answer: 'teacher', why: 'student-failed' });
    // These are the caller's own.
    expect(servedBy(await world.call({ logprobs: true }))).toBe('upstream_rejected');
  });

  it('[U170] what its confidence says nothing of is asked of the teacher alone', async () => {
    const world = new CascadeWorld({ choice: { confidence: { kind: 'top-score' } } });
    const outcome = await world.call();
    expect([servedBy(outcome), cascadeOf(outcome)]).toEqual(['large', undefined]);
  });
});

describe('[U173] money and what is said of it', () => {
  it('[U173] a stream says what all of its models have cost, and the header says why it was escalated', async () => {
    const world = new CascadeWorld();
    world.say = by(UNSURE);
    const asked = { stream: true, stream_options: { include_usage: true } };
    const outcome = await world.call(asked);
    // 5 tokens at 10 and at 1, and 150 for the request.
    expect(outcome.text).toContain('"sluice":{"cost_usd":"0.000000205"}');
    expect(outcome.charged).toEqual({ large: 50, small: 5 });
    expect(outcome.served.ok && routeText(outcome.served.value)).toBe(
      'large/m; attempts=2; reason=default; cascade=unsure; confidence=0.368; threshold=0.800',
    );
    const { cascade: _, ...cached } = outcome.served.ok ? { ...outcome.served.value, attempts: [] } : expect.unreachable();
    expect(routeText(cached)).toBe('large/m; attempts=0; reason=default');
    world.say = by(SURE);
    expect((await world.call(asked)).text).toContain('"sluice":{"cost_usd":"0.000000155"}');
  });
});

describe('[U174] what is measured', () => {
  it('[U174] compares the answers of what is escalated, and of a share of what is kept', async () => {
    const world = new CascadeWorld({ choice: { shadow_share: 1 } });
    world.say = by(UNSURE);
    await world.call();
    expect(world.counted()).toMatchObject({ escalated: 1, shadows: 0, shadowNano: 0 });
    world.say = by(SURE);
    const kept = await world.call({ stream: true, stream_options: {} });
    expect(servedBy(kept)).toBe('small');
    const [shadow] = await Promise.all(world.shadows);
    expect([shadow?.served.ok, shadow?.nano]).toEqual([true, 50]);
    expect(shadow?.reservedNano).toBeGreaterThan(50);
    expect(world.asked.at(-1)?.body).toMatchObject({ model: 'large-m' });
    expect(world.asked.at(-1)?.body).not.toHaveProperty('stream');
    expect(world.asked.at(-1)?.body).not.toHaveProperty('stream_options');
    const counts = world.counted();
    expect(counts).toMatchObject({ requests: 1, escalated: 0, shadows: 1, shadowNano: 50 });
    // `yes it is` and `no it is not` have two words in common.
    expect(counts?.outcomes[Math.floor(Math.exp(SURE) * 64)]).toBe(1);
    expect(counts?.qualities[Math.floor(Math.exp(SURE) * 64)]).toBeCloseTo((2 * 2) / 7);
    const silent = new CascadeWorld({ choice: { shadow_share: 0 } });
    await silent.call();
    expect(silent.shadows).toEqual([]);
  });

  it('[U174] a quality becomes the confidence at which the curve of the route expects it', async () => {
    const choice = { threshold: { quality: 0.9 } };
    const calibrated = new CascadeWorld({ choice, curve: { scores: [0, 0.5], qualities: [0.4, 0.95], outcomes: 100 } });
    expect(cascadeOf(await calibrated.call())).toMatchObject({ why: 'confident', threshold: 0.5 });
    expect(cascadeOf(await new CascadeWorld({ choice }).call())).toMatchObject({ why: 'unsure', threshold: Infinity });
  });
});
