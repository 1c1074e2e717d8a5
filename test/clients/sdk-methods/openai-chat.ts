import type OpenAI from 'openai';
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import { expect } from 'vitest';
import { z } from 'zod';

import { scripted } from '../../support/upstreams/script.ts';
import type { World } from './js-cases.ts';
import { BOTH, casesOf } from './js-cases.ts';

export const TEXT = 't0 t1 t2 t3 t4';
export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
export const IMAGE = `data:image/png;base64,${PIXEL}`;
export const PDF = 'data:application/pdf;base64,JVBERi0xLjQKMSAwIG9iajw8L1R5cGUvUGFnZT4+ZW5kb2JqCg==';
export const STEP = z.object({ explanation: z.string(), output: z.string() });
export const STEP_TEXTS = ['{"explanation":"e",', '"output":"o"}'];
export const STEP_VALUE = { explanation: 'e', output: 'o' };
export const CALLS_WEATHER = { tool: { name: 'get_weather', arguments: '{"city":"Delft"}' } };
const CITY = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
export const WEATHER: OpenAI.FunctionDefinition = { name: 'get_weather', description: 'The weather.', strict: true, parameters: CITY };
const TOOL: OpenAI.ChatCompletionFunctionTool = { type: 'function', function: WEATHER };

type Body = Partial<OpenAI.ChatCompletionCreateParamsNonStreaming>;
type Content = OpenAI.ChatCompletionUserMessageParam['content'];

export const user = (content: Content): OpenAI.ChatCompletionUserMessageParam[] => [{ role: 'user', content }];

const chat = ({ openai }: World, model: string, more: Body = {}) =>
  openai.chat.completions.create({ model, messages: user('Hello'), ...more });

async function says(world: World, model: string, more: Body, text = TEXT): Promise<void> {
  expect((await chat(world, model, more)).choices[0]?.message.content).toBe(text);
}

export const OPENAI_CHAT = [
  ...casesOf(BOTH, {
    'chat.completions.create': async (w, model) => {
      const answer = await chat(w, model, { messages: [{ role: 'developer', content: 'Talk like a pirate.' }, ...user('Hello')] });
      expect(answer).toMatchObject({ object: 'chat.completion', choices: [{ finish_reason: 'stop', message: { content: TEXT } }] });
      expect([answer.usage?.completion_tokens, answer._request_id]).toEqual([5, expect.stringMatching(/./)]);
    },
    'chat.completions.create stream': async ({ openai }, model) => {
      let text = '';
      for await (const { choices } of await openai.chat.completions.create({ model, messages: user('Hello'), stream: true }))
        text += choices[0]?.delta.content ?? '';
      expect(text).toBe(TEXT);
    },
    'chat.completions.create stream_options': async ({ openai }, model) => {
      const options = { stream: true, stream_options: { include_usage: true } } as const;
      const chunks = await Array.fromAsync(await openai.chat.completions.create({ model, messages: user('Hello'), ...options }));
      expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 5 } });
    },
    'chat.completions.create max_completion_tokens': async (w, model) => {
      const answer = await chat(w, model, { max_completion_tokens: 2 });
      expect(answer.choices).toMatchObject([{ finish_reason: 'length', message: { content: 't0 t1' } }]);
    },
    'chat.completions.create stop, temperature, top_p, user': (w, model) =>
      says(w, model, { stop: ['END'], temperature: 0.5, top_p: 0.9, user: 'u1', metadata: { a: 'b' } }),
    'chat.completions.create seed': (w, model) => says(w, model, { seed: 7 }),
    'chat.completions.create n': async (w, model) => {
      expect((await chat(w, model, { n: 2 })).choices.map(({ index }) => index)).toEqual([0, 1]);
    },
    'chat.completions.create logprobs': async (w, model) => {
      const answer = await chat(w, model, { messages: user(scripted({ logprob: -0.5 })), logprobs: true, top_logprobs: 2 });
      expect(answer.choices[0]?.logprobs?.content?.[0]?.logprob).toBe(-0.5);
    },
    'chat.completions.create logit_bias': (w, model) => says(w, model, { logit_bias: { '50256': -100 } }),
    'chat.completions.create penalties': (w, model) => says(w, model, { frequency_penalty: 0.5, presence_penalty: 0.5 }),
    'chat.completions.create reasoning_effort, verbosity': (w, model) => says(w, model, { reasoning_effort: 'low', verbosity: 'low' }),
    'chat.completions.create service_tier': (w, model) => says(w, model, { service_tier: 'auto' }),
    'chat.completions.create prediction': (w, model) => says(w, model, { prediction: { type: 'content', content: 't0 t1' } }),
    'chat.completions.create prompt_cache_key, safety_identifier': (w, model) =>
      says(w, model, { prompt_cache_key: 'k', safety_identifier: 's' }),
    'chat.completions.create response_format json_object': (w, model) =>
      says(
        w,
        model,
        { messages: user(scripted({ texts: ['{"a":', '1}'] }, 'Answer in JSON.')), response_format: { type: 'json_object' } },
        '{"a":1}',
      ),
    'chat.completions.create response_format json_schema': (w, model) =>
      says(
        w,
        model,
        {
          messages: user(scripted({ texts: ['{"city":', '"Delft"}'] })),
          response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema: CITY } },
        },
        '{"city":"Delft"}',
      ),
    'chat.completions.parse': async ({ openai }, model) => {
      const format = zodResponseFormat(STEP, 'step');
      const asked = { model, messages: user(scripted({ texts: STEP_TEXTS })), response_format: format };
      expect((await openai.chat.completions.parse(asked)).choices[0]?.message.parsed).toEqual(STEP_VALUE);
    },
    'chat.completions.parse function tool': async ({ openai }, model) => {
      const tool = zodFunction({ name: 'get_weather', parameters: z.object({ city: z.string() }) });
      const answer = await openai.chat.completions.parse({ model, messages: user(scripted(CALLS_WEATHER)), tools: [tool] });
      expect(answer.choices[0]?.message.tool_calls?.[0]).toMatchObject({ function: { parsed_arguments: { city: 'Delft' } } });
    },
    'chat.completions.stream': async ({ openai }, model) => {
      const format = zodResponseFormat(STEP, 'step');
      const stream = openai.chat.completions.stream({ model, messages: user(scripted({ texts: STEP_TEXTS })), response_format: format });
      expect((await stream.finalChatCompletion()).choices[0]?.message.parsed).toEqual(STEP_VALUE);
    },
    'chat.completions.runTools': async ({ openai }, model) => {
      const runner = openai.chat.completions.runTools({
        model,
        messages: user(scripted(CALLS_WEATHER)),
        tools: [
          {
            type: 'function',
            function: { name: 'get_weather', description: 'The weather.', parameters: CITY, function: () => '18 degrees' },
          },
        ],
      });
      expect(await runner.finalContent()).toBe(TEXT);
    },
    'chat.completions.create tools': async (w, model) => {
      const messages = user(scripted(CALLS_WEATHER));
      const first = await chat(w, model, { messages, tools: [TOOL], tool_choice: 'auto' });
      const message = first.choices[0]!.message;
      const [call] = message.tool_calls as OpenAI.ChatCompletionMessageFunctionToolCall[];
      expect(call?.function.arguments).toBe('{"city":"Delft"}');
      await says(w, model, {
        messages: [...messages, message, { role: 'tool', tool_call_id: call!.id, content: '18 degrees' }],
        tools: [TOOL],
      });
    },
    'chat.completions.create tools stream': async ({ openai }, model) => {
      const asked = { model, messages: user(scripted(CALLS_WEATHER)), tools: [TOOL] };
      let text = '';
      for await (const { choices } of await openai.chat.completions.create({ ...asked, stream: true }))
        for (const call of choices[0]?.delta.tool_calls ?? []) text += call.function?.arguments ?? '';
      expect(text).toBe('{"city":"Delft"}');
    },
    'chat.completions.create tool_choice, parallel_tool_calls': async (w, model) => {
      const named = { type: 'function', function: { name: 'get_weather' } } as const;
      for (const tool_choice of ['required', named] as const) {
        const messages = user(scripted(CALLS_WEATHER));
        const answer = await chat(w, model, { messages, tools: [TOOL], tool_choice, parallel_tool_calls: false });
        expect(answer.choices[0]?.finish_reason).toMatch(/tool_calls|stop/);
      }
    },
    'chat.completions.create tools, two results': (w, model) => says(w, model, { messages: afterCalls(['a', 'b'], null), tools: [TOOL] }),
    'chat.completions.create tools, empty contents': (w, model) => says(w, model, { messages: afterCalls(['a'], ''), tools: [TOOL] }),
    'chat.completions.create custom tool': (w, model) => says(w, model, { tools: [{ type: 'custom', custom: { name: 'code' } }] }),
    'chat.completions.create functions': (w, model) => says(w, model, { functions: [{ name: 'get_weather', parameters: CITY }] }),
    'chat.completions.create image_url': async (w, model) => {
      for (const url of [IMAGE, 'https://example.com/image.png'])
        await says(w, model, {
          messages: user([
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url, detail: 'low' } },
          ]),
        });
    },
    'chat.completions.create input_audio': (w, model) =>
      says(w, model, { messages: user([{ type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } }]) }),
    'chat.completions.create audio output': (w, model) =>
      says(w, model, { modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'wav' } }),
    'chat.completions.create file': (w, model) =>
      says(w, model, { messages: user([{ type: 'file', file: { filename: 'a.pdf', file_data: PDF } }]) }),
    'chat.completions.create web_search_options': (w, model) => says(w, model, { web_search_options: { search_context_size: 'low' } }),
    'chat.completions.create assistant parts, names': (w, model) =>
      says(w, model, {
        messages: [
          { role: 'system', content: [{ type: 'text', text: 'Be short.' }] },
          { role: 'user', content: [{ type: 'text', text: 'Hello' }], name: 'ada' },
          { role: 'assistant', content: [{ type: 'text', text: 'Hi.' }] },
          ...user('And now?'),
        ],
      }),
    'chat.completions.retrieve, list, update, delete': async (w, model, target) => {
      const chats = w.openai.chat.completions;
      const metadata = { case: `javascript ${target}` };
      const { id } = await chat(w, model, { store: true, metadata });
      expect((await chats.retrieve(id)).id).toBe(id);
      expect((await Array.fromAsync(chats.messages.list(id))).map(({ content }) => content)).toEqual(['Hello']);
      expect((await chats.update(id, { metadata: { ...metadata, more: '1' } })).metadata).toMatchObject({ more: '1' });
      expect((await Array.fromAsync(chats.list({ metadata }))).map((one) => one.id)).toEqual([id]);
      expect((await chats.delete(id)).deleted).toBe(true);
    },
  }),
  ...casesOf(['openai'], {
    'completions.create': async ({ openai }, model) => {
      const asked = { model, prompt: 'Say this', max_tokens: 5 };
      expect((await openai.completions.create(asked)).choices[0]?.text).toBe(TEXT);
      let text = '';
      for await (const { choices } of await openai.completions.create({ ...asked, stream: true })) text += choices[0]?.text;
      expect(text).toBe(TEXT);
    },
  }),
  ...casesOf(undefined, {
    'moderations.create': async ({ openai }) => {
      const { results } = await openai.moderations.create({ model: 'mod-mock', input: ['violence', 'peace'] });
      expect(results.map(({ flagged }) => flagged)).toEqual([true, false]);
    },
  }),
];

/** A conversation in which tools were called for cities, and answered. */
function afterCalls(cities: readonly string[], content: string | null): OpenAI.ChatCompletionMessageParam[] {
  const calls = cities.map((city) => ({
    id: `call_${city}`,
    type: 'function' as const,
    function: { name: 'get_weather', arguments: JSON.stringify({ city }) },
  }));
  const results = calls.map(({ id }) => ({ role: 'tool' as const, tool_call_id: id, content: content ?? '18' }));
  return [...user('Weather?'), { role: 'assistant', content, tool_calls: calls }, ...results];
}
