import OpenAI from 'openai';
import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import { expect } from 'vitest';
import { z } from 'zod';

import { scripted } from '../../support/upstreams/script.ts';
import type { World } from './js-cases.ts';
import { BOTH, casesOf } from './js-cases.ts';
import { CALLS_WEATHER, IMAGE, PDF, STEP, STEP_TEXTS, STEP_VALUE, TEXT, WEATHER } from './openai-chat.ts';

type Body = Partial<OpenAI.Responses.ResponseCreateParamsNonStreaming>;

const TOOL = { type: 'function', ...WEATHER } as OpenAI.Responses.FunctionTool;

const ask = ({ openai }: World, model: string, more: Body = {}) => openai.responses.create({ model, input: 'Hello', ...more });

async function says(world: World, model: string, more: Body): Promise<void> {
  expect((await ask(world, model, more)).output_text).toBe(TEXT);
}

const parts = (...content: OpenAI.Responses.ResponseInputContent[]): Body => ({ input: [{ role: 'user', content }] });

/** The call of a tool in an answer. */
function callIn({ output }: OpenAI.Responses.Response): OpenAI.Responses.ResponseFunctionToolCall {
  const call = output.find((item) => item.type === 'function_call');
  expect(call).toMatchObject({ name: 'get_weather', arguments: '{"city":"Delft"}' });
  return call!;
}

const gone = (call: Promise<unknown>) => expect(call).rejects.toBeInstanceOf(OpenAI.NotFoundError);

export const OPENAI_RESPONSES = casesOf(BOTH, {
  'responses.create': async (w, model) => {
    const answer = await ask(w, model, { instructions: 'You talk like a pirate.', max_output_tokens: 64 });
    expect(answer).toMatchObject({ object: 'response', status: 'completed', output_text: TEXT, usage: { output_tokens: 5 } });
    expect(answer._request_id).toBeTruthy();
  },
  'responses.create messages': (w, model) =>
    says(w, model, {
      input: [
        { role: 'developer', content: 'Be short.' },
        { role: 'user', content: [{ type: 'input_text', text: 'Hello' }] },
        { role: 'assistant', content: 'Hi.' },
        { role: 'user', content: 'And now?' },
      ],
    }),
  'responses.create stream': async ({ openai }, model) => {
    const events = await Array.fromAsync(await openai.responses.create({ model, input: 'Hello', stream: true }));
    expect([events[0]?.type, events.at(-1)?.type]).toEqual(['response.created', 'response.completed']);
    expect(events.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join('')).toBe(TEXT);
    const order = events.map(({ sequence_number }) => sequence_number);
    expect(order).toEqual([...new Set(order)].toSorted((a, b) => a - b));
  },
  'responses.create max_output_tokens': async (w, model) => {
    const answer = await ask(w, model, { max_output_tokens: 2 });
    expect(answer).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } });
  },
  'responses.stream': async ({ openai }, model) => {
    const text = { format: zodTextFormat(STEP, 'step') };
    const stream = openai.responses.stream({ model, input: scripted({ texts: STEP_TEXTS }), text });
    expect((await stream.finalResponse()).output_parsed).toEqual(STEP_VALUE);
  },
  'responses.parse': async ({ openai }, model) => {
    const text = { format: zodTextFormat(STEP, 'step') };
    expect((await openai.responses.parse({ model, input: scripted({ texts: STEP_TEXTS }), text })).output_parsed).toEqual(STEP_VALUE);
  },
  'responses.parse function tool': async ({ openai }, model) => {
    const tool = zodResponsesFunction({ name: 'get_weather', parameters: z.object({ city: z.string() }) });
    const answer = await openai.responses.parse({ model, input: scripted(CALLS_WEATHER), tools: [tool] });
    expect(answer.output.find((item) => item.type === 'function_call')).toMatchObject({ parsed_arguments: { city: 'Delft' } });
  },
  'responses.create text json_object': async (w, model) => {
    const input = scripted({ texts: ['{"a":1}'] }, 'Answer in JSON.');
    expect((await ask(w, model, { input, text: { format: { type: 'json_object' } } })).output_text).toBe('{"a":1}');
  },
  'responses.create tools': async (w, model) => {
    const input: OpenAI.Responses.ResponseInputItem[] = [{ role: 'user', content: scripted(CALLS_WEATHER) }];
    const first = await ask(w, model, { input, tools: [TOOL] });
    const result = { type: 'function_call_output', call_id: callIn(first).call_id, output: '18 degrees' } as const;
    const output = first.output as OpenAI.Responses.ResponseInputItem[];
    await says(w, model, { input: [...input, ...output, result], tools: [TOOL] });
  },
  'responses.create tools stream': async ({ openai }, model) => {
    const asked = { model, input: scripted(CALLS_WEATHER), tools: [TOOL] };
    const events = await Array.fromAsync(await openai.responses.create({ ...asked, stream: true }));
    const deltas = events.map((event) => (event.type === 'response.function_call_arguments.delta' ? event.delta : ''));
    expect(deltas.join('')).toBe('{"city":"Delft"}');
  },
  'responses.create tool_choice': async (w, model) => {
    for (const tool_choice of ['required', { type: 'function', name: 'get_weather' }] as const)
      callIn(await ask(w, model, { input: scripted(CALLS_WEATHER), tools: [TOOL], tool_choice, parallel_tool_calls: false }));
  },
  'responses.create input_image': async (w, model) => {
    for (const image_url of [IMAGE, 'https://example.com/image.png'])
      await says(w, model, parts({ type: 'input_text', text: 'What is this?' }, { type: 'input_image', image_url, detail: 'auto' }));
  },
  'responses.create input_file': (w, model) =>
    says(w, model, parts({ type: 'input_text', text: 'Sum up.' }, { type: 'input_file', filename: 'a.pdf', file_data: PDF })),
  'responses.create reasoning': (w, model) => says(w, model, { reasoning: { effort: 'low', summary: 'auto' } }),
  'responses.create include encrypted reasoning': (w, model) => says(w, model, { store: false, include: ['reasoning.encrypted_content'] }),
  'responses.create metadata, user, truncation': (w, model) =>
    says(w, model, { metadata: { a: 'b' }, user: 'u1', truncation: 'disabled', temperature: 0.5, top_p: 0.9 }),
  'responses.create web_search': (w, model) => says(w, model, { tools: [{ type: 'web_search' }] }),
  'responses.create built-in tools': (w, model) => says(w, model, { tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] }),
  'responses.create mcp': (w, model) =>
    says(w, model, { tools: [{ type: 'mcp', server_label: 'x', server_url: 'https://example.com/mcp', require_approval: 'never' }] }),
  'responses.create custom tool': (w, model) => says(w, model, { tools: [{ type: 'custom', name: 'code' }] }),
  'responses.create background': async (w, model) => {
    expect((await ask(w, model, { background: true })).status).toMatch(/queued|in_progress|completed/);
  },
  'responses.create previous_response_id': async (w, model) => {
    const first = await ask(w, model);
    const second = await ask(w, model, { input: 'And now?', previous_response_id: first.id });
    expect(second).toMatchObject({ output_text: TEXT, previous_response_id: first.id });
    expect(second.usage?.input_tokens).toBeGreaterThan(first.usage?.input_tokens ?? 0);
  },
  'responses.create previous_response_id, tools': async (w, model) => {
    const first = await ask(w, model, { input: scripted(CALLS_WEATHER), tools: [TOOL] });
    const result = { type: 'function_call_output', call_id: callIn(first).call_id, output: '18 degrees' } as const;
    await says(w, model, { input: [result], previous_response_id: first.id, tools: [TOOL] });
  },
  'responses.retrieve': async (w, model) => {
    const { id } = await ask(w, model);
    expect(await w.openai.responses.retrieve(id)).toMatchObject({ id, output_text: TEXT });
  },
  'responses.retrieve stream': async (w, model) => {
    const { id } = await ask(w, model);
    const events = await Array.fromAsync(await w.openai.responses.retrieve(id, { stream: true }));
    expect(events.at(-1)?.type).toBe('response.completed');
  },
  'responses.inputItems.list': async (w, model) => {
    const { id } = await ask(w, model);
    const [item] = await Array.fromAsync(w.openai.responses.inputItems.list(id, { order: 'asc' }));
    expect(item).toMatchObject({ content: [{ text: 'Hello' }] });
  },
  'responses.delete': async (w, model) => {
    const { id } = await ask(w, model);
    await w.openai.responses.delete(id);
    await gone(w.openai.responses.retrieve(id));
  },
  'responses.create store false': async (w, model) => {
    const { id } = await ask(w, model, { store: false });
    await gone(w.openai.responses.retrieve(id));
  },
  'responses.inputTokens.count': async ({ openai }, model) => {
    expect((await openai.responses.inputTokens.count({ model, input: 'Tell me a joke.' })).input_tokens).toBeGreaterThan(0);
  },
  'responses.compact': async ({ openai }, model) => {
    expect((await openai.responses.compact({ model, input: 'Tell me a joke.' })).output).toBeDefined();
  },
  'responses.cancel': async (w, model) => {
    await w.openai.responses.cancel((await ask(w, model)).id);
  },
  'responses.create conversation': async (w, model) => {
    await says(w, model, { conversation: (await w.openai.conversations.create()).id });
  },
});
