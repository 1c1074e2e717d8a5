import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { chatToMessages } from '../../../src/upstreams/protocol/chat-to-messages.ts';
import { messagesToChat } from '../../../src/upstreams/protocol/messages-to-chat.ts';
import { chatAsMessage, ChatStreamAsMessage } from '../../../src/upstreams/protocol/chat-answers.ts';
import type { JsonObject } from '../../../src/upstreams/protocol/json.ts';
import { messageAsChat, MessageStreamAsChat } from '../../../src/upstreams/protocol/message-answers.ts';
import type { Usage } from '../../../src/upstreams/protocol/usage.ts';
import { anthropicUsage, openaiUsage } from '../../../src/upstreams/protocol/usage.ts';
import { effort } from '../../support/fixtures/effort.ts';

const text = fc.string({ minLength: 1, maxLength: 20 });
const name = fc.stringMatching(/^[a-z]{1,8}$/);
const image = fc.constantFrom('https://example.com/a.png', 'data:image/png;base64,AAAA');
const object = fc.dictionary(name, fc.oneof(fc.integer(), text, fc.boolean()), { maxKeys: 3 });

const part = fc.oneof(
  text.map((one) => ({ type: 'text', text: one })),
  image.map((url) => ({ type: 'image_url', image_url: { url } })),
);
/** A list that is no text alone: one of those is said as a text. */
const parts = fc.array(part, { minLength: 2, maxLength: 3 });
const user = fc.oneof(text, parts).map((content) => ({ role: 'user', content }));
const call = fc.tuple(name, name, object).map(([id, tool, input]) => ({
  id,
  type: 'function',
  function: { name: tool, arguments: JSON.stringify(input) },
}));
const assistant = fc.oneof(
  text.map((content) => [{ role: 'assistant', content }]),
  fc
    .tuple(fc.option(text), fc.array(call, { minLength: 1, maxLength: 2 }))
    .map(([content, calls]) => [
      { role: 'assistant', content, tool_calls: calls },
      ...calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: `result of ${id}` })),
    ]),
);

const tool = fc.tuple(name, object).map(([of, properties]) => ({
  type: 'function',
  function: { name: of, description: 'a tool', parameters: { type: 'object', properties } },
}));

/** What both protocols can say. */
const chat = fc
  .record(
    {
      system: text,
      turns: fc.array(fc.tuple(user, assistant), { maxLength: 3 }),
      last: user,
      max_tokens: fc.integer({ min: 1, max: 9_999 }),
      temperature: fc.double({ min: 0, max: 1, noNaN: true }),
      top_p: fc.double({ min: 0, max: 1, noNaN: true }),
      stop: fc.array(text, { minLength: 1, maxLength: 3 }),
      stream: fc.boolean(),
      user: name,
      reasoning_effort: fc.constantFrom('low', 'medium', 'high'),
      tools: fc.array(tool, { minLength: 1, maxLength: 2 }),
      tool_choice: fc.constantFrom<unknown>('auto', 'none', 'required', { type: 'function', function: { name: 'a' } }),
      schema: object,
    },
    { requiredKeys: ['turns', 'last', 'max_tokens'] },
  )
  .map(({ system, turns, last, schema, tool_choice: choice, ...rest }): JsonObject => {
    const messages = [
      ...(system === undefined ? [] : [{ role: 'system', content: system }]),
      ...turns.flatMap(([said, answered]) => [said, ...answered]),
      last,
    ];
    return {
      ...rest,
      messages,
      ...(rest.tools === undefined || choice === undefined ? {} : { tool_choice: choice }),
      ...(schema === undefined ? {} : { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } } }),
    };
  });

const valueOf = <T>(outcome: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown }): T => {
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.error));
  return outcome.value;
};

it('[U31] keeps what both protocols can say of a request, there and back', () => {
  fc.assert(
    fc.property(chat, (request) => {
      const { max_tokens: limit, ...rest } = request;
      const there = valueOf(chatToMessages(request));
      expect(there['max_tokens']).toBe(limit);
      expect(valueOf(messagesToChat(there))).toEqual(rest);
    }),
    { numRuns: effort(200) },
  );
});

const USAGE: Usage = { inputTokens: 9, cachedTokens: 4, outputTokens: 5, reasoningTokens: 0 };
const answer = fc.record({
  content: fc.option(text),
  calls: fc.array(call, { maxLength: 2 }),
  finish: fc.constantFrom('stop', 'length', 'content_filter'),
});

it('[U31] keeps what both protocols can say of an answer, there and back, whole and streamed', () => {
  fc.assert(
    fc.property(answer, ({ content, calls, finish }) => {
      const isCall = calls.length > 0;
      const said = content ?? (isCall ? null : 'x');
      const message = { role: 'assistant', content: said, refusal: null, ...(isCall ? { tool_calls: calls } : {}) };
      const choices = [{ index: 0, message, logprobs: null, finish_reason: isCall ? 'tool_calls' : finish }];
      const usage = { prompt_tokens: 9, completion_tokens: 5, total_tokens: 14, prompt_tokens_details: { cached_tokens: 4 } };
      const whole = { id: 'c1', object: 'chat.completion', created: 7, model: 'm', choices, usage };
      const asMessage = chatAsMessage(whole);
      expect(anthropicUsage(asMessage['usage'])).toEqual(USAGE);
      const back = messageAsChat(asMessage, { createdS: 7, includesUsage: true });
      expect({ ...back, usage: openaiUsage(back['usage']) }).toEqual({ ...whole, usage: USAGE });

      const there = new ChatStreamAsMessage();
      const here = new MessageStreamAsChat({ createdS: 7, includesUsage: true });
      const events = [...chunksOf(whole).flatMap((one) => there.push(one)), ...there.end(USAGE)];
      const chunks = [...events.flatMap((event) => here.push(event)), ...here.end(USAGE)];
      expect(foldChunks(chunks)).toEqual({ content: said ?? '', calls, finish: isCall ? 'tool_calls' : finish, usage: USAGE });
      expect(blocksAreWellFormed(events)).toBe(true);
    }),
    { numRuns: effort(200) },
  );
});

type Choice = {
  readonly message: { readonly content: string | null; readonly tool_calls?: readonly Call[] };
  readonly finish_reason: string;
};
type Call = { readonly id: string; readonly type: string; readonly function: { readonly name: string; readonly arguments: string } };

/** The same answer as a stream, a character a chunk. */
function chunksOf(whole: { readonly id: string; readonly model: string; readonly choices: readonly Choice[] }): JsonObject[] {
  const [choice] = whole.choices as [Choice];
  const { content, tool_calls: calls = [] } = choice.message;
  const chunk = (delta: object, finish: string | null = null) => ({
    id: whole.id,
    model: whole.model,
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  return [
    chunk({ role: 'assistant', content: '' }),
    ...Array.from(content ?? '', (character) => chunk({ content: character })),
    ...calls.flatMap((one, index) => [
      chunk({ tool_calls: [{ index, id: one.id, type: 'function', function: { name: one.function.name, arguments: '' } }] }),
      ...Array.from(one.function.arguments, (character) => chunk({ tool_calls: [{ index, function: { arguments: character } }] })),
    ]),
    chunk({}, choice.finish_reason),
  ];
}

// oxlint-disable-next-line typescript/no-explicit-any -- chunks as a client reads them
function foldChunks(chunks: readonly any[]) {
  const calls: { id: string; type: string; function: { name: string; arguments: string } }[] = [];
  let [content, finish] = ['', ''];
  for (const { choices } of chunks) {
    for (const { delta, finish_reason: reason } of choices) {
      content += delta.content ?? '';
      finish = reason ?? finish;
      for (const { index, id, type, function: called } of delta.tool_calls ?? []) {
        if (id !== undefined) calls[index] = { id, type, function: { name: called.name, arguments: '' } };
        (calls[index] as Call & { function: { arguments: string } }).function.arguments += called.arguments;
      }
    }
  }
  return { content, calls, finish, usage: openaiUsage(chunks.at(-1).usage) };
}

/** Each block begins and ends before the next does. */
function blocksAreWellFormed(events: readonly JsonObject[]): boolean {
  let open: unknown;
  let next = 0;
  for (const event of events) {
    if (event['type'] === 'content_block_start') {
      if (open !== undefined || event['index'] !== next) return false;
      open = event['index'];
      next += 1;
    } else if (event['type'] === 'content_block_delta' && event['index'] !== open) return false;
    else if (event['type'] === 'content_block_stop') {
      if (event['index'] !== open) return false;
      open = undefined;
    }
  }
  return open === undefined && events[0]?.['type'] === 'message_start' && events.at(-1)?.['type'] === 'message_stop';
}
