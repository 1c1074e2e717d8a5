import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { GUARDRAIL_LIMITS } from '../../../src/contract/guardrails/guardrail-limits.ts';
import type { Hook } from '../../../src/contract/guardrails/guardrails.ts';
import { PII_KINDS } from '../../../src/contract/guardrails/guardrails.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import type { WorkBounds } from '../../../src/kernel/stepped-work.ts';
import { SteppedWork } from '../../../src/kernel/stepped-work.ts';
import { compileHooks } from '../../../src/upstreams/guardrails/compiled-hook.ts';
import { findPii } from '../../../src/upstreams/guardrails/find-pii.ts';
import { GUARD_WORK, GuardSession } from '../../../src/upstreams/guardrails/guard-session.ts';
import { piiInWindows } from '../../../src/upstreams/guardrails/pii-windows.ts';
import { effort } from '../../support/fixtures/effort.ts';

const KIB = 1024;
const { guardrailStepUnitsMax: STEP_MAX, guardrailUnitsMax: UNITS_MAX } = GUARDRAIL_LIMITS;

/** Guardrails of one call, and the units of each of its steps. */
function session(hooks: readonly Hook[], unitsMax: number = UNITS_MAX) {
  const compiled = compileHooks({ policy: { name: 'desk@1', owner: 'platform', hooks }, hosts: { allowed: [], local: [] } });
  if (!compiled.ok) throw new Error(compiled.error.message);
  const steps: number[] = [];
  const turn = async (units: number) => void steps.push(units);
  const guard = new GuardSession({
    hooks: compiled.value,
    ask: () => expect.unreachable(),
    clock: { nowMs: () => 0 },
    turn,
    bounds: { ...GUARD_WORK, unitsMax },
  });
  return { guard, steps };
}

const patterns = (list: string[], count = 1): Hook[] =>
  Array.from({ length: count }, (_, at) => ({ kind: 'patterns', name: `p${at}`, on: 'both', patterns: list, action: 'mask' }));
const schema = (of: object): Hook[] => [{ kind: 'json-schema', name: 's', on: 'answer', schema: { ...of }, action: 'block' }];
const PII: Hook[] = [{ kind: 'pii', name: 'pii', on: 'both', pii: [...PII_KINDS], action: 'mask', restores: true }];
const request = (content: string) => ({ messages: [{ role: 'user', content }] });
const reply = (content: string) => JSON.stringify({ choices: [{ message: { content } }] });
const numbers = (count: number) => JSON.stringify(Array.from({ length: count }, (_, at) => at));
/** Twice as many schemas with each level. */
const doubled = (levels: number) => {
  const $defs: Record<string, object> = { d0: { maxLength: 9 } };
  for (let level = 1; level <= levels; level += 1)
    $defs[`d${level}`] = { allOf: [{ $ref: `#/$defs/d${level - 1}` }, { $ref: `#/$defs/d${level - 1}` }] };
  return { $defs, items: { $ref: `#/$defs/d${levels}` } };
};

/** The worst that is accepted of each kind, and whether it is judged to its end. */
const WORST: readonly (readonly [what: string, hooks: Hook[], side: 'request' | 'answer', text: string, isJudged: boolean])[] = [
  ['patterns that look on behind each match', patterns(['a.*b|a'], 16), 'request', 'a'.repeat(32 * KIB), true],
  ['patterns of as many threads as a version may have', patterns(['(?:a?){100}b'], 16), 'request', 'a'.repeat(KIB), true],
  ['the same for longer than a call may take', patterns([String.raw`[\s\S]{0,1000}b`], 8), 'request', 'a'.repeat(64 * KIB), false],
  ['patterns of many short texts', patterns(['b'], 16), 'request', 'b '.repeat(32 * KIB), true],
  ['masks that all differ', patterns(['[0-9]{6}']), 'request', Array.from({ length: 20_000 }, (_, at) => 100_000 + at).join(''), true],
  ['personal data whose candidates overlap', PII, 'request', '1 A1 a@a.'.repeat(32 * KIB), true],
  ['items that are to be distinct', schema({ uniqueItems: true }), 'answer', numbers(30_000), true],
  ['distinct items within each other', schema({ uniqueItems: true, items: { uniqueItems: true } }), 'answer', `[${numbers(30_000)}]`, true],
  ['schemas within each other', schema(doubled(8)), 'answer', numbers(500), true],
  ['the same for longer than a call may take', schema(doubled(9)), 'answer', numbers(40_000), false],
  ['lists of values', schema({ items: { anyOf: [{ enum: numbers(2_000).match(/\d+/g) }, true] } }), 'answer', numbers(2_000), true],
  ['a text that is measured', schema({ maxLength: 9 }), 'answer', JSON.stringify('é'.repeat(1_000 * KIB)), true],
];

describe('hooks for one call', () => {
  it.each(WORST)('[U198] end, in steps of bounded length: %s', async (_, hooks, side, text, isJudged) => {
    // Those that go on for longer are cut off by a smaller bound, to spare time.
    const unitsMax = isJudged ? UNITS_MAX : 5_000_000;
    const { guard, steps } = session(hooks, unitsMax);
    const answered =
      side === 'request' ? (await guard.requestText(JSON.stringify(request(text)))).body : (await guard.answer(reply(text))).text;
    const message = answered.ok ? '' : answered.error.message;
    expect(message.includes('guardrailUnitsMax')).toBe(!isJudged);
    // What is done between two looks at the work: a character of one pattern, a window of a text, or an answer.
    const looked = side === 'request' ? 90_000 : text.length;
    for (const step of steps) expect(step).toBeLessThanOrEqual(STEP_MAX + looked + 1_000);
    expect(steps.reduce((sum, units) => sum + units, 0)).toBeLessThanOrEqual(unitsMax + 2 * text.length + STEP_MAX);
    expect(steps.length).toBeGreaterThan(isJudged ? 0 : unitsMax / STEP_MAX / 2);
  });

  it('[U198] end with their step once the call has gone', async () => {
    const { guard, steps } = session(patterns([String.raw`[\s\S]{0,1000}b`]));
    const judged = guard.requestText(JSON.stringify(request('a'.repeat(64 * KIB))));
    await Promise.resolve();
    guard.stop();
    expect((await judged).body.ok).toBe(false);
    expect(steps.length).toBeLessThan(5);
  });

  it('[U199] judge no more texts at once than a stream may have open, and each event once', async () => {
    const { guard, steps } = session(patterns(['b']));
    const event = (index: number) => utf8(`data: ${JSON.stringify({ choices: [{ index, delta: { content: 'a' } }] })}\n\n`);
    const { guardrailOpenTextsMaxCount: most } = GUARDRAIL_LIMITS;
    for (let index = 0; index < most; index += 1) expect((await guard.push('chat', 'r', event(index))).isBlocked).toBe(false);
    const last = await guard.push('chat', 'r', event(most));
    expect([last.isBlocked, new TextDecoder().decode(last.send).includes('guardrailOpenTextsMaxCount')]).toEqual([true, true]);
    for (const step of steps) expect(step).toBeLessThanOrEqual(STEP_MAX + 20_000);
    const whole = session(patterns(['b'])).guard;
    const choices = Array.from({ length: 20_000 }, (_, index) => ({ index, delta: { content: 'a' }, finish_reason: 'stop' }));
    expect((await whole.push('chat', 'r', utf8(`data: ${JSON.stringify({ choices })}\n\n`))).isBlocked).toBe(false);
  });

  it('[U199] write what they held of a choice without the others of its event', async () => {
    const { guard } = session(patterns(['b']));
    const choices = Array.from({ length: 200 }, (_, index) => ({ index, delta: { content: `a${index}` }, finish_reason: null }));
    const held = await guard.push('chat', 'r', utf8(`data: ${JSON.stringify({ choices })}\n\n`));
    const rest = await guard.end();
    const sent = new TextDecoder().decode(rest.send).match(/"content":"a\d+"/g);
    expect([held.isBlocked, sent?.length]).toEqual([false, 200]);
    expect(rest.send.length).toBeLessThan(200 * 150);
  });

  it('[U110] find in windows what they find in the whole text', async () => {
    const bounds: WorkBounds = { stepUnitsMax: 1, unitsMax: Infinity };
    const parts = fc.constantFrom('jane@example.org', '4111 1111 1111 1111', '+49 30 901820', '10.0.0.1', 'words ', 'a', '1 ', '\n');
    await fc.assert(
      fc.asyncProperty(fc.array(parts, { minLength: 1, maxLength: 12 }), fc.integer({ min: 16_000, max: 34_000 }), async (some, from) => {
        const text = `${'x '.repeat(from / 2)}${some.join(' ')}`.repeat(2);
        const work = new SteppedWork(bounds, async () => {});
        expect(await work.run(piiInWindows(text, PII_KINDS, work))).toEqual(findPii(text, PII_KINDS));
      }),
      { numRuns: effort(40) },
    );
  });
});
