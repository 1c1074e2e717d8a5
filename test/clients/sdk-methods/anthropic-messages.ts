import type Anthropic from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { expect } from 'vitest';
import { z } from 'zod';

import { scripted } from '../../support/upstreams/script.ts';
import type { World } from './js-cases.ts';
import { BOTH, casesOf } from './js-cases.ts';
import { CALLS_WEATHER, PIXEL, STEP, STEP_TEXTS, STEP_VALUE, TEXT } from './openai-chat.ts';

type Body = Partial<Anthropic.MessageCreateParamsNonStreaming>;
type Content = Anthropic.MessageParam['content'];

export const PDF = 'JVBERi0xLjQKMSAwIG9iajw8L1R5cGUvUGFnZT4+ZW5kb2JqCg==';
export const WEATHER: Anthropic.Tool = {
  name: 'get_weather',
  description: 'The weather of a place.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

export const user = (content: Content): Anthropic.MessageParam[] => [{ role: 'user', content }];

export const ask = ({ anthropic }: World, model: string, more: Body = {}) =>
  anthropic.messages.create({ model, max_tokens: 64, messages: user('Hello'), ...more });

interface Texts {
  readonly content: readonly { readonly type: string; readonly text?: string }[];
}

export const textsOf = ({ content }: Texts): string => content.map(({ text = '' }) => text).join('');

async function says(world: World, model: string, more: Body, text = TEXT): Promise<void> {
  expect(textsOf(await ask(world, model, more))).toBe(text);
}

const about = (...parts: Anthropic.ContentBlockParam[]): Body => ({ messages: user([...parts, { type: 'text', text: 'What is this?' }]) });

const weatherTool = () =>
  betaZodTool({ name: 'get_weather', description: 'The weather.', inputSchema: z.object({ city: z.string() }), run: () => '18' });

const CALLED = () => user(scripted(CALLS_WEATHER));
const IMAGE = { type: 'base64', media_type: 'image/png', data: PIXEL } as const;

/** A conversation in which tools were called for two cities, and answered. */
const afterCalls = (results: readonly Partial<Anthropic.ToolResultBlockParam>[], more: Anthropic.ContentBlockParam[] = []): Body => ({
  tools: [WEATHER],
  messages: [
    ...user('Weather?'),
    {
      role: 'assistant',
      content: results.map((_, n) => ({ type: 'tool_use', id: `toolu_${n}`, name: 'get_weather', input: { city: `${n}` } })),
    },
    ...user([...results.map((result, n) => ({ type: 'tool_result' as const, tool_use_id: `toolu_${n}`, ...result })), ...more]),
  ],
});

export const ANTHROPIC_MESSAGES = casesOf(BOTH, {
  'messages.create': async (w, model) => {
    const message = await ask(w, model);
    expect(message).toMatchObject({ type: 'message', role: 'assistant', stop_reason: 'end_turn', usage: { output_tokens: 5 } });
    expect([textsOf(message), message._request_id]).toEqual([TEXT, expect.any(String)]);
  },
  'messages.create stream': async ({ anthropic }, model) => {
    const events = await Array.fromAsync(await anthropic.messages.create({ model, max_tokens: 64, messages: user('Hello'), stream: true }));
    const kinds = events.map(({ type }) => type as string).filter((type) => type !== 'ping');
    expect([kinds.slice(0, 2), kinds.slice(-2)]).toEqual([
      ['message_start', 'content_block_start'],
      ['message_delta', 'message_stop'],
    ]);
  },
  'messages.stream': async ({ anthropic }, model) => {
    const stream = anthropic.messages.stream({ model, max_tokens: 64, messages: user('Hello') });
    expect(textsOf(await stream.finalMessage())).toBe(TEXT);
  },
  'messages.create system': async (w, model) => {
    await says(w, model, { system: 'Be short.' });
    await says(w, model, { system: [{ type: 'text', text: 'Be short.', cache_control: { type: 'ephemeral' } }] });
  },
  'messages.create max_tokens': async (w, model) => {
    expect((await ask(w, model, { max_tokens: 2 })).stop_reason).toBe('max_tokens');
  },
  'messages.create conversation': (w, model) =>
    says(w, model, { messages: [...user([{ type: 'text', text: 'Hello' }]), { role: 'assistant', content: 'Hi.' }, ...user('And now?')] }),
  'messages.create temperature, top_p, stop_sequences, metadata': (w, model) =>
    says(w, model, { ...({ temperature: 0.5 } as Body), stop_sequences: ['END'], metadata: { user_id: 'u1' } }),
  'messages.create top_k': (w, model) => says(w, model, { ...({ top_k: 5 } as Body) }),
  'messages.create service_tier': (w, model) => says(w, model, { service_tier: 'auto' }),
  'messages.create thinking': (w, model) => says(w, model, { max_tokens: 4096, thinking: { type: 'enabled', budget_tokens: 2048 } }),
  'messages.create thinking adaptive': (w, model) => says(w, model, { thinking: { type: 'adaptive' }, output_config: { effort: 'low' } }),
  'messages.create thinking blocks sent back': (w, model) => {
    const content: Content = [
      { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' },
      { type: 'text', text: 'Hi.' },
    ];
    return says(w, model, { messages: [...user('Hello'), { role: 'assistant', content }, ...user('And now?')] });
  },
  'messages.create image base64': (w, model) => says(w, model, about({ type: 'image', source: IMAGE })),
  'messages.create image url': (w, model) =>
    says(w, model, about({ type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } })),
  'messages.create document base64': (w, model) =>
    says(w, model, about({ type: 'document', title: 'A', source: { type: 'base64', media_type: 'application/pdf', data: PDF } })),
  'messages.create document url': (w, model) =>
    says(w, model, about({ type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' } })),
  'messages.create document text, citations': (w, model) => {
    const source = { type: 'text', media_type: 'text/plain', data: 'Grass is green.' } as const;
    return says(w, model, about({ type: 'document', source, citations: { enabled: true } }));
  },
  'messages.create search_result': (w, model) =>
    says(
      w,
      model,
      about({ type: 'search_result', source: 'https://example.com', title: 'A', content: [{ type: 'text', text: 'Grass.' }] }),
    ),
  'messages.create tools': async (w, model) => {
    const first = await ask(w, model, { messages: CALLED(), tools: [WEATHER] });
    const call = first.content.find((block) => block.type === 'tool_use');
    expect([first.stop_reason, call?.input]).toEqual(['tool_use', { city: 'Delft' }]);
    const result = { type: 'tool_result', tool_use_id: call!.id, content: '18 degrees' } as const;
    await says(w, model, { messages: [...CALLED(), { role: 'assistant', content: first.content }, ...user([result])], tools: [WEATHER] });
  },
  'messages.create tools stream': async ({ anthropic }, model) => {
    const message = await anthropic.messages.stream({ model, max_tokens: 64, messages: CALLED(), tools: [WEATHER] }).finalMessage();
    expect(message.content.find((block) => block.type === 'tool_use')).toMatchObject({ input: { city: 'Delft' } });
  },
  'messages.create tool_choice': async (w, model) => {
    const choices = [{ type: 'any' }, { type: 'tool', name: 'get_weather' }, { type: 'auto', disable_parallel_tool_use: true }] as const;
    for (const tool_choice of choices)
      expect((await ask(w, model, { messages: CALLED(), tools: [WEATHER], tool_choice })).stop_reason).toBe('tool_use');
  },
  'messages.create two tool results': (w, model) =>
    says(w, model, afterCalls([{ content: '18' }, { content: [{ type: 'text', text: '19' }] }], [{ type: 'text', text: 'And?' }])),
  'messages.create tool result with error, image': (w, model) =>
    says(w, model, afterCalls([{ is_error: true, content: 'no such city' }, { content: [{ type: 'image', source: IMAGE }] }])),
  'messages.create web_search': (w, model) => says(w, model, { tools: [{ type: 'web_search_20250305', name: 'web_search', max_uses: 2 }] }),
  'messages.parse': async ({ anthropic }, model) => {
    const asked = { model, max_tokens: 64, messages: user(scripted({ texts: STEP_TEXTS })) };
    const message = await anthropic.messages.parse({ ...asked, output_config: { format: zodOutputFormat(STEP) } });
    expect(message.parsed_output).toEqual(STEP_VALUE);
  },
  'messages.create output_config': (w, model) => {
    const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'], additionalProperties: false };
    const messages = user(scripted({ texts: ['{"a":1}'] }));
    return says(w, model, { messages, output_config: { format: { type: 'json_schema', schema } } }, '{"a":1}');
  },
  'beta.messages.toolRunner': async ({ anthropic }, model) => {
    const asked = { model, max_tokens: 64, messages: user(scripted(CALLS_WEATHER)) as Anthropic.Beta.BetaMessageParam[] };
    const stops = [];
    for await (const message of anthropic.beta.messages.toolRunner({ ...asked, tools: [weatherTool()] })) stops.push(message.stop_reason);
    expect(stops).toEqual(['tool_use', 'end_turn']);
  },
  'beta.messages.toolRunner stream': async ({ anthropic }, model) => {
    const asked = {
      model,
      max_tokens: 64,
      messages: user(scripted(CALLS_WEATHER)) as Anthropic.Beta.BetaMessageParam[],
      stream: true,
    } as const;
    const stops = [];
    for await (const stream of anthropic.beta.messages.toolRunner({ ...asked, tools: [weatherTool()] }))
      stops.push((await stream.finalMessage()).stop_reason);
    expect(stops).toEqual(['tool_use', 'end_turn']);
  },
  'beta.messages.create': async ({ anthropic }, model) => {
    const asked = { model, max_tokens: 64, messages: [{ role: 'user', content: 'Hello' }] } as const;
    expect(textsOf((await anthropic.beta.messages.create({ ...asked, messages: [...asked.messages] })) as Texts)).toBe(TEXT);
  },
  'beta.messages.stream': async ({ anthropic }, model) => {
    const stream = anthropic.beta.messages.stream({ model, max_tokens: 64, messages: [{ role: 'user', content: 'Hello' }] });
    expect(await stream.finalText()).toBe(TEXT);
  },
  'beta.messages.parse': async ({ anthropic }, model) => {
    const messages: Anthropic.Beta.BetaMessageParam[] = [{ role: 'user', content: scripted({ texts: STEP_TEXTS }) }];
    const format = zodOutputFormat(STEP);
    expect((await anthropic.beta.messages.parse({ model, max_tokens: 64, messages, output_config: { format } })).parsed_output).toEqual(
      STEP_VALUE,
    );
  },
  'beta.messages.create betas': async ({ anthropic }, model) => {
    const messages: Anthropic.Beta.BetaMessageParam[] = [{ role: 'user', content: 'Hello' }];
    const asked = { model, max_tokens: 64, messages, betas: ['interleaved-thinking-2025-05-14'] };
    expect(textsOf((await anthropic.beta.messages.create(asked)) as Texts)).toBe(TEXT);
  },
  'beta.messages.create mcp_servers': async ({ anthropic }, model) => {
    const messages: Anthropic.Beta.BetaMessageParam[] = [{ role: 'user', content: 'Hello' }];
    const message = await anthropic.beta.messages.create({
      model,
      max_tokens: 64,
      messages,
      mcp_servers: [{ type: 'url', name: 'x', url: 'https://example.com/mcp' }],
      tools: [{ type: 'mcp_toolset', mcp_server_name: 'x' }],
      betas: ['mcp-client-2025-11-20'],
    });
    expect(textsOf(message as Texts)).toBe(TEXT);
  },
});
