import { describe, expect, it } from 'vitest';

import { compileHooks } from '../../../src/upstreams/guardrails/compiled-hook.ts';
import type { Ask } from '../../../src/upstreams/guardrails/guard.ts';
import { Guard } from '../../../src/upstreams/guardrails/guard.ts';
import { GUARD_WINDOW_CHARS, GuardedText } from '../../../src/upstreams/guardrails/guarded-text.ts';
import type { Hook } from '../../../src/contract/guardrails/guardrails.ts';
import { PII_KINDS } from '../../../src/contract/guardrails/guardrails.ts';
import { saidIn } from '../../../src/upstreams/guardrails/body-texts.ts';
import { GUARDRAIL_LIMITS } from '../../../src/contract/guardrails/guardrail-limits.ts';
import type { ClassifierHook } from '../../../src/upstreams/guardrails/judge-classes.ts';
import { countAbove, countModerated, isOfUpstream, piecesOf, strangeLabel } from '../../../src/upstreams/guardrails/judge-classes.ts';
import { must } from '../../../src/kernel/assert.ts';
import { unpacedWork } from '../../support/upstreams/unpaced-work.ts';
import { parseUpstreamHosts } from '../../../src/upstreams/upstream-host.ts';
import { PatternSet } from '../../../src/upstreams/guardrails/pattern-set.ts';

const NEVER: Ask = () => expect.unreachable();

const HOSTS = must(parseUpstreamHosts(), 'no lists');
const compile = (hooks: readonly Hook[]) => compileHooks({ policy: { name: 'house', owner: 'platform', hooks }, hosts: HOSTS });

function guardOf(hooks: readonly Hook[], ask: Ask = NEVER): Guard {
  const compiled = compile(hooks);
  if (!compiled.ok) throw new Error(compiled.error.message);
  let nowMs = 0;
  return new Guard({ hooks: compiled.value, ask, clock: { nowMs: () => (nowMs += 1) }, work: unpacedWork() });
}

const pii = (more: Partial<Extract<Hook, { kind: 'pii' }>> = {}): Hook => ({
  kind: 'pii',
  name: 'people',
  on: 'both',
  pii: [...PII_KINDS],
  action: 'mask',
  restores: true,
  ...more,
});
const patterns = (list: string[], action: 'block' | 'mask' | 'flag' = 'block'): Hook => ({
  kind: 'patterns',
  name: 'words',
  on: 'both',
  patterns: list,
  action,
});
const chat = (content: string) => ({ model: 'gpt', messages: [{ role: 'user', content }] });
const reply = (content: string) => ({ id: 'c1', choices: [{ index: 0, message: { role: 'assistant', content } }] });

describe('regular expressions of a guardrail', () => {
  it('[U111] are those of RE2: linear, without look-behind or back-reference, never of the empty text', async () => {
    for (const pattern of ['(?<=a)b', String.raw`(a)\1`, '(', 'a*'])
      expect(PatternSet.compile([pattern], ['hooks', 0, 'patterns'])).toMatchObject({
        ok: false,
        error: { code: 'invalid_value', path: ['hooks', 0, 'patterns', 0] },
      });
    const evil = PatternSet.compile(['(a+)+$'], []);
    expect(evil.ok && (await evil.value.find(`${'a'.repeat(50_000)}!`, unpacedWork()))).toEqual([]);
  });

  it('[U111] find the first of overlapping matches, and of those the longest', async () => {
    const set = PatternSet.compile(['bc', 'abcd', 'ab'], []);
    const found = set.ok ? await set.value.find('xabcdbc', unpacedWork()) : undefined;
    expect(found?.map(({ start, end }) => [start, end])).toEqual([
      [1, 5],
      [5, 7],
    ]);
  });
});

describe('a guard', () => {
  it('[U110] is found and masked in time linear in the text', async () => {
    const count = 100_000;
    const text = Array.from({ length: count }, (_, at) => `u${at}@b.com`).join(' ');
    const sent = await guardOf([pii()]).request(chat(text));
    expect(sent.ok && sent.value.messages[0]?.content.endsWith(`[EMAIL_${count}]`)).toBe(true);
  });

  it('[U113] blocks, and names policy and hook but not what was found', async () => {
    const guard = guardOf([patterns(['secret plan'])]);
    const blocked = await guard.request(chat('the secret plan'));
    expect(blocked).toMatchObject({ ok: false, error: { code: 'guardrail_blocked' } });
    expect(JSON.stringify(blocked)).toMatch(/house.*words/);
    expect(JSON.stringify(blocked)).not.toContain('secret plan');
    expect(guard.takeRecords()).toEqual([{ policy: 'house', hook: 'words', side: 'request', outcome: 'blocked', count: 1, elapsedMs: 1 }]);
  });

  it('[U115] masks a request, the same text by the same mask, and puts it back into the answer', async () => {
    const guard = guardOf([pii()]);
    const sent = await guard.request(chat('a@b.com, c@d.com and a@b.com'));
    expect(sent.ok && sent.value.messages[0]?.content).toBe('[EMAIL_1], [EMAIL_2] and [EMAIL_1]');
    const answered = await guard.answer(reply('ask [EMAIL_2], not [EMAIL_7] or new@e.com'));
    expect(answered.ok && answered.value.choices[0]?.message.content).toBe('ask c@d.com, not [EMAIL_7] or [EMAIL_3]');
  });

  it('[U115] puts nothing back that is to stay masked, and takes no word of the caller for a mask', async () => {
    const guard = guardOf([pii({ restores: false })]);
    const sent = await guard.request(chat('[EMAIL_1] is a@b.com'));
    expect(sent.ok && sent.value.messages[0]?.content).toBe('[EMAIL_1] is [EMAIL_2]');
    const answered = await guard.answer(reply('[EMAIL_1] [EMAIL_2]'));
    expect(answered.ok && answered.value.choices[0]?.message.content).toBe('[EMAIL_1] [EMAIL_2]');
  });

  it('[U113] flags and lets pass; hooks look at their side only, in their order', async () => {
    const guard = guardOf([patterns(['x'], 'flag'), { ...patterns(['y']), on: 'answer' }]);
    expect(await guard.request(chat('x y'))).toEqual({ ok: true, value: chat('x y') });
    expect((await guard.answer(reply('x y'))).ok).toBe(false);
    expect(guard.takeRecords().map(({ side, outcome }) => `${side} ${outcome}`)).toEqual([
      'request flagged',
      'answer flagged',
      'answer blocked',
    ]);
  });

  it('[U116] holds answers to a JSON schema, and refuses a policy whose schema is none', async () => {
    const schema = { type: 'object', required: ['city'], properties: { city: { type: 'string' } }, additionalProperties: false };
    const guard = guardOf([{ kind: 'json-schema', name: 'shape', on: 'answer', schema, action: 'block' }]);
    expect(guard.answerNeed).toBe('whole');
    expect((await guard.answer(reply('{"city":"Bern"}'))).ok).toBe(true);
    expect((await guard.answer(reply('{"city":1}'))).ok).toBe(false);
    expect((await guard.answer(reply('no JSON'))).ok).toBe(false);
    const bad = compile([{ kind: 'json-schema', name: 's', on: 'answer', schema: { $ref: '#/none' }, action: 'block' }]);
    expect(bad).toMatchObject({ ok: false, error: { path: ['guardrails', 0, 'schema'] } });
  });

  it('[U117] a webhook that does not answer lets pass or blocks as its policy says', async () => {
    const webhook = (onFailure: 'pass' | 'block'): Hook => ({
      kind: 'webhook',
      name: 'w',
      on: 'request',
      url: 'https://guard.example.com/judge',
      timeout_ms: 1,
      on_failure: onFailure,
    });
    const silent: Ask = () => Promise.resolve(undefined);
    expect((await guardOf([webhook('pass')], silent).request(chat('x'))).ok).toBe(true);
    expect((await guardOf([webhook('block')], silent).request(chat('x'))).ok).toBe(false);
    const seen: (readonly string[])[] = [];
    const asked: Ask = (_, __, texts) => {
      seen.push(texts);
      return Promise.resolve({ count: 1 });
    };
    expect((await guardOf([webhook('pass')], asked).request(chat('x'))).ok).toBe(false);
    expect(seen).toEqual([['x']]);
  });
});

describe('a classifier', () => {
  const hook = (more: Partial<ClassifierHook> = {}): ClassifierHook => ({
    kind: 'classifier',
    name: 'c',
    on: 'both',
    model: 'toxicity',
    thresholds: { toxic: 0.5, threat: 0.25 },
    action: 'block',
    timeout_ms: 1,
    on_failure: 'block',
    ...more,
  });

  it.each([
    ['block', { count: 0, tokens: 7 }, true, 'passed'],
    ['block', { count: 2, tokens: 7 }, false, 'blocked'],
    ['flag', { count: 2, tokens: 7 }, true, 'flagged'],
  ] as const)('[U119] whose action is %s does with %j so', async (action, found, isPassed, outcome) => {
    const guard = guardOf([hook({ action })], () => Promise.resolve(found));
    expect(guard.answerNeed).toBe('whole');
    expect((await guard.request(chat('x'))).ok).toBe(isPassed);
    expect(guard.takeRecords()).toEqual([{ policy: 'house', hook: 'c', side: 'request', outcome, ...found, elapsedMs: 1 }]);
    expect((await guard.answer(reply('x'))).ok).toBe(isPassed);
  });

  it('[U119] that gives no verdict lets pass or blocks as its policy says', async () => {
    const silent: Ask = () => Promise.resolve(undefined);
    expect((await guardOf([hook({ on_failure: 'pass', action: 'flag' })], silent).request(chat('x'))).ok).toBe(true);
    expect((await guardOf([hook({ action: 'flag' })], silent).request(chat('x'))).ok).toBe(false);
  });

  it('[U119] objects where the score of a label reaches its threshold, piece by piece', () => {
    const labels = ['fine', 'toxic', 'threat'];
    const above = (...scores: number[]) => countAbove({ labels, scores: Float32Array.from(scores) }, hook().thresholds);
    expect(above(1, 0.49, 0.24)).toBe(0);
    expect(above(0, 0.5, 0)).toBe(1);
    expect(above(0, 0, 0.25, 1, 0, 0, 0, 1, 1)).toBe(2);
    expect([strangeLabel(hook(), labels), strangeLabel(hook(), ['fine', 'toxic'])]).toEqual([undefined, 'threat']);
  });

  it('[U177] objects where a category reaches its threshold, and has no verdict unless each text has one', () => {
    const answer = (...scores: object[]) => JSON.stringify({ results: scores.map((one) => ({ category_scores: one })) });
    const of = (text: string, pieces = 1) => countModerated(text, pieces, hook().thresholds);
    expect(of(answer({ toxic: 0.49, threat: 0.24, other: 1 }))).toEqual({ count: 0 });
    expect(of(answer({ toxic: 0.5, threat: 0 }, { toxic: 0, threat: 0 }, { toxic: 0, threat: 0.25 }), 3)).toEqual({ count: 2 });
    for (const text of ['', '[]', '{"results":1}', answer({ toxic: 0.9 }), answer({ toxic: '1', threat: 1 }), '{"results":[1]}'])
      expect(of(text), text).toBeUndefined();
    expect(of(answer({ toxic: 0, threat: 0 }), 2)).toBeUndefined();
    expect([isOfUpstream(hook()), isOfUpstream(hook({ model: 'openai/omni' }))]).toEqual([false, true]);
  });

  it('[U119] reads all of a long text, and what stands where pieces meet whole', () => {
    const text = Array.from({ length: 300 }, (_, at) => `w${at} é`).join(' ');
    const pieces = piecesOf(['  ', 'short', text], 64) ?? [];
    expect(pieces[0]).toBe('short');
    for (const piece of pieces) expect(Buffer.byteLength(piece)).toBeLessThanOrEqual(128);
    for (let at = 0; at + 12 <= text.length; at += 1) {
      const part = text.slice(at, at + 12);
      expect(
        pieces.some((piece) => piece.includes(part)),
        part,
      ).toBe(true);
    }
    const most = 'x'.repeat(20);
    expect(
      piecesOf(
        Array.from({ length: GUARDRAIL_LIMITS.guardrailPiecesMaxCount }, () => most),
        64,
      ),
    ).toHaveLength(GUARDRAIL_LIMITS.guardrailPiecesMaxCount);
    expect(
      piecesOf(
        Array.from({ length: GUARDRAIL_LIMITS.guardrailPiecesMaxCount + 1 }, () => most),
        64,
      ),
    ).toBeUndefined();
    expect(piecesOf(['x'.repeat(1_000_000)], 64)).toBeUndefined();
  });
});

describe('what a guardrail may ask for', () => {
  const schemaHook = (schema: Record<string, unknown>): Hook => ({ kind: 'json-schema', name: 's', on: 'answer', schema, action: 'block' });
  const doubling = Object.fromEntries(
    Array.from({ length: 40 }, (_, n) => [`a${n}`, { allOf: [{ $ref: `#/$defs/a${n + 1}` }, { $ref: `#/$defs/a${n + 1}` }] }]),
  );

  it.each([
    ['a pattern that could search for ever', { properties: { a: { type: 'string', pattern: '(a+)+$' } } }],
    ['names by pattern', { patternProperties: { '(a+)+$': {} } }],
    ['a reference to itself', { $defs: { a: { items: { $ref: '#/$defs/a' } } }, $ref: '#/$defs/a' }],
    ['references that double', { $defs: { ...doubling, a40: {} }, $ref: '#/$defs/a0' }],
    ['a dynamic reference', { $dynamicRef: '#a' }],
  ])('[U116] refuses a schema that could take without bounds: %s', (_, schema) => {
    expect(compile([schemaHook(schema)])).toMatchObject({ error: { code: 'invalid_value', path: ['guardrails', 0, 'schema'] } });
  });

  it('[U116] takes schemas as libraries write them, with definitions, up to a size', async () => {
    const schema = { $defs: { City: { type: 'object', properties: { pattern: { type: 'string' } } } }, $ref: '#/$defs/City' };
    expect((await guardOf([schemaHook(schema)]).answer(reply('{"pattern":"x"}'))).ok).toBe(true);
    expect((await guardOf([schemaHook(schema)]).answer(reply('{"pattern":1}'))).ok).toBe(false);
    expect(compile([schemaHook({ description: 'x'.repeat(20_000) })])).toMatchObject({ error: { code: 'limit_exceeded' } });
  });

  it('[U117] asks only servers that operators allow', () => {
    const at = (url: string): Hook => ({ kind: 'webhook', name: 'w', on: 'both', url, timeout_ms: 1, on_failure: 'block' });
    expect(compile([at('https://guard.example.com/judge')]).ok).toBe(true);
    for (const url of ['http://guard.example.com', 'https://10.0.0.1/', 'https://169.254.169.254/latest'])
      expect(compile([at(url)])).toMatchObject({ error: { code: 'address_denied', path: ['guardrails', 0, 'url'] } });
  });

  it('[U116] judges what a model answers, not what it thinks or calls tools with', () => {
    expect(
      saidIn({
        content: [
          { type: 'thinking', thinking: 'a' },
          { type: 'text', text: 'b' },
          { type: 'tool_use', input: { x: 'c' } },
        ],
        output: [{ type: 'reasoning', summary: [{ type: 'summary_text', text: 'd' }] }],
        choices: [{ message: { content: 'e', refusal: 'f', tool_calls: [{ function: { arguments: 'g' } }] } }],
      }),
    ).toEqual(['b', 'e']);
  });
});

describe('a stream under a guard', () => {
  const through = async (guard: Guard, pieces: readonly string[]): Promise<string> => {
    const text = new GuardedText(guard);
    let passed = '';
    for (const piece of pieces) passed += (await text.push(piece)).text;
    return guard.restored(passed + (await text.end()).text, false);
  };

  it('[U114] holds back a window, so that what is split between pieces is found', async () => {
    const guard = guardOf([pii()]);
    await guard.request(chat('a@b.com'));
    expect(guard.answerNeed).toBe('window');
    expect(await through(guard, ['to [EMA', 'IL_1] and ne', 'w@', 'e.com', '!'])).toBe('to a@b.com and [EMAIL_2]!');
    const text = new GuardedText(guardOf([pii()]));
    expect((await text.push('x'.repeat(GUARD_WINDOW_CHARS))).text).toBe('');
    expect((await text.push('yy')).text).toBe('xx');
  });

  it('[U114] masks what is found as a whole, also if it contains what could begin a mask', async () => {
    const guard = guardOf([patterns([String.raw`<\[[0-9]{4,}>`], 'mask')]);
    const text = `${'x'.repeat(20)}<[123456>${'y'.repeat(GUARD_WINDOW_CHARS + 6)}`;
    expect(await through(guard, [text])).toBe(text.replace('<[123456>', '[MATCH_1]'));
  });

  it('[U114] blocks before any of what is found has passed', async () => {
    const guard = guardOf([patterns(['forbidden'])]);
    const text = new GuardedText(guard);
    const passed = [];
    for (const piece of 'all is well until the forbidden word') passed.push(await text.push(piece));
    expect(passed.at(-1)?.blocked).toBeUndefined();
    const sooner = passed.findIndex(({ blocked }) => blocked !== undefined);
    expect(sooner).toBe(-1);
    expect((await text.end()).blocked?.name).toBe('words');
    const long = new GuardedText(guard);
    expect(await long.push(`forbidden ${'x'.repeat(GUARD_WINDOW_CHARS)}`)).toMatchObject({ text: '', blocked: { name: 'words' } });
  });
});
