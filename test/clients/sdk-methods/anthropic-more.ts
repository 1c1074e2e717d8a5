import Anthropic, { toFile } from '@anthropic-ai/sdk';
import { expect } from 'vitest';

import { scripted } from '../../support/upstreams/script.ts';
import { ask, PDF, textsOf, user, WEATHER } from './anthropic-messages.ts';
import type { World } from './js-cases.ts';
import { BOTH, casesOf } from './js-cases.ts';
import { TEXT } from './openai-chat.ts';

const requests = (model: string, count: number) =>
  Array.from({ length: count }, (_, n) => ({ custom_id: `r${n}`, params: { model, max_tokens: 64, messages: user(`Hello ${n}`) } }));

/** What a call throws, with what all errors of Anthropic's API have. */
async function thrown(call: () => PromiseLike<unknown>): Promise<InstanceType<typeof Anthropic.APIError>> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof Anthropic.APIError)) throw error;
    expect(error.error).toMatchObject({ type: 'error', error: { type: expect.any(String) } });
    expect(error.requestID).toBeTruthy();
    return error;
  }
  throw new Error('it was answered');
}

async function ended({ anthropic }: World, id: string): Promise<Anthropic.Messages.MessageBatch> {
  const state = async () => (await anthropic.messages.batches.retrieve(id)).processing_status;
  await expect.poll(state, { timeout: 60_000, interval: 200 }).toBe('ended');
  return anthropic.messages.batches.retrieve(id);
}

const STATUSES = [
  [429, Anthropic.RateLimitError, 'rate_limit_error'],
  [500, Anthropic.InternalServerError, 'api_error'],
  [529, Anthropic.InternalServerError, 'overloaded_error'],
] as const;

export const ANTHROPIC_MORE = [
  ...casesOf(BOTH, {
    'messages.countTokens': async ({ anthropic }, model) => {
      const { input_tokens } = await anthropic.messages.countTokens({ model, messages: user('Hello, world') });
      const more = await anthropic.messages.countTokens({ model, system: 'Be short.', messages: user('Hello, world'), tools: [WEATHER] });
      expect(input_tokens).toBeGreaterThan(0);
      expect(more.input_tokens).toBeGreaterThan(input_tokens);
    },
    'messages.countTokens document': async ({ anthropic }, model) => {
      const part = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: PDF } } as const;
      expect((await anthropic.messages.countTokens({ model, messages: user([part]) })).input_tokens).toBeGreaterThan(0);
    },
    'beta.messages.countTokens': async ({ anthropic }, model) => {
      const counted = await anthropic.beta.messages.countTokens({ model, messages: [{ role: 'user', content: 'Hello' }] });
      expect(counted.input_tokens).toBeGreaterThan(0);
    },
    'messages.batches': async (w, model) => {
      const { batches } = w.anthropic.messages;
      const { id } = await batches.create({ requests: requests(model, 2) });
      expect((await Array.fromAsync(batches.list({ limit: 20 }))).map((batch) => batch.id)).toContain(id);
      expect((await ended(w, id)).request_counts.succeeded).toBe(2);
      const results = await Array.fromAsync(await batches.results(id));
      const texts = results.map(({ result }) => (result.type === 'succeeded' ? textsOf(result.message as never) : result.type));
      expect(texts).toEqual([TEXT, TEXT]);
      expect((await batches.delete(id)).type).toBe('message_batch_deleted');
    },
    'anthropic: with_raw_response': async (w, model) => {
      const { data, request_id } = await ask(w, model).withResponse();
      expect([textsOf(data), request_id]).toEqual([TEXT, expect.any(String)]);
    },
    'anthropic: with_streaming_response': async (w, model) => {
      const response = await ask(w, model).asResponse();
      expect([response.headers.get('request-id'), await response.text()]).toEqual([expect.any(String), expect.stringContaining('content')]);
    },
    'anthropic: RateLimitError, OverloadedError, InternalServerError': async ({ anthropic, frail }, _, target) => {
      for (const [status, kind, type] of STATUSES) {
        if (status === 529 && target === 'openai') continue;
        const asked = { model: frail(target, status), max_tokens: 64, messages: user(scripted({ status })) };
        const error = await thrown(() => anthropic.messages.create(asked, { maxRetries: 0 }));
        expect(error).toBeInstanceOf(kind);
        expect(error.error).toMatchObject({ error: { type } });
      }
    },
    'anthropic: errors of streams': async ({ anthropic, frail }, _, target) => {
      const stream = anthropic.messages.stream({
        model: frail(target, 'die'),
        max_tokens: 64,
        messages: user(scripted({ dieAfterTokens: 2 })),
      });
      await expect(stream.finalMessage()).rejects.toBeInstanceOf(Anthropic.AnthropicError);
    },
    'anthropic: timeout': async ({ anthropic, frail }, _, target) => {
      const asked = { model: frail(target, 'hang'), max_tokens: 64, messages: user(scripted({ hang: 'head' })) };
      const call = anthropic.messages.create(asked, { maxRetries: 0, timeout: 300 });
      await expect(call).rejects.toBeInstanceOf(Anthropic.APIConnectionTimeoutError);
    },
  }),
  ...casesOf(['anthropic'], {
    'beta.messages.batches': async (w, model) => {
      const { id } = await w.anthropic.beta.messages.batches.create({ requests: requests(model, 2) });
      expect((await ended(w, id)).request_counts.succeeded).toBe(2);
    },
  }),
  ...casesOf(undefined, {
    'messages.batches.cancel': async ({ anthropic, model }) => {
      const { id } = await anthropic.messages.batches.create({ requests: requests(model.openai, 1) });
      expect((await anthropic.messages.batches.cancel(id)).processing_status).toMatch(/canceling|ended/);
    },
    'anthropic: models.list': async ({ anthropic }) => {
      const page = await anthropic.models.list({ limit: 1 });
      expect(page).toMatchObject({ first_id: page.data[0]?.id, data: [{ type: 'model', display_name: expect.any(String) }] });
      const ids: string[] = [];
      for await (const { id } of anthropic.models.list({ limit: 2 })) if (ids.push(id) >= 100) break;
      expect([new Set(ids).size, ids.join(' ')]).toEqual([ids.length, expect.stringContaining('claude-mock')]);
    },
    'anthropic: models.retrieve': async ({ anthropic }) => {
      expect(await anthropic.models.retrieve('claude-mock')).toMatchObject({ id: 'claude-mock', type: 'model' });
    },
    'beta.models.list': async ({ anthropic }) => {
      expect((await anthropic.beta.models.list()).data[0]?.type).toBe('model');
    },
    'anthropic: files.upload': async ({ anthropic }) => {
      await anthropic.files.upload({ file: await toFile(Buffer.from('text'), 'a.txt', { type: 'text/plain' }) });
    },
    'beta.files.list': async ({ anthropic }) => void (await anthropic.beta.files.list()),
    'anthropic: skills.list': async ({ anthropic }) => void (await anthropic.skills.list()),
    'anthropic: organization.retrieve': async ({ anthropic }) => void (await anthropic.organization.retrieve()),
    'anthropic: AuthenticationError': async ({ anthropic }) => {
      const client = anthropic.withOptions({ apiKey: 'sk_wrong_key' });
      const error = await thrown(() => client.messages.create({ model: 'claude-mock', max_tokens: 64, messages: user('Hello') }));
      expect(error).toBeInstanceOf(Anthropic.AuthenticationError);
      expect(error.error).toMatchObject({ error: { type: 'authentication_error' } });
    },
    'anthropic: NotFoundError': async (w) => {
      const error = await thrown(() => ask(w, 'no-such-model'));
      expect(error).toBeInstanceOf(Anthropic.NotFoundError);
      expect(error.error).toMatchObject({ error: { type: 'not_found_error' } });
    },
    'anthropic: BadRequestError': async (w) => {
      const error = await thrown(() => ask(w, 'claude-mock', { max_tokens: 0 }));
      expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    },
  }),
];
