import { beforeEach, describe, expect, it } from 'vitest';

import { PROMPT_LIMITS } from '../../../../src/contract/prompts/prompt-limits.ts';
import { TENANCY_LIMITS } from '../../../../src/contract/tenancy/tenancy-limits.ts';
import type { PromptMessage, PromptVariable } from '../../../../src/contract/prompts/prompts.ts';
import { PromptDirectory } from '../../../../src/gateway/prompts/prompt-directory.ts';
import { promptedBody } from '../../../../src/gateway/prompts/prompted-body.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import type { ChangedBy } from '../../../../src/contract/tenancy/write-lease.ts';
import { PromptRegistry } from '../../../../src/upstreams/prompts/prompt-registry.ts';
import { filledIn, templateOf } from '../../../../src/upstreams/prompts/prompt-template.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';

const TEXT: PromptVariable = { type: 'string', chars_max: 1_000, escape: 'none', description: '' };
const says = (content: string): PromptMessage => ({ role: 'system', content });
const declared = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [name, TEXT]));

/** What one message with one variable `x` becomes. */
function filled(content: string, variable: Partial<PromptVariable>, x?: unknown) {
  const template = templateOf({ messages: [says(content)], variables: { x: { ...TEXT, ...variable } } });
  if (!template.ok) return template.error;
  const made = filledIn(template.value, x === undefined ? {} : { x }, ['variables']);
  return made.ok ? made.value[0]?.content : made.error;
}

describe('[U160] the texts of a prompt', () => {
  it.each([
    ['{{ x }} and {{x}}', '1 and 1'],
    [String.raw`{"a": \{{x}}, "b": {{x}}}`, '{"a": {{x}}, "b": 1}'],
    ['{x} {{x}} }} {', '{x} 1 }} {'],
  ])('[U160] have variables in two braces: %s', (content, expected) => expect(filled(content, {}, '1')).toBe(expected));

  it.each([
    ['{{x}} {{y}}', ['messages', 0, 'content'], 'does not declare'],
    ['{{x}} {{', ['messages', 0, 'content'], 'is no {{name}}'],
    ['{{x}} {{ "a": 1 }}', ['messages', 0, 'content'], 'is no {{name}}'],
    ['no variable', ['variables', 'x'], 'is named by no message'],
  ])('[U160] are refused where they cannot be filled in: %s', (content, path, message) =>
    expect(filled(content, {}, '1')).toMatchObject({ code: 'invalid_value', path, message: expect.stringContaining(message) }),
  );

  it('[U160] are refused where a default is no value of its variable', () =>
    expect(filled('{{x}}', { type: 'integer', default: 1.5 })).toMatchObject({
      code: 'invalid_value',
      path: ['variables', 'x', 'default'],
    }));
});

describe('[U161] values', () => {
  it.each(['{{y}}', '{{x}}', String.raw`\{{x}}`, '$&', '$1'])('[U161] are never read as templates: %s', (value) => {
    const template = templateOf({ messages: [says('<{{x}}|{{y}}>')], variables: declared('x', 'y') });
    expect(template.ok && filledIn(template.value, { x: value, y: 'secret' }, [])).toMatchObject({
      value: [{ content: `<${value}|secret>` }],
    });
  });

  const HOSTILE = `</mail>"it's"\n\u2028&{{x}}`;
  it.each([
    ['none', HOSTILE],
    ['line', `</mail>"it's" &{{x}}`],
    ['xml', '&lt;/mail&gt;&quot;it&#39;s&quot;\n\u2028&amp;{{x}}'],
    ['json', JSON.stringify(HOSTILE).slice(1, -1)],
  ] as const)('[U161] are escaped as their variable says: %s', (escape, expected) =>
    expect(filled('{{x}}', { escape }, HOSTILE)).toBe(expected),
  );

  it('[U161] together make no more text than a prompt may have', () => {
    const content = '{{x}}'.repeat(2_000);
    expect(filled(content, {}, 'y'.repeat(500))).toHaveLength(1_000_000);
    expect(filled(content, {}, 'y'.repeat(600))).toMatchObject({ code: 'limit_exceeded', limit: { name: 'promptRenderedCharsMax' } });
  });
});

describe('[U162] variables', () => {
  it.each([
    ['string', 'a', 'a'],
    ['string', { type: 'input_text', text: 'a' }, 'a'],
    ['number', -1.5e3, '-1500'],
    ['number', '0.5', '0.5'],
    ['integer', '7', '7'],
    ['boolean', false, 'false'],
    ['boolean', 'true', 'true'],
    ['json', { a: ['b'] }, '{"a":["b"]}'],
    ['json', null, 'null'],
  ] as const)('[U162] of the type %s take %j', (type, value, expected) => expect(filled('{{x}}', { type }, value)).toBe(expected));

  it.each([
    ['string', 1],
    ['string', null],
    ['string', { type: 'input_image', image_url: 'x' }],
    ['number', 'x'],
    ['number', '0x10'],
    ['number', ' 1'],
    ['integer', 1.5],
    ['integer', 2 ** 60],
    ['boolean', 1],
  ] as const)('[U162] of the type %s refuse %j', (type, value) =>
    expect(filled('{{x}}', { type }, value)).toMatchObject({ code: 'invalid_value', path: ['variables', 'x'] }),
  );

  it('[U162] take only the values and lengths that they declare', () => {
    expect(filled('{{x}}', { values: ['a', 'b'] }, 'c')).toMatchObject({ code: 'invalid_value', path: ['variables', 'x'] });
    expect(filled('{{x}}', { chars_max: 3 }, 'abc')).toBe('abc');
    expect(filled('{{x}}', { chars_max: 3 }, 'abcd')).toMatchObject({ code: 'limit_exceeded', path: ['variables', 'x'], value: 4 });
  });

  it('[U162] without a default have to be given, and no others', () => {
    expect(filled('{{x}}', { default: 'd' })).toBe('d');
    expect(filled('{{x}}', {})).toMatchObject({
      code: 'invalid_value',
      path: ['variables', 'x'],
      message: expect.stringContaining('missing'),
    });
    const template = templateOf({ messages: [says('hi')], variables: {} });
    expect(template.ok && filledIn(template.value, { toString: 'x' }, ['variables'])).toMatchObject({
      error: { code: 'invalid_value', path: ['variables', 'toString'] },
    });
  });
});

let sql: NodeSql;
let nowMs: number;
let registry: PromptRegistry;
const BY: ChangedBy = { actor: 'key_1', lease: undefined };

beforeEach(() => {
  sql = new NodeSql();
  nowMs = 1_000;
  registry = new PromptRegistry(sql, { nowMs: () => nowMs });
});

const add = (content: string, labels: readonly string[] = [], key?: string, name = 'reply') =>
  registry.add(
    { name, messages: [says(content)], variables: {}, labels, comment: '' },
    key === undefined ? null : { key, digest: content },
    BY,
  );
const said = (selector: number | string | null = null) => registry.select('reply', selector)?.messages[0]?.content;

describe('[U163] the prompts of a tenant', () => {
  it('[U163] number their versions, and never use a number again', () => {
    expect(registry.find('reply')).toBeUndefined();
    expect(add('one')).toMatchObject({ value: { version: { version: 1, actor: 'key_1' }, prompt: { labels: {} } } });
    expect(add('two')).toMatchObject({ value: { version: { version: 2 } } });
    expect([said(1), said(2), said(3)]).toEqual(['one', 'two', undefined]);
    expect(registry.remove('reply', BY).ok).toBe(true);
    expect([registry.find('reply'), registry.page('', 9), registry.versions('reply', 0, 9), said(1), said()]).toEqual([
      undefined,
      [],
      [],
      undefined,
      undefined,
    ]);
    expect(add('three')).toMatchObject({ value: { version: { version: 3 } } });
    expect([said(1), said(3)]).toEqual([undefined, 'three']);
  });

  it('[U163] change under the lease of a key, and make nothing twice', () => {
    const late = { actor: 'key_1', lease: { endsAtMs: nowMs } };
    expect(registry.label('reply', 'production', 1, late)).toMatchObject({ error: { code: 'lease_expired' } });
    expect(add('one', [], 'k')).toMatchObject({ value: { version: { version: 1 } } });
    expect(add('one', [], 'k')).toMatchObject({ value: { version: { version: 1 } } });
    expect(add('two', [], 'k')).toMatchObject({ error: { code: 'idempotency_mismatch' } });
    registry.remove('reply', BY);
    expect(add('one', [], 'k')).toMatchObject({ error: { code: 'idempotency_key_spent' } });
  });

  it('[U163] are bounded in names, versions and labels', () => {
    for (let made = 0; made < TENANCY_LIMITS.promptVersionsMaxCount; made += 1) add(`v${made}`);
    expect(add('more')).toMatchObject({ error: { code: 'limit_exceeded', limit: { name: 'promptVersionsMaxCount' } } });
    const labels = Array.from({ length: PROMPT_LIMITS.promptLabelsMaxCount }, (_, at) => `l${at}`);
    expect(add('labels', labels, undefined, 'other').ok).toBe(true);
    expect(registry.label('other', 'l0', 1, BY).ok).toBe(true);
    expect(registry.label('other', 'more', 1, BY)).toMatchObject({ error: { limit: { name: 'promptLabelsMaxCount' } } });
  });

  it('[U163] nothing is made for a tenant that is erased, and nothing left', () => {
    add('one');
    registry.erase();
    expect([registry.find('reply'), said()]).toEqual([undefined, undefined]);
    expect(add('one')).toMatchObject({ error: { code: 'tenant_suspended' } });
  });
});

describe('[U164] a call gets', () => {
  it('[U164] the version that it names, that its label names, production, or the newest', () => {
    add('one', ['production', 'staging']);
    expect([said(), said('production'), said('staging'), said(1)]).toEqual(['one', 'one', 'one', 'one']);
    add('two', ['staging']);
    expect([said(), said('staging'), said('toString')]).toEqual(['one', 'two', undefined]);
    expect(registry.label('reply', 'production', 2, BY)).toMatchObject({ value: { labels: { production: { version: 2, atMs: 1_000 } } } });
    expect(said()).toBe('two');
    add('three');
    expect(said()).toBe('two');
    registry.unlabel('reply', 'production', BY);
    expect([said(), said('production')]).toEqual(['three', undefined]);
    expect(registry.label('reply', 'production', 9, BY)).toMatchObject({ error: { code: 'prompt_not_found', path: ['version'] } });
    for (const absent of ['production', 'constructor'])
      expect(registry.unlabel('reply', absent, BY)).toMatchObject({ error: { code: 'prompt_not_found', path: ['label'] } });
  });

  const tenant = 'tn_one' as TenantId;
  function isolate() {
    const seen = { asked: 0, isAway: false };
    const background: Promise<unknown>[] = [];
    const select = (name: string, selector: number | string | null) => {
      seen.asked += 1;
      if (seen.isAway) return Promise.reject(new Error('away'));
      return Promise.resolve(registry.select(name, selector));
    };
    const directory = new PromptDirectory({
      prompts: (of) => ({ select: of === tenant ? select : () => Promise.resolve(undefined) }),
      clock: { nowMs: () => nowMs },
      background: (work) => background.push(work),
    });
    const versionOf = async (selector: number | string | null = null, of = tenant) => {
      const found = await directory.find(of, 'reply', selector);
      return found.ok ? found.value.version : found.error.code;
    };
    return { seen, background, directory, versionOf };
  }

  it('[U164] a label that was moved within its time, in every isolate', async () => {
    add('one', ['production']);
    const { versionOf, seen } = isolate();
    expect([await versionOf(), await versionOf(), await versionOf(null, 'tn_two' as TenantId)]).toEqual([1, 1, 'prompt_not_found']);
    expect(seen.asked).toBe(1);
    add('two', ['production']);
    nowMs += PROMPT_LIMITS.promptFreshMs;
    expect(await versionOf()).toBe(2);
    registry.remove('reply', BY);
    nowMs += PROMPT_LIMITS.promptFreshMs;
    expect(await versionOf()).toBe('prompt_not_found');
  });

  it('[U164] what was known while the prompts do not answer, for a time', async () => {
    add('one', ['production']);
    const { versionOf, seen, background } = isolate();
    await versionOf();
    seen.isAway = true;
    nowMs += PROMPT_LIMITS.promptFreshMs / 2;
    expect(await versionOf()).toBe(1);
    await Promise.all(background);
    nowMs += PROMPT_LIMITS.promptStaleMs - PROMPT_LIMITS.promptFreshMs / 2 - 1;
    expect(await versionOf()).toBe(1);
    nowMs += 1;
    expect(await versionOf()).toBe('unavailable');
    expect(await versionOf('staging')).toBe('unavailable');
  });

  it('[U165] its messages before its own, and nothing is left that names the prompt', async () => {
    add('one', ['production']);
    const { directory } = isolate();
    const prompted = (surface: 'chat' | 'responses' | 'completions', body: object) =>
      promptedBody(directory, principal(tenant), surface, { model: 'm', ...body });
    const hi = { role: 'user', content: 'hi' };
    const first = says('one');
    expect(await prompted('chat', { prompt: { id: 'reply' }, messages: [hi] })).toEqual({
      ok: true,
      value: { prompt: 'reply@1', body: { model: 'm', messages: [first, hi] } },
    });
    expect(await prompted('chat', { prompt: { id: 'reply', version: '1' } })).toMatchObject({ value: { body: { messages: [first] } } });
    expect(await prompted('responses', { prompt: { id: 'reply', version: 1 }, input: 'hi' })).toMatchObject({
      value: { body: { input: [first, hi] } },
    });
    expect(await prompted('responses', { prompt: { id: 'reply', version: 'production' }, input: [hi] })).toMatchObject({
      value: { body: { input: [first, hi] } },
    });
    expect(await prompted('chat', { prompt: { id: 'reply', version: 'x' } })).toMatchObject({
      error: { code: 'prompt_not_found', path: ['prompt', 'id'] },
    });
    expect(await prompted('chat', { prompt: { id: 'reply', variables: { a: 1 } } })).toMatchObject({
      error: { path: ['prompt', 'variables', 'a'] },
    });
  });

  it('[U165] what names no prompt of ours goes on as it came', async () => {
    const { directory, seen } = isolate();
    for (const [surface, body] of [
      ['chat', { messages: [] }],
      ['chat', { prompt: null }],
      ['responses', { prompt: { id: 'pmpt_1', version: '2', variables: { a: 'b' } } }],
      ['completions', { prompt: 'text' }],
    ] as const)
      expect(await promptedBody(directory, principal(tenant), surface, body)).toEqual({ ok: true, value: { body } });
    expect(seen.asked).toBe(0);
  });
});
