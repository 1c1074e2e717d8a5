import { join } from 'node:path';

import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { AdminClient } from '../../workers/local/admin-client.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import type { Deployment } from '../support/deployment/deployment.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { isWithoutPython, ranPython } from '../support/python/python-client.ts';
import type { MockUpstream } from '../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../support/upstreams/mock-upstream.ts';
import type { Served } from '../support/upstreams/script.ts';

// Images, sound and attachments by the unmodified clients of OpenAI, through a double that refuses what OpenAI refuses.

/** Of every request. */
const REQUEST_NANO = 150;
const USD = 1_000_000_000;

let upstream: MockUpstream;
let server: Deployment;
let client: ApiClient;
let openai: OpenAI;

const priced = (name: string, serves: string, prices: object, more: object = {}) => ({
  name,
  serves: [serves],
  context_tokens: 100_000,
  prices,
  ...more,
});

beforeAll(async () => {
  upstream = await startMockUpstream();
  server = await deploy(1, { LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port}` });
  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  // As the README registers a chat model: no word of images.
  const chat = { output_tokens_max: 1_000, serves: ['chat', 'responses'] };
  const models = [
    priced('image-mock', 'images', { input: '5', image_input: '10', output: '40' }),
    priced('dall-mock', 'images', { images: { '1024x1024': '0.04', 'hd 1024x1024': '0.08', any: '0.02' } }),
    priced('speech-mock', 'speech', { characters: '15' }),
    priced('tokens-mock', 'speech', { input: '0.6', audio_output: '12' }),
    priced('whisper-mock', 'transcriptions', { audio_minute: '0.006' }),
    priced('transcribe-mock', 'transcriptions', { input: '2.5', audio_input: '6', output: '10' }, { output_tokens_max: 2_000 }),
    { ...priced('seeing', 'chat', { input: '1', output: '2', audio_input: '10' }), ...chat },
    { ...priced('open', 'chat', { input: '1', output: '2' }, { unbounded: 'settle' }), ...chat, context_tokens: 2_000 },
  ];
  await admin.create('/v1/upstreams', { name: 'lab', protocol: 'openai', base_url: upstream.baseUrl, models });
  ({ client } = await createTenant(server, { scopes: ['inference', 'requests:read'] }));
  openai = new OpenAI({ baseURL: `${client.url}/v1`, apiKey: client.apiKey, maxRetries: 0 });
});

beforeEach(() => upstream.reset());

afterAll(async () => {
  await server.stop();
  await upstream.kill();
});

const sound = (bytes = 2_000) => toFile(Buffer.alloc(bytes, 1), 'speech.mp3', { type: 'audio/mpeg' });
const picture = () => toFile(Buffer.from('png'), 'a.png', { type: 'image/png' });
const last = async (): Promise<Served> => (await upstream.truth()).latest.at(-1)!;

/** What a call has cost, beside the request itself, in nano-dollars: once its log has it. */
async function costOf(requestId: string | null | undefined): Promise<number> {
  const cost = async () => Number((await client.get(`/v1/requests/${requestId ?? ''}`)).body.cost_usd ?? NaN);
  await expect.poll(cost, { timeout: 30_000, interval: 100 }).not.toBeNaN();
  return Math.round((await cost()) * USD) - REQUEST_NANO;
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const events: T[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

describe('images', () => {
  it('[U266] are made, changed and varied, and cost what the tokens of text and of images do', async () => {
    const made = await openai.images.generate({ model: 'image-mock', prompt: 'a weir', n: 2 }).withResponse();
    expect(made.data.data).toHaveLength(2);
    const read = made.data.usage!.input_tokens;
    expect(await costOf(made.request_id)).toBe(read * 5_000 + 2 * 1_056 * 40_000);

    const edited = await openai.images
      .edit({ model: 'image-mock', prompt: 'by night', image: [await picture(), await picture()], mask: await picture() })
      .withResponse();
    expect(await last()).toMatchObject({
      path: '/v1/images/edits',
      body: { 'image[]': [{ name: 'a.png', type: 'image/png' }, { bytes: 3 }] },
    });
    const text = edited.data.usage!.input_tokens - 400;
    expect(await costOf(edited.request_id)).toBe(text * 5_000 + 400 * 10_000 + 1_056 * 40_000);

    const varied = await openai.images.createVariation({ model: 'dall-mock', image: await picture(), n: 2, size: '1024x1024' });
    expect(varied.data).toHaveLength(2);
  });

  it('[U266] cost by quality and size where the model has such prices, as many as came', async () => {
    await upstream.script({ usage: false });
    for (const [more, nano] of [
      [{ size: '1024x1024' as const }, 40_000_000],
      [{ size: '1024x1024' as const, quality: 'hd' as const }, 80_000_000],
      [{ size: '512x512' as const, n: 3 }, 60_000_000],
      [{}, 80_000_000],
    ] as const) {
      const made = await openai.images.generate({ model: 'dall-mock', prompt: 'a weir', ...more }).withResponse();
      expect(await costOf(made.request_id), JSON.stringify(more)).toBe(nano);
    }
  });

  it('[U266] come as a stream, and cost once it has ended', async () => {
    const { data, request_id: id } = await openai.images
      .generate({ model: 'image-mock', prompt: 'a weir', stream: true, partial_images: 2 })
      .withResponse();
    const events = await all(data);
    expect(events.map(({ type }) => type)).toEqual([
      'image_generation.partial_image',
      'image_generation.partial_image',
      'image_generation.completed',
    ]);
    expect(await costOf(id)).toBeGreaterThan(1_056 * 40_000);
  });
});

describe('speech', () => {
  it('[U267] is passed on as bytes, and costs its characters', async () => {
    const speech = await openai.audio.speech.create({ model: 'speech-mock', voice: 'alloy', input: 'hello ☃' });
    expect([speech.headers.get('content-type'), await speech.text()]).toEqual(['audio/mpeg', 'sound of: hello ☃']);
    expect(await costOf(speech.headers.get('x-request-id'))).toBe(7 * 15_000);
  });

  it('[U267] comes as events with its usage, or costs an estimate of its tokens', async () => {
    await upstream.script({ usage: { input: 5 } });
    const asked = { model: 'tokens-mock', voice: 'alloy', input: 'twenty characters :)' } as const;
    const events = await openai.audio.speech.create({ ...asked, stream_format: 'sse' });
    expect(await events.text()).toContain('speech.audio.done');
    expect(await costOf(events.headers.get('x-request-id'))).toBe(5 * 600 + 5 * 12_000);
    const bytes = await openai.audio.speech.create(asked);
    await bytes.arrayBuffer();
    expect(await costOf(bytes.headers.get('x-request-id'))).toBeGreaterThanOrEqual(30 * 12_000);
  });
});

describe('transcriptions', () => {
  it('[U268] cost the tokens or the time that the answer reports, in each format', async () => {
    const tokens = await openai.audio.transcriptions
      .create({ model: 'transcribe-mock', file: await sound(), language: 'en' })
      .withResponse();
    expect(tokens.data.text).toBe('t0 t1 t2 t3 t4');
    expect(await costOf(tokens.request_id)).toBe(85 * 6_000 + 5 * 10_000);
    expect(await last()).toMatchObject({ body: { language: 'en', file: { name: 'speech.mp3', type: 'audio/mpeg', bytes: 2_000 } } });

    for (const [format, nano] of [
      ['json', 900_000],
      ['verbose_json', 900_000],
      ['srt', 850_000],
      ['vtt', 850_000],
    ] as const) {
      const timed = await openai.audio.transcriptions
        .create({ model: 'whisper-mock', file: await sound(20_000), response_format: format, timestamp_granularities: ['word'] })
        .withResponse();
      const said = typeof timed.data === 'string' ? timed.data : timed.data.text;
      expect(said, format).toContain('t0 t1 t2 t3 t4');
      expect(await costOf(timed.request_id), format).toBe(nano);
    }
    // Of a text nothing says how long the sound was: 20,000 bytes are 2.5 s at a usual rate.
    const text = await openai.audio.translations
      .create({ model: 'whisper-mock', file: await sound(20_000), response_format: 'text' })
      .withResponse();
    expect(await costOf(text.request_id)).toBe(250_000);
  });

  it('[U268] come as a stream', async () => {
    const { data, request_id: id } = await openai.audio.transcriptions
      .create({ model: 'transcribe-mock', file: await sound(), stream: true })
      .withResponse();
    const events = await all(data);
    expect(events.at(-1)).toMatchObject({ type: 'transcript.text.done', text: 't0 t1 t2 t3 t4' });
    expect(await costOf(id)).toBe(85 * 6_000 + 5 * 10_000);
  });

  it('[U268] [G135] names the models that serve such calls, and refuses what is no such form', async () => {
    const unknown = openai.audio.transcriptions.create({ model: 'glove-sif-100', file: await sound() });
    await expect(unknown).rejects.toMatchObject({ status: 404, code: 'model_not_found', message: expect.stringContaining('whisper-mock') });
    const form = new FormData();
    form.set('model', 'whisper-mock');
    const missing = await client.call('POST', '/v1/audio/transcriptions', form);
    expect([missing.status, missing.body.error.param]).toEqual([400, 'file']);
    await upstream.script({ status: 400, message: 'Audio file is too short' });
    await expect(openai.audio.transcriptions.create({ model: 'whisper-mock', file: await sound() })).rejects.toThrow(
      'Audio file is too short',
    );
  });
});

describe('attachments of chats and responses', () => {
  const data = `data:image/png;base64,${Buffer.alloc(3_000).toString('base64')}`;
  const pdf = `data:application/pdf;base64,${Buffer.from('%PDF-1.4 /Type /Page /Type /Pages').toString('base64')}`;
  const say = (...content: OpenAI.ChatCompletionContentPart[]) =>
    openai.chat.completions.create({ model: 'seeing', messages: [{ role: 'user', content }], max_tokens: 20 });

  it('[U260] [U263] [U264] pass with a model as the README registers one', async () => {
    await say({ type: 'image_url', image_url: { url: data } }, { type: 'image_url', image_url: { url: 'https://images.example/a.png' } });
    await say({ type: 'file', file: { filename: 'a.pdf', file_data: pdf } });
    await say({ type: 'input_audio', input_audio: { data: Buffer.alloc(500).toString('base64'), format: 'mp3' } });
    const input = [
      { type: 'input_image' as const, image_url: data, detail: 'auto' as const },
      { type: 'input_file' as const, file_url: 'https://files.example/a.pdf' },
    ];
    await openai.responses.create({ model: 'seeing', input: [{ role: 'user', content: input }], max_output_tokens: 20 });
    expect((await last()).body).toMatchObject({ input: [{ content: input }] });
  });

  it('[U262] a search of the web costs its price, and the upstream is told how many there may be', async () => {
    const usage = { input: 100, output: 5 };
    await upstream.script({ usage });
    const searched = await openai.chat.completions
      .create({ model: 'seeing', messages: [{ role: 'user', content: 'x' }], web_search_options: {}, max_tokens: 20 })
      .withResponse();
    expect(await costOf(searched.request_id)).toBe(100 * 1_000 + 5 * 2_000 + 10_000_000);
    const asked = await openai.responses
      .create({ model: 'seeing', input: 'x', tools: [{ type: 'web_search' }], max_output_tokens: 20 })
      .withResponse();
    expect((await last()).body).toMatchObject({ max_tool_calls: 5 });
    expect(await costOf(asked.request_id)).toBe(100 * 1_000 + 5 * 2_000);
  });

  it('[U261] what nothing bounds is refused by its field, unless the owner of the model pays afterwards', async () => {
    const call = (model: string) =>
      openai.responses
        .create({ model, input: 'x', tools: [{ type: 'file_search', vector_store_ids: ['vs_1'] }], max_output_tokens: 20 })
        .withResponse();
    await expect(call('seeing')).rejects.toMatchObject({ status: 400, param: 'tools[0].type' });
    await upstream.script({ usage: { input: 50_000, output: 5 } });
    const settled = await call('open');
    expect(await costOf(settled.request_id)).toBe(50_000 * 1_000 + 5 * 2_000);
  });
});

describe.skipIf(isWithoutPython('images and sound by the client of Python'))('the openai package of Python', () => {
  it('[U266] [U267] [U268] makes images, speaks and transcribes', async () => {
    const environment = { OPENAI_API_KEY: client.apiKey, OPENAI_BASE_URL: `${client.url}/v1` };
    const printed = await ranPython('python', [join(import.meta.dirname, 'openai-media.py')], environment);
    expect(JSON.parse(printed)).toEqual({
      images: 2,
      edited: 1,
      image_events: ['image_generation.partial_image', 'image_generation.completed'],
      speech: 'sound of: hello',
      transcript: 't0 t1 t2 t3 t4',
      verbose: 8.5,
      srt: true,
      events: ['transcript.text.delta', 'transcript.text.done'],
      translation: 't0 t1 t2 t3 t4',
      seen: 't0 t1 t2 t3 t4',
      refused: 'model_not_found',
    });
  });
});
