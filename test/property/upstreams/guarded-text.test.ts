import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { compileHooks } from '../../../src/upstreams/guardrails/compiled-hook.ts';
import { Guard } from '../../../src/upstreams/guardrails/guard.ts';
import { GuardedText } from '../../../src/upstreams/guardrails/guarded-text.ts';
import type { Hook } from '../../../src/contract/guardrails/guardrails.ts';
import { unpacedWork } from '../../support/upstreams/unpaced-work.ts';
import { PII_KINDS } from '../../../src/contract/guardrails/guardrails.ts';

const HOOKS: Hook[] = [
  { kind: 'pii', name: 'people', on: 'both', pii: [...PII_KINDS], action: 'mask', restores: true },
  { kind: 'patterns', name: 'codes', on: 'answer', patterns: ['[A-Z]{3}-[0-9]{2,6}'], action: 'mask' },
];

function guard(): Guard {
  const hooks = compileHooks({ policy: { name: 'p', owner: 'platform', hooks: HOOKS }, hosts: { allowed: [], local: [] } });
  if (!hooks.ok) throw new Error(hooks.error.message);
  return new Guard({ hooks: hooks.value, ask: () => Promise.resolve({ count: 0 }), clock: { nowMs: () => 0 }, work: unpacedWork() });
}

const words = fc.array(
  fc.oneof(
    fc.constantFrom(
      'jane@example.org',
      '4111 1111 1111 1111',
      '[EMAIL_1]',
      '[EMAIL_',
      'ABC-1234',
      '+49 30 901820',
      '10.0.0.1',
      '[',
      '😀',
      '\n',
    ),
    fc.string({ maxLength: 12 }),
    fc.constant('lorem ipsum dolor sit amet '.repeat(12)),
  ),
  { maxLength: 24 },
);

/** Cuts a text into pieces at any places, also within a pair of surrogates. */
const cutAt = (text: string, places: readonly number[]): string[] => {
  const ends = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...ends].map((start, at) => text.slice(start, ends[at] ?? text.length));
};

describe('a text that arrives piece by piece', () => {
  it('[U114] passes as it does whole, wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(words, fc.array(fc.nat(10_000), { maxLength: 40 }), async (parts, places) => {
        const text = parts.join(' ');
        const request = { messages: [{ content: 'jane@example.org' }] };
        const whole = guard();
        await whole.request(request);
        const answered = await whole.answer({ choices: [{ text }] });
        const streamed = guard();
        await streamed.request(request);
        const guarded = new GuardedText(streamed);
        const passed = [];
        for (const piece of cutAt(text, places)) passed.push(await guarded.push(piece));
        passed.push(await guarded.end());
        expect(streamed.restored(passed.map((one) => one.text).join(''), false)).toBe(
          answered.ok ? answered.value.choices[0]?.text : undefined,
        );
      }),
    );
  });

  it('[U114] passes as it does whole, wherever what is found stands in it', async () => {
    for (let at = 300; at < 340; at += 3) {
      const text = `${'x '.repeat(at / 2)}jane@example.org ${'y '.repeat(200)}`;
      const guarded = new GuardedText(guard());
      let passed = '';
      for (const char of text) passed += (await guarded.push(char)).text;
      expect(passed + (await guarded.end()).text).toBe(text.replace('jane@example.org', '[EMAIL_1]'));
    }
  });

  it('[U202] stays JSON that says nothing it should not, whole or cut anywhere, whatever is escaped in it', async () => {
    await fc.assert(
      fc.asyncProperty(
        documents,
        fc.array(fc.nat(10_000), { maxLength: 40 }),
        fc.infiniteStream(fc.nat(9)),
        async (document, places, dice) => {
          const text = escapedAtRandom(JSON.stringify(document), dice);
          const asked = (args: string) => ({ choices: [{ message: { tool_calls: [{ function: { arguments: args } }] } }] });
          const answered = await guard().answer(asked(text));
          const whole = answered.ok ? (answered.value.choices[0]?.message.tool_calls[0]?.function.arguments ?? '') : '';
          const streamed = guard();
          const guarded = new GuardedText(streamed, new Map(), 'json');
          let passed = '';
          for (const piece of cutAt(text, places)) passed += (await guarded.push(piece)).text;
          passed += (await guarded.end()).text;
          expect(passed).toBe(whole);
          const said = JSON.stringify(JSON.parse(whole));
          for (const secret of SECRETS) expect(said).not.toContain(secret);
        },
      ),
    );
  });
});

const SECRETS = ['jane@example.org', 'jörg@müller.de', '4111111111111111'];

const spoken = fc.oneof(fc.constantFrom(...SECRETS, 'a "quoted" word', 'C:\\new', 'line\nline'), fc.string({ maxLength: 6 }));
const texts = fc.array(spoken, { maxLength: 4 }).map((parts) => parts.join(' '));
const documents = fc.dictionary(texts, fc.oneof(texts, fc.array(texts, { maxLength: 3 }), fc.constant(4111111111111111), fc.nat()), {
  maxKeys: 5,
});

/** The same JSON, with some characters of its strings written as escapes. */
const escapedAtRandom = (json: string, dice: Iterator<number>): string =>
  json.replace(/[a-z@ö]/g, (char, at: number) => {
    const isEscaped = json[at - 1] === '\\' || dice.next().value !== 0;
    return isEscaped ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
