import type { MessageCreateParamsNonStreaming as BetaMessage } from '@anthropic-ai/sdk/resources/beta/messages';
import type { MessageCreateParamsNonStreaming } from '@anthropic-ai/sdk/resources/messages';
import type { ChatCompletionCreateParamsNonStreaming } from 'openai/resources/chat/completions';
import type { CompletionCreateParamsNonStreaming } from 'openai/resources/completions';
import type { EmbeddingCreateParams } from 'openai/resources/embeddings';
import type { SpeechCreateParams } from 'openai/resources/audio/speech';
import type { TranscriptionCreateParamsNonStreaming } from 'openai/resources/audio/transcriptions';
import type { TranslationCreateParams } from 'openai/resources/audio/translations';
import type { ImageCreateVariationParams, ImageEditParamsNonStreaming, ImageGenerateParamsNonStreaming } from 'openai/resources/images';
import type { ModerationCreateParams } from 'openai/resources/moderations';
import type { ResponseCreateParamsNonStreaming } from 'openai/resources/responses/responses';
import { describe, expect, it } from 'vitest';

import { refusal } from '../../../../src/contract/api/errors.ts';
import { anthropicError } from '../../../../src/contract/api/surface.ts';
import { KNOWN_FIELDS } from '../../../../src/upstreams/money/known-fields.ts';
import type { FieldUse } from '../../../../src/upstreams/money/known-fields.ts';
import type { RequestKind } from '../../../../src/upstreams/money/platform-fields.ts';
import { checkPlatformFields } from '../../../../src/upstreams/money/platform-fields.ts';
import type { Surface } from '../../../../src/upstreams/protocol/surfaces.ts';
import { Exchanges } from '../../../../src/upstreams/protocol/exchange.ts';
import type { JsonObject } from '../../../../src/upstreams/protocol/json.ts';
import type { Target } from '../../../../src/upstreams/target.ts';
import { targetOf } from '../../../support/upstreams/target.ts';

/** The fields of a request, all of them: of one more, or one less, it does not compile. */
const fieldsOf =
  <Request>() =>
  (fields: Readonly<Record<keyof Request, 1>>): string[] =>
    Object.keys(fields);

const SAMPLED = { frequency_penalty: 1, logit_bias: 1, logprobs: 1, n: 1, presence_penalty: 1, seed: 1, stop: 1 } as const;
const MESSAGE = {
  cache_control: 1,
  container: 1,
  diagnostics: 1,
  inference_geo: 1,
  max_tokens: 1,
  messages: 1,
  metadata: 1,
  model: 1,
  output_config: 1,
  service_tier: 1,
  speed: 1,
  stop_sequences: 1,
  stream: 1,
  system: 1,
  temperature: 1,
  thinking: 1,
  tool_choice: 1,
  tools: 1,
  top_k: 1,
  top_p: 1,
} as const;
const ASKED = {
  metadata: 1,
  model: 1,
  prompt_cache_key: 1,
  prompt_cache_options: 1,
  prompt_cache_retention: 1,
  safety_identifier: 1,
} as const;
const STREAMED = { service_tier: 1, store: 1, stream: 1, stream_options: 1, temperature: 1, top_p: 1, user: 1 } as const;

const DRAWN = {
  background: 1,
  complexity: 1,
  frame_count: 1,
  frame_duration_ms: 1,
  model: 1,
  n: 1,
  output_compression: 1,
  output_format: 1,
  partial_images: 1,
  quality: 1,
  response_format: 1,
  safety_identifier: 1,
  size: 1,
  svg: 1,
  user: 1,
} as const;

/** What the clients of OpenAI and Anthropic know. */
const OF_CLIENTS: Readonly<Record<Exclude<RequestKind, 'rerank'>, readonly string[]>> = {
  chat: fieldsOf<ChatCompletionCreateParamsNonStreaming>()({
    ...SAMPLED,
    ...ASKED,
    ...STREAMED,
    audio: 1,
    function_call: 1,
    functions: 1,
    max_completion_tokens: 1,
    max_tokens: 1,
    messages: 1,
    modalities: 1,
    moderation: 1,
    parallel_tool_calls: 1,
    prediction: 1,
    reasoning_effort: 1,
    response_format: 1,
    tool_choice: 1,
    tools: 1,
    top_logprobs: 1,
    verbosity: 1,
    web_search_options: 1,
  }),
  completions: fieldsOf<CompletionCreateParamsNonStreaming>()({
    ...SAMPLED,
    best_of: 1,
    echo: 1,
    max_tokens: 1,
    model: 1,
    prompt: 1,
    stream: 1,
    stream_options: 1,
    suffix: 1,
    temperature: 1,
    top_p: 1,
    user: 1,
  }),
  responses: fieldsOf<ResponseCreateParamsNonStreaming>()({
    ...ASKED,
    ...STREAMED,
    access_programs: 1,
    background: 1,
    context_management: 1,
    conversation: 1,
    image: 1,
    include: 1,
    input: 1,
    instructions: 1,
    max_output_tokens: 1,
    max_tool_calls: 1,
    moderation: 1,
    parallel_tool_calls: 1,
    previous_response_id: 1,
    prompt: 1,
    reasoning: 1,
    text: 1,
    tool_choice: 1,
    tools: 1,
    top_logprobs: 1,
    truncation: 1,
  }),
  messages: [
    ...fieldsOf<Omit<MessageCreateParamsNonStreaming, 'user_profile_id' | 'workspace_id'>>()(MESSAGE),
    // Some are sent as headers.
    ...fieldsOf<Omit<BetaMessage, 'betas' | 'user_profile_id' | 'workspace_id'>>()({
      ...MESSAGE,
      billing_policy: 1,
      compaction: 1,
      context_management: 1,
      fallback_credit_token: 1,
      fallbacks: 1,
      mcp_servers: 1,
      output_format: 1,
      thread: 1,
    }),
  ],
  embeddings: fieldsOf<EmbeddingCreateParams>()({ dimensions: 1, encoding_format: 1, input: 1, model: 1, user: 1 }),
  moderations: fieldsOf<ModerationCreateParams>()({ input: 1, model: 1 }),
  images: fieldsOf<ImageGenerateParamsNonStreaming>()({ ...DRAWN, moderation: 1, prompt: 1, stream: 1, style: 1 }),
  // What is a file is no field of its form.
  image_edits: fieldsOf<Omit<ImageEditParamsNonStreaming, 'image' | 'mask' | 'markup'>>()({
    ...DRAWN,
    input_fidelity: 1,
    prompt: 1,
    stream: 1,
  }),
  image_variations: fieldsOf<Omit<ImageCreateVariationParams, 'image'>>()({ model: 1, n: 1, response_format: 1, size: 1, user: 1 }),
  speech: fieldsOf<SpeechCreateParams>()({
    input: 1,
    instructions: 1,
    model: 1,
    response_format: 1,
    speed: 1,
    stream_format: 1,
    voice: 1,
  }),
  transcriptions: fieldsOf<Omit<TranscriptionCreateParamsNonStreaming, 'file'>>()({
    chunking_strategy: 1,
    include: 1,
    keywords: 1,
    known_speaker_names: 1,
    known_speaker_references: 1,
    language: 1,
    languages: 1,
    model: 1,
    prompt: 1,
    response_format: 1,
    stream: 1,
    temperature: 1,
    timestamp_granularities: 1,
  }),
  translations: fieldsOf<Omit<TranslationCreateParams, 'file'>>()({ model: 1, prompt: 1, response_format: 1, temperature: 1 }),
};

const PLATFORM: Partial<Target> = { upstreamId: 'platform/lab' };
const TENANTS: Partial<Target> = { upstreamId: 'ten_1/lab' };
const SAID: JsonObject = { model: 'small', messages: [{ role: 'user', content: 'x' }], max_tokens: 9 };
const ANTHROPIC: Partial<Target> = { ...PLATFORM, protocol: 'anthropic' };

function exchangesOf(surface: Surface, more: JsonObject, headers: Record<string, string> = {}) {
  const said = surface === 'chat' || surface === 'messages' ? SAID : { model: 'small' };
  return new Exchanges({ surface, body: { ...said, ...more }, headers, nowMs: 0 });
}
const servesAll = { serves: ['chat', 'completions', 'responses'] } as const;
const refusedAt = (surface: Surface, more: JsonObject, of: Partial<Target> = PLATFORM) => {
  const checked = exchangesOf(surface, more).check(targetOf({ ...of, model: servesAll }));
  return checked.ok ? undefined : checked.error.path?.join('.');
};
const sentTo = (surface: Surface, more: JsonObject, of: Partial<Target>, headers?: Record<string, string>) => {
  const { request } = exchangesOf(surface, more, headers).with(targetOf({ ...of, model: servesAll }), 9);
  return { body: JSON.parse(request.body) as JsonObject, headers: request.headers };
};

describe('[U195] what goes to an upstream of the platform', () => {
  it.each(Object.entries(OF_CLIENTS))('[U195] every field of %s that clients know has a row in the table', (kind, fields) => {
    for (const field of fields) expect(Object.keys(KNOWN_FIELDS[kind as RequestKind]), field).toContain(field);
  });

  it.each<[Surface, string, unknown, Partial<Target>]>([
    ['chat', 'speed', 'fast', PLATFORM],
    ['chat', 'models', ['dear/model'], PLATFORM],
    ['chat', 'provider', { order: ['dear'] }, PLATFORM],
    ['chat', 'plugins', [{ id: 'web' }], PLATFORM],
    ['chat', 'route', 'fallback', PLATFORM],
    ['chat', 'min_tokens', 500, PLATFORM],
    ['chat', 'ignore_eos', true, PLATFORM],
    ['chat', 'options', { num_predict: 9_999 }, PLATFORM],
    ['chat', 'reasoning', { mode: 'pro' }, PLATFORM],
    ['chat', 'num_predict', 9_999, PLATFORM],
    ['chat', 'constructor', 1, PLATFORM],
    ['completions', 'min_tokens', 5, PLATFORM],
    ['completions', 'store', true, PLATFORM],
    ['responses', 'previous_response_id', 'resp_1', PLATFORM],
    ['responses', 'conversation', 'conv_1', PLATFORM],
    ['responses', 'prompt', { id: 'pmpt_1' }, PLATFORM],
    ['responses', 'context_management', [{ type: 'compaction' }], PLATFORM],
    ['responses', 'prompt_cache_retention', '24h', PLATFORM],
    ['messages', 'speed', 'fast', ANTHROPIC],
    ['messages', 'fallbacks', [{ model: 'dear' }], ANTHROPIC],
    ['messages', 'thread', { type: 'create' }, ANTHROPIC],
    ['messages', 'thread', { type: 'continue', previous_message_id: 'msg_1' }, ANTHROPIC],
    ['messages', 'context_management', { edits: [{ type: 'compact_20260112' }] }, ANTHROPIC],
    ['messages', 'inference_geo', 'us', ANTHROPIC],
    ['messages', 'cache_control', { type: 'ephemeral', ttl: '1h' }, ANTHROPIC],
    ['messages', 'billing_policy', { bill_to: 'user_profile' }, ANTHROPIC],
    ['embeddings', 'tools', [], PLATFORM],
    ['rerank', 'max_chunks_per_doc', 5, PLATFORM],
  ])('[U195] has no %s with `%s` set to %j, which a tenant may send to its own', (surface, field, value, of) => {
    expect(refusedAt(surface, { [field]: value }, of)).toBe(field);
    expect(refusedAt(surface, { [field]: null }, of)).toBeUndefined();
    expect(refusedAt(surface, { [field]: value }, { ...of, ...TENANTS })).toBeUndefined();
  });

  it('[U195] refuses fields that change something, unless they say what is done anyway', () => {
    const passing: readonly unknown[] = [false, 0, [], {}, 'standard', 'in_memory', 'global', { bill_to: 'self' }, { type: 'ephemeral' }];
    let refused = 0;
    for (const [kind, uses] of Object.entries(KNOWN_FIELDS) as [RequestKind, Record<string, FieldUse>][])
      for (const [field, use] of Object.entries(uses)) {
        const isRefused = (value: unknown): boolean => !checkPlatformFields(kind, { [field]: value }).ok;
        if (typeof use === 'string') expect(isRefused('anything'), `${kind} ${field}`).toBe(false);
        else {
          refused += 1;
          expect(isRefused('anything'), `${kind} ${field}`).toBe(true);
          for (const value of passing) expect(isRefused(value), `${kind} ${field} ${JSON.stringify(value)}`).toBe(!use.passes(value));
        }
      }
    expect(refused).toBeGreaterThan(60);
  });

  it('[U195] names nothing that is kept there', () => {
    const kept: readonly [Surface, JsonObject, string][] = [
      ['responses', { input: [{ type: 'item_reference', id: 'msg_1' }] }, 'input.0.type'],
      ['responses', { input: [{ role: 'user', content: [{ type: 'input_image', file_id: 'file_1' }] }] }, 'input.0.content.0.file_id'],
      [
        'responses',
        { input: [{ type: 'function_call_output', output: [{ type: 'input_file', file_id: 'f' }] }] },
        'input.0.output.0.file_id',
      ],
      ['chat', { messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'f' } }] }] }, 'messages.0.content.0.file.file_id'],
    ];
    for (const [surface, body, path] of kept) expect(refusedAt(surface, body)).toBe(path);
    const image = { type: 'image', source: { type: 'file', file_id: 'f' } };
    const result = { type: 'tool_result', tool_use_id: 't', content: [image] };
    expect(refusedAt('messages', { messages: [{ role: 'user', content: [result] }] }, ANTHROPIC)).toBe(
      'messages.0.content.0.content.0.source.file_id',
    );
    const lasting = [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: '1h' } }];
    expect(refusedAt('messages', { system: lasting }, ANTHROPIC)).toBe('system.0.cache_control.ttl');
  });

  it('[U195] [U252] has no tier, no field of Sluice, and tells OpenAI to keep nothing', () => {
    for (const surface of ['chat', 'completions', 'responses'] as const) {
      const more = { service_tier: 'priority', explain: true, ...(surface === 'completions' ? {} : { store: true }) };
      const { body } = sentTo(surface, more, PLATFORM);
      expect(body, surface).not.toHaveProperty('service_tier');
      expect(body, surface).not.toHaveProperty('explain');
      expect(body['store'], surface).toBe(surface === 'responses' ? false : undefined);
      expect(sentTo(surface, more, TENANTS).body, surface).toMatchObject({ service_tier: 'priority' });
    }
    expect(sentTo('responses', {}, TENANTS).body).not.toHaveProperty('store');
  });

  it('[U195] asks for no feature of Anthropic that costs more or keeps something', () => {
    const asked = { 'anthropic-beta': 'interleaved-thinking-2025-05-14, context-1m-2025-08-07,message-threads-2026-08-12' };
    expect(sentTo('messages', {}, ANTHROPIC, asked).headers['anthropic-beta']).toBe('interleaved-thinking-2025-05-14');
    const threads = { 'anthropic-beta': 'message-threads-2026-08-12' };
    expect(sentTo('messages', {}, ANTHROPIC, threads).headers).not.toHaveProperty('anthropic-beta');
    expect(sentTo('messages', {}, { ...ANTHROPIC, ...TENANTS }, threads).headers).toMatchObject(threads);
  });

  it('[U195] is checked as it goes out: a translated request has only what its translation says', () => {
    const chat = { service_tier: 'flex', store: true, metadata: { a: 'b' }, user: 'u', stop: 'x', response_format: { type: 'text' } };
    expect(refusedAt('chat', chat, ANTHROPIC)).toBeUndefined();
    expect(refusedAt('responses', { input: 'x', store: true, include: [] }, ANTHROPIC)).toBeUndefined();
    expect(refusedAt('messages', { stop_sequences: ['x'], metadata: { user_id: 'u' }, service_tier: 'auto' })).toBeUndefined();
  });

  it("[U195] says of a thread what makes Anthropic's clients go on without one", () => {
    const { error } = anthropicError(refusal('invalid_value', 'x', ['thread']), 'req_1');
    expect(error).toMatchObject({ param: 'thread', details: { error_code: 'thread_unsupported_request', unsupported: ['thread'] } });
    expect(anthropicError(refusal('invalid_value', 'x', ['speed']), 'req_1').error).not.toHaveProperty('details');
  });
});
