import OpenAI, { toFile } from 'openai';
import { expect } from 'vitest';

import { scripted } from '../../support/upstreams/script.ts';
import type { World } from './js-cases.ts';
import { BOTH, casesOf } from './js-cases.ts';
import { user } from './openai-chat.ts';

const chat = ({ openai }: World, model: string, prompt = 'Hello', options: OpenAI.RequestOptions = {}) =>
  openai.chat.completions.create({ model, messages: user(prompt) }, options);

/** What a call throws. */
async function thrown(call: () => PromiseLike<unknown>): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error('it was answered');
}

const ONCE = { maxRetries: 0 };

export const OPENAI_CLIENT = [
  ...casesOf(BOTH, {
    with_raw_response: async (w, model) => {
      const { data, response, request_id } = await chat(w, model).withResponse();
      expect([data.object, response.headers.get('x-request-id')]).toEqual(['chat.completion', request_id]);
    },
    with_streaming_response: async (w, model) => {
      expect(await (await chat(w, model).asResponse()).text()).toContain('choices');
    },
    RateLimitError: async (w, _, target) => {
      const prompt = scripted({ status: 429, headers: { 'retry-after': '1' } });
      const error = await thrown(() => chat(w, w.frail(target, 429), prompt, ONCE));
      expect(error).toBeInstanceOf(OpenAI.RateLimitError);
      expect((error as InstanceType<typeof OpenAI.RateLimitError>).headers.get('retry-after')).toBeTruthy();
    },
    InternalServerError: async (w, _, target) => {
      const error = await thrown(() => chat(w, w.frail(target, 500), scripted({ status: 500 }), ONCE));
      expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    },
    'errors of streams': async (w, _, target) => {
      const asked = { model: w.frail(target, 'die'), messages: user(scripted({ dieAfterTokens: 2 })), stream: true } as const;
      const error = await thrown(async () => Array.fromAsync(await w.openai.chat.completions.create(asked)));
      expect(error).toBeInstanceOf(OpenAI.APIError);
    },
    max_retries: async (w, model) => {
      expect((await chat(w, model, 'Hello', { maxRetries: 5 })).choices).toHaveLength(1);
    },
    timeout: async (w, _, target) => {
      const error = await thrown(() => chat(w, w.frail(target, 'hang'), scripted({ hang: 'head' }), { ...ONCE, timeout: 300 }));
      expect(error).toBeInstanceOf(OpenAI.APIConnectionTimeoutError);
    },
  }),
  ...casesOf(['openai'], {
    'extra_headers, extra_query, extra_body': async (w, model) => {
      expect((await chat(w, model, 'Hello', { headers: { 'x-mine': '1' } })).choices).toHaveLength(1);
    },
  }),
  ...casesOf(undefined, {
    AuthenticationError: async ({ openai }) => {
      const error = await thrown(() => openai.withOptions({ apiKey: 'sk_wrong_key' }).models.list());
      expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
      expect(error).toMatchObject({ code: 'invalid_api_key', requestID: expect.any(String) });
    },
    NotFoundError: async (w) => {
      const error = await thrown(() => chat(w, 'no-such-model'));
      expect(error).toBeInstanceOf(OpenAI.NotFoundError);
      expect(error).toMatchObject({ code: 'model_not_found', param: 'model' });
    },
    BadRequestError: async ({ openai, model }) => {
      const asked = { model: model.openai, messages: user('Hello'), temperature: 9 };
      const error = await thrown(() => openai.chat.completions.create(asked));
      expect(error).toBeInstanceOf(OpenAI.BadRequestError);
      expect(error).toMatchObject({ param: 'temperature' });
    },
    pagination: async ({ openai }) => {
      for (const n of [0, 1, 2]) await openai.files.create({ file: await toFile(Buffer.from('{}'), `${n}.jsonl`), purpose: 'vision' });
      const page = await openai.files.list({ limit: 2, purpose: 'vision' });
      expect([page.hasNextPage(), page.data.length]).toEqual([true, 2]);
      expect(page.data.map(({ id }) => id)).not.toContain((await page.getNextPage()).data[0]?.id);
    },
    'client.post': async ({ openai }) => {
      expect(await openai.post('/embeddings', { body: { model: 'glove-sif-100', input: 'canal' } })).toHaveProperty('data');
    },
    vector_stores: async ({ openai }) => void (await openai.vectorStores.create({ name: 'a' })),
    'beta.assistants': async ({ openai }) => void (await openai.beta.assistants.create({ model: 'gpt-mock' })),
    'beta.threads': async ({ openai }) => void (await openai.beta.threads.create()),
    'beta.chatkit': async ({ openai }) => void (await openai.beta.chatkit.threads.list()),
    conversations: async ({ openai }) => void (await openai.conversations.create()),
    containers: async ({ openai }) => void (await openai.containers.list()),
    evals: async ({ openai }) => void (await openai.evals.list()),
    videos: async ({ openai }) => void (await openai.videos.list()),
    'realtime.client_secrets': async ({ openai }) => void (await openai.realtime.clientSecrets.create({})),
    skills: async ({ openai }) => void (await openai.skills.list()),
    decisions: async ({ openai }) => void (await openai.decisions.create({ model: 'gpt-mock', input: 'x', questions: [] })),
  }),
];
