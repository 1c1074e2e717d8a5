import { describe, expect, it } from 'vitest';

import type { PromptSize } from '../../../../src/upstreams/money/prompt-size.ts';
import { promptSizeOf } from '../../../../src/upstreams/money/prompt-size.ts';
import type { RequestBound } from '../../../../src/upstreams/money/request-bound.ts';
import { answerTermsOf, boundOf } from '../../../../src/upstreams/money/request-bound.ts';
import type { Surface } from '../../../../src/upstreams/protocol/surfaces.ts';
import type { JsonObject } from '../../../../src/upstreams/protocol/json.ts';
import type { TargetModel } from '../../../../src/upstreams/target.ts';
import { targetOf } from '../../../support/upstreams/target.ts';

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

const sizeOf = (surface: Surface, body: JsonObject): PromptSize => promptSizeOf(surface, body, bytesOf(body));

const boundIn = (surface: Surface, body: JsonObject, model: Partial<TargetModel> = {}) => {
  const terms = answerTermsOf(surface, body);
  return terms.ok ? boundOf(targetOf({ model }).model, surface, sizeOf(surface, body), terms.value) : terms;
};

const bound = (surface: Surface, body: JsonObject, model: Partial<TargetModel> = {}): RequestBound => {
  const found = boundIn(surface, body, model);
  if (!found.ok) throw new Error(found.error.message);
  return found.value;
};

const user = (content: unknown): JsonObject => ({ model: 'small', messages: [{ role: 'user', content }] });
const image = (url: string) => ({ type: 'image_url', image_url: { url } });

describe('the bound of a prompt', () => {
  it('[U70] is the bytes of the request and what templates add, for every kind of call', () => {
    const of: readonly [Surface, JsonObject, overhead: number][] = [
      ['chat', user('hello'), 128 + 8 + 8],
      ['messages', { ...user('hello'), system: 'be brief', max_tokens: 5 }, 128 + 8 + 8],
      ['responses', { model: 'small', input: 'hello', instructions: 'be brief' }, 128 + 8],
      ['completions', { model: 'small', prompt: 'hello' }, 128 + 8],
      ['embeddings', { model: 'small', input: ['a', 'b', 'c'] }, 128 + 3 * 8],
      ['moderations', { model: 'small', input: 'hello' }, 128 + 8],
    ];
    for (const [surface, body, overhead] of of) expect(bound(surface, body).inputTokensMax, surface).toBe(bytesOf(body) + overhead);
    // The query is read with each document.
    const ranked = { model: 'small', query: 'abcd', documents: ['x', 'y', 'z'] };
    expect(bound('rerank', ranked).inputTokensMax).toBe(bytesOf(ranked) + 2 * 3 * 4 + 128 + 3 * 8);
  });

  it('[U70] counts bytes of UTF-8, and tools twice, as templates write them out', () => {
    expect(sizeOf('chat', user('\u{1f600}'.repeat(10))).bytes - sizeOf('chat', user('')).bytes).toBe(40);
    const tool = { type: 'function', function: { name: 'find', description: 'ü', parameters: { type: 'object' } } };
    const [without, withTool] = [sizeOf('chat', user('x')), sizeOf('chat', { ...user('x'), tools: [tool] })];
    expect(withTool.bytes - without.bytes).toBeGreaterThanOrEqual(2 * bytesOf([tool]));
    expect(withTool.overheadTokens - without.overheadTokens).toBe(768);
    const typed = sizeOf('messages', { ...user('x'), max_tokens: 1, tools: [{ type: 'computer_20250124', name: 'computer' }] });
    expect(typed.overheadTokens - without.overheadTokens).toBe(768 + 1_024);
  });

  it('[U70] is at most the context, once for each text that is answered by itself', () => {
    const model = { contextTokens: 1_000, outputTokensMax: 10 };
    expect(bound('chat', user('x'.repeat(5_000)), model).inputTokensMax).toBe(1_000);
    const prompts = Array.from({ length: 3 }, () => 'x'.repeat(5_000));
    expect(bound('completions', { model: 'small', prompt: prompts, max_tokens: 10 }, model)).toMatchObject({
      inputTokensMax: 3_000,
      outputTokensMax: 30,
    });
    expect(bound('completions', { model: 'small', prompt: [1, 2, 3] }, model).outputTokensMax).toBe(10);
    for (const kept of [{ previous_response_id: 'resp_1' }, { conversation: 'conv_1' }, { prompt: { id: 'pmpt_1' } }]) {
      expect(bound('responses', { model: 'small', input: 'hi', ...kept }, model).inputTokensMax).toBe(1_000);
    }
    expect(bound('responses', { model: 'small', input: [{ type: 'item_reference', id: 'msg_1' }] }, model).inputTokensMax).toBe(1_000);
    expect(bound('responses', { model: 'small', input: 'hi', previous_response_id: null }, model).inputTokensMax).toBeLessThan(300);
  });

  it('[U70] takes images by their number, not by their bytes, wherever they stand', () => {
    const data = 'A'.repeat(100_000);
    const model = { contextTokens: 1_000_000, imageTokensMax: 1_500 };
    const asked: readonly [Surface, JsonObject][] = [
      ['chat', user([{ type: 'text', text: 'what?' }, image(`data:image/png;base64,${data}`), image('https://example.com/a.png')])],
      ['responses', { model: 'small', input: [{ role: 'user', content: [0, 1].map(() => ({ type: 'input_image', image_url: data })) }] }],
      [
        'messages',
        {
          ...user([
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data } },
            {
              type: 'tool_result',
              tool_use_id: 't',
              content: [{ type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } }],
            },
          ]),
          max_tokens: 5,
        },
      ],
      ['moderations', { model: 'small', input: [image(data), image(data)] }],
    ];
    for (const [surface, body] of asked) {
      const { inputTokensMax } = bound(surface, body, model);
      expect(inputTokensMax, surface).toBeGreaterThanOrEqual(3_000);
      expect(inputTokensMax, surface).toBeLessThan(4_000);
      const refused = boundIn(surface, body, { contextTokens: 1_000_000, imageTokensMax: 0 });
      expect(refused, surface).toMatchObject({
        ok: false,
        error: { code: 'invalid_value', message: expect.stringContaining('image_tokens_max') },
      });
    }
  });

  it.each<[string, Surface, JsonObject, (string | number)[]]>([
    ['a video', 'chat', user([{ type: 'video_url', video_url: { url: 'u' } }]), ['messages', 0, 'content', 0, 'type']],
    ['an answer in video', 'chat', { ...user('x'), modalities: ['text', 'video'] }, ['modalities']],
    ['a search of files', 'responses', { model: 'small', input: 'x', tools: [{ type: 'file_search' }] }, ['tools', 0, 'type']],
    ['a program', 'messages', { ...user('x'), tools: [{ type: 'code_execution_20250522', name: 's' }] }, ['tools', 0, 'type']],
    ['a server of tools', 'messages', { ...user('x'), mcp_servers: [{ url: 'u' }] }, ['mcp_servers']],
    ['work in the background', 'responses', { model: 'small', input: 'x', background: true }, ['background']],
    ['a call of a tool that ran there', 'responses', { model: 'small', input: [{ type: 'file_search_call' }] }, ['input', 0, 'type']],
    ['an image by another name', 'embeddings', { model: 'small', input: [{ image: 'https://example.com' }] }, ['input', 0, 'image']],
  ])('[U71] refuses %s in %s by its field', (_, surface, body, path) => {
    expect(boundIn(surface, body)).toMatchObject({ ok: false, error: { code: 'invalid_value', path } });
  });

  it('[U71] takes what is text: calls of tools, their results, thoughts, documents in the request', () => {
    const tools = [{ type: 'function', function: { name: 'f' } }];
    expect(boundIn('chat', { ...user('x'), tools, modalities: ['text'], audio: null })).toMatchObject({ ok: true });
    const items = ['reasoning', 'function_call', 'function_call_output', 'custom_tool_call'].map((type) => ({ type }));
    expect(boundIn('responses', { model: 'small', input: [...items, { role: 'user', content: 'x' }] })).toMatchObject({ ok: true });
    const parts = [
      { type: 'document', source: { type: 'text', data: 'x' } },
      { type: 'thinking', thinking: 'x' },
      { type: 'tool_result', content: 'x' },
    ];
    expect(boundIn('messages', { ...user(parts), mcp_servers: [] })).toMatchObject({ ok: true });
  });
});

describe('the bound of the answers', () => {
  it('[U72] is the least limit that is given, at most the model, times the number of answers', () => {
    expect(bound('chat', { ...user('x'), max_tokens: 50, max_completion_tokens: 40, n: 3 })).toMatchObject({
      answerTokensMax: 40,
      outputTokensMax: 120,
    });
    expect(bound('chat', { ...user('x'), max_tokens: 99_999, n: null })).toMatchObject({ answerTokensMax: 1_024, outputTokensMax: 1_024 });
    expect(bound('completions', { model: 'small', prompt: ['a', 'b'], max_tokens: 7, n: 2, best_of: 5 }).outputTokensMax).toBe(70);
    expect(bound('responses', { model: 'small', input: 'x', max_output_tokens: 16 }).outputTokensMax).toBe(16);
    for (const surface of ['embeddings', 'moderations'] as const) {
      expect(bound(surface, { model: 'small', input: 'x' })).toMatchObject({ answerTokensMax: undefined, outputTokensMax: 0 });
    }
    // Of an expected answer, what the model does not use is charged as well.
    expect(bound('chat', { ...user('x'), max_tokens: 5, prediction: { type: 'content', content: 'abc' } }).outputTokensMax).toBeGreaterThan(
      5 + 3,
    );
  });

  it('[U72] is refused where a limit is none', () => {
    for (const [field, value] of [
      ['max_tokens', 0],
      ['max_tokens', 1.5],
      ['max_tokens', '9'],
      ['max_completion_tokens', -1],
      ['n', 0],
      ['n', 2 ** 60],
    ] as const) {
      expect(boundIn('chat', { ...user('x'), [field]: value }), field).toMatchObject({
        ok: false,
        error: { code: 'invalid_value', path: [field] },
      });
    }
    expect(boundIn('chat', { ...user('x'), n: 129 })).toMatchObject({
      error: { code: 'limit_exceeded', path: ['n'], limit: { bound: 128 }, value: 129 },
    });
  });

  it('[U73] is what the model and the context allow where the request gives none', () => {
    expect(bound('chat', user('x')).answerTokensMax).toBe(1_024);
    const model = { contextTokens: 4_000, outputTokensMax: 4_000 };
    const short = bound('chat', user('x'), model);
    expect(short.answerTokensMax).toBe(4_000 - short.inputTokensMax);
    // Its bytes fill the context; its tokens, four bytes each, do not.
    const long = bound('chat', user('x'.repeat(6_000)), model);
    expect(long).toMatchObject({ inputTokensMax: 4_000, answerTokensMax: Math.floor((4_000 - long.inputTokensEstimated) / 2) });
    expect(bound('chat', user('x'.repeat(60_000)), model).answerTokensMax).toBe(1);
  });
});
