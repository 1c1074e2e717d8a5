import * as fc from 'fast-check';
import { encodeChat } from 'gpt-tokenizer/model/gpt-4o';
import { expect, it } from 'vitest';

import type { EncodingName } from '../../../src/inference/text/token-encoding.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import type { CountableText } from '../../../src/upstreams/money/countable-text.ts';
import { promptTextOf } from '../../../src/upstreams/money/prompt-text.ts';
import { AnswerStream } from '../../../src/upstreams/protocol/answer-stream.ts';
import { CopyMeter } from '../../../src/upstreams/protocol/copy-meter.ts';
import type { JsonObject } from '../../../src/upstreams/protocol/json.ts';
import { textAt } from '../../../src/upstreams/protocol/json.ts';
import { sseText } from '../../../src/upstreams/protocol/sse-events.ts';
import { textIn } from '../../../src/upstreams/protocol/stream-tap.ts';
import { targetOf } from '../../support/upstreams/target.ts';
import { encodingFor, exactCounts } from '../../support/upstreams/token-counts.ts';

// What a stream is charged that its caller leaves: by every field in which a model can say something, in every protocol.

const SENTENCES: Readonly<Record<string, string>> = {
  english: 'The harbour was quiet that evening, and nobody had noticed the small boat until its lantern swung into view. ',
  chinese: '今天下午我们讨论了如何在边缘节点上部署模型，并比较了三种不同的缓存策略。',
  emoji: 'Done 🎉🚀 next 👩‍👩‍👧‍👦🇩🇪 and 🤷🏽‍♀️❤️‍🔥 ok 😀😅🙃 ',
  code: 'export const sum = (items: readonly Item[]): number => items.reduce((total, { price }) => total + price, 0);\n',
};
const LANGUAGES = Object.keys(SENTENCES);

type Streamed = 'chat' | 'completions' | 'messages' | 'responses';

interface Field {
  readonly dialect: Streamed;
  /** Events around and of a text that comes in these pieces. */
  readonly events: (pieces: readonly string[]) => JsonObject[];
  /** What comes besides, and is generated, too. */
  readonly besides?: string;
}

const chunks =
  (deltaOf: (piece: string) => JsonObject): Field['events'] =>
  (pieces) =>
    pieces.map((piece) => ({ choices: [{ index: 0, delta: deltaOf(piece), finish_reason: null }], usage: null }));
const blocks =
  (block: JsonObject, deltaOf: (piece: string) => JsonObject): Field['events'] =>
  (pieces) => [
    { type: 'message_start', message: { role: 'assistant', content: [], usage: { input_tokens: 9, output_tokens: 1 } } },
    { type: 'content_block_start', index: 0, content_block: block },
    ...pieces.map((piece) => ({ type: 'content_block_delta', index: 0, delta: deltaOf(piece) })),
  ];
const items =
  (item: JsonObject, deltaType: string, more: JsonObject = {}): Field['events'] =>
  (pieces) => [
    { type: 'response.created', response: { output: [] } },
    { type: 'response.output_item.added', output_index: 0, item: { id: 'it_1', ...item } },
    ...pieces.map((delta) => ({ type: deltaType, item_id: 'it_1', output_index: 0, delta, ...more })),
  ];
const CALL = { id: 'call_1', type: 'function_call', name: 'find', arguments: '' };

const FIELDS: Readonly<Record<string, Field>> = {
  'chat content': { dialect: 'chat', events: chunks((content) => ({ content })) },
  'chat content in parts': { dialect: 'chat', events: chunks((text) => ({ content: [{ type: 'text', text }] })) },
  'chat thinking in parts': {
    dialect: 'chat',
    events: chunks((text) => ({ content: [{ type: 'thinking', thinking: [{ type: 'text', text }] }] })),
  },
  'chat refusal': { dialect: 'chat', events: chunks((refusal) => ({ content: null, refusal })) },
  'chat reasoning_content': { dialect: 'chat', events: chunks((piece) => ({ content: null, reasoning_content: piece })) },
  'chat reasoning': { dialect: 'chat', events: chunks((reasoning) => ({ role: 'assistant', content: '', reasoning })) },
  'chat reasoning under two names': {
    dialect: 'chat',
    events: chunks((text) => ({ reasoning: text, reasoning_details: [{ type: 'reasoning.text', text, index: 0, signature: 'c2ln' }] })),
  },
  'chat tool arguments': {
    dialect: 'chat',
    events: chunks((piece) => ({ tool_calls: [{ index: 0, function: { arguments: piece } }] })),
  },
  'chat custom tool input': { dialect: 'chat', events: chunks((input) => ({ tool_calls: [{ index: 0, custom: { input } }] })) },
  'chat function_call': { dialect: 'chat', events: chunks((piece) => ({ function_call: { arguments: piece } })) },
  'chat audio transcript': {
    dialect: 'chat',
    events: chunks((transcript) => ({ audio: { id: 'audio_1', data: 'AAAA'.repeat(400), transcript } })),
  },
  'chat field of a server': { dialect: 'chat', events: chunks((draft) => ({ draft })) },
  'completions text': {
    dialect: 'completions',
    events: (pieces) => pieces.map((text) => ({ choices: [{ index: 0, text, logprobs: null, finish_reason: null }] })),
  },
  'messages text': { dialect: 'messages', events: blocks({ type: 'text', text: '' }, (text) => ({ type: 'text_delta', text })) },
  'messages thinking': {
    dialect: 'messages',
    events: blocks({ type: 'thinking', thinking: '', signature: '' }, (thinking) => ({ type: 'thinking_delta', thinking })),
  },
  'messages tool input': {
    dialect: 'messages',
    events: blocks({ type: 'tool_use', id: 'tu_1', name: 'find', input: {} }, (piece) => ({
      type: 'input_json_delta',
      partial_json: piece,
    })),
    besides: 'find',
  },
  'responses text': {
    dialect: 'responses',
    events: items({ type: 'message', content: [] }, 'response.output_text.delta', { content_index: 0, logprobs: [] }),
  },
  'responses refusal': { dialect: 'responses', events: items({ type: 'message' }, 'response.refusal.delta', { content_index: 0 }) },
  'responses reasoning': {
    dialect: 'responses',
    events: items({ type: 'reasoning' }, 'response.reasoning_text.delta', { content_index: 0 }),
  },
  'responses summary': {
    dialect: 'responses',
    events: items({ type: 'reasoning', summary: [] }, 'response.reasoning_summary_text.delta', { summary_index: 0 }),
  },
  'responses arguments': { dialect: 'responses', events: items(CALL, 'response.function_call_arguments.delta'), besides: 'find' },
  'responses custom input': {
    dialect: 'responses',
    events: items({ type: 'custom_tool_call', name: 'find', input: '' }, 'response.custom_tool_call_input.delta'),
    besides: 'find',
  },
  'responses transcript': { dialect: 'responses', events: items({ type: 'message' }, 'response.audio.transcript.delta') },
  'responses text that only ends': {
    dialect: 'responses',
    events: (pieces) =>
      pieces.map((text, at) => ({ type: 'response.output_text.done', item_id: `it_${at}`, output_index: at, content_index: 0, text })),
  },
};

const written = (dialect: Streamed, events: readonly JsonObject[]): string =>
  events.map((event) => sseText(JSON.stringify(event), dialect === 'chat' ? undefined : textAt(event, 'type'))).join('');

/** A text in pieces as models send them, some characters each; a pair of surrogates is not cut. */
function piecesOf(text: string, chars: number): string[] {
  const points = Array.from(text);
  return Array.from({ length: Math.ceil(points.length / chars) }, (_, at) => points.slice(at * chars, (at + 1) * chars).join(''));
}

/** What has to be counted of a stream that breaks off after these events, read as it is relayed and as it is copied. */
function leftOf(dialect: Streamed, events: readonly JsonObject[]): CountableText[] {
  const bytes = utf8(written(dialect, events));
  const relay = new AnswerStream({ spoken: dialect, own: dialect, hidesUsage: false, translator: undefined });
  const meter = new CopyMeter(dialect, 4 * 1024 * 1024);
  for (let from = 0; from < bytes.length; from += 9_000) {
    expect(relay.push(bytes.slice(from, from + 9_000)).problem).toBeUndefined();
    meter.push(bytes.slice(from, from + 9_000));
  }
  meter.end();
  return [relay.uncounted, meter.uncounted].map((text) => {
    if (text === undefined) throw new Error('nothing was reported');
    return text;
  });
}

const MODELS: readonly [string, EncodingName][] = [
  ['gpt-4o-mini', 'o200k_base'],
  ['claude-opus-4', 'cl100k_base'],
];

it.each(Object.entries(FIELDS))(
  '[U193] %s is charged 95 to 110 % of its tokens in any language, wherever it is left',
  async (name, { dialect, events, besides = '' }) => {
    for (const language of LANGUAGES) {
      const text = (SENTENCES[language] ?? '').repeat(12);
      const pieces = piecesOf(text, name === 'responses text that only ends' ? 400 : 5);
      for (const third of [1, 2, 3]) {
        const left = pieces.slice(0, Math.ceil((pieces.length * third) / 3));
        for (const counted of leftOf(dialect, events(left)))
          for (const [model, encodingName] of MODELS) {
            const encoding = await encodingFor(encodingName);
            const exact = encoding.count(left.join('')) + encoding.count(besides);
            const charged = await exactCounts.count(targetOf({ model: { upstreamName: model } }).model, counted);
            expect(charged / exact, `${language} ${third}/3 ${model}`).toBeGreaterThanOrEqual(0.95);
            expect(charged / exact, `${language} ${third}/3 ${model}`).toBeLessThanOrEqual(1.1);
          }
      }
    }
  },
);

it('[U193] texts whose pieces come in turn are counted each by itself, and long ones by a part of them', async () => {
  const encoding = await encodingFor('o200k_base');
  const { model } = targetOf({ model: { upstreamName: 'o3-mini' } });
  const language = fc.constantFrom(...LANGUAGES);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(language, fc.integer({ min: 1, max: 40 })), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 8 }),
      async (parts, chars, answers) => {
        const text = parts.map(([of, times]) => (SENTENCES[of] ?? '').repeat(times)).join('');
        const pieces = piecesOf(text, chars);
        const events = pieces.flatMap((content) =>
          Array.from({ length: answers }, (_, index) => ({ choices: [{ index, delta: { content } }] })),
        );
        const exact = answers * encoding.count(text);
        for (const counted of leftOf('chat', events)) {
          const charged = await exactCounts.count(model, counted);
          expect(charged / exact).toBeGreaterThanOrEqual(0.95);
          expect(charged / exact).toBeLessThanOrEqual(1.1);
        }
      },
    ),
    { seed: 193, numRuns: 25 },
  );
});

it.each(LANGUAGES)('[U193] a prompt in %s whose upstream reports nothing is counted as its model reads it', async (language) => {
  const text = (SENTENCES[language] ?? '').repeat(20);
  const messages = [
    { role: 'system' as const, content: text },
    { role: 'user' as const, content: text },
  ];
  const read = encodeChat(messages).length;
  const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(50_000)}` } };
  const parts = messages.map(({ role, content }) => ({ role, content: [{ type: 'text', text: content }, image] }));
  const { model } = targetOf({ model: { upstreamName: 'gpt-4o' } });
  for (const body of [{ messages }, { messages: parts }]) {
    const counted = await exactCounts.count(model, promptTextOf(body));
    expect(counted / read).toBeGreaterThanOrEqual(0.95);
    expect(counted / read).toBeLessThanOrEqual(1.1);
  }
});

it.each<[Streamed, string[], JsonObject]>([
  [
    'chat',
    ['a b', 'e', '{}', 'c d'],
    {
      choices: [
        {
          message: {
            role: 'assistant',
            content: 'a b',
            reasoning_content: 'c d',
            tool_calls: [{ id: 'i', function: { name: 'e', arguments: '{}' } }],
          },
        },
      ],
    },
  ],
  ['completions', ['a b', 'c'], { choices: [{ text: 'a b' }, { index: 1, text: 'c' }] }],
  [
    'messages',
    ['a b', 'c', 'd', '{"e":1}'],
    {
      content: [
        { type: 'thinking', thinking: 'a b', signature: 'x' },
        { type: 'text', text: 'c', citations: [{ cited_text: 'x' }] },
        { type: 'tool_use', id: 'i', name: 'd', input: { e: 1 } },
        { type: 'web_search_tool_result', content: [{ title: 'x' }] },
      ],
    },
  ],
  [
    'responses',
    ['a b', 'c', 'd', '{}'],
    {
      output: [
        { type: 'reasoning', summary: [{ type: 'summary_text', text: 'a b' }], encrypted_content: 'x' },
        { type: 'message', content: [{ type: 'output_text', text: 'c' }] },
        { type: 'function_call', name: 'd', arguments: '{}', call_id: 'x' },
      ],
    },
  ],
])('[U193] an answer of %s that is no stream says what its model has generated, and nothing else', (dialect, said, answer) => {
  const texts: string[] = [];
  textIn(dialect, answer).tokens((block) => texts.push(block));
  expect(texts).toEqual(said);
});
