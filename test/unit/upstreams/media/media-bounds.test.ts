import { describe, expect, it } from 'vitest';

import { utf8 } from '../../../../src/kernel/bytes.ts';
import type { FormFile } from '../../../../src/upstreams/media/form-body.ts';
import { formBody } from '../../../../src/upstreams/media/form-body.ts';
import { judgedMedia } from '../../../../src/upstreams/media/judged-media.ts';
import { mediaUnits, mediaUsage, subtitleUnits } from '../../../../src/upstreams/media/media-answers.ts';
import type { MediaSurface } from '../../../../src/upstreams/protocol/surfaces.ts';
import { mediaBoundOf } from '../../../../src/upstreams/media/media-kinds.ts';
import { soundMsLikely, soundMsMax } from '../../../../src/upstreams/media/sound-length.ts';
import { fileSizeOf } from '../../../../src/upstreams/money/attachment-size.ts';
import { callNano } from '../../../../src/upstreams/money/model-price.ts';
import { promptSizeOf } from '../../../../src/upstreams/money/prompt-size.ts';
import { answerTermsOf, boundOf } from '../../../../src/upstreams/money/request-bound.ts';
import type { RequestBound } from '../../../../src/upstreams/money/request-bound.ts';
import { excessOf, settlementOf } from '../../../../src/upstreams/money/settlement.ts';
import { usageIn } from '../../../../src/upstreams/protocol/stream-tap.ts';
import type { Surface } from '../../../../src/upstreams/protocol/surfaces.ts';
import type { JsonObject } from '../../../../src/upstreams/protocol/json.ts';
import type { TargetModel } from '../../../../src/upstreams/target.ts';
import { targetOf } from '../../../support/upstreams/target.ts';

const PRICES = { inputNano: 1_000_000, outputNano: 2_000_000, requestNano: 0 };
const modelOf = (model: Partial<TargetModel> = {}): TargetModel =>
  targetOf({ model: { contextTokens: 100_000, prices: PRICES, ...model } }).model;

function bound(surface: Surface, body: JsonObject, model: Partial<TargetModel> = {}): RequestBound {
  const terms = answerTermsOf(surface, body);
  if (!terms.ok) throw new Error(terms.error.message);
  const found = boundOf(modelOf(model), surface, promptSizeOf(surface, body, JSON.stringify(body).length), terms.value);
  if (!found.ok) throw new Error(found.error.message);
  return found.value;
}

function mediaBound(surface: MediaSurface, body: JsonObject, model: Partial<TargetModel> = {}, files: readonly FormFile[] = []) {
  return mediaBoundOf(modelOf(model), surface, { body, form: { files, boundary: 'b' } });
}

const say = (...content: JsonObject[]): JsonObject => ({ model: 'small', messages: [{ role: 'user', content }], max_tokens: 10 });
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('attachments', () => {
  it('[U260] an image is bounded by what is published of models of its name, unless the settings say', () => {
    const image = { type: 'image_url', image_url: { url: 'https://example.com/a.png' } };
    const tokensOf = (model: Partial<TargetModel>): number => bound('chat', say(image), model).attachedTokens;
    expect(['gpt-4.1', 'gpt-4o-mini', 'claude-opus', 'qwen-vl'].map((upstreamName) => tokensOf({ upstreamName }))).toEqual([
      3_779, 48_169, 4_784, 16_384,
    ]);
    expect(tokensOf({ imageTokensMax: 7 })).toBe(7);
  });

  it('[U263] counts pages of a PDF wherever its pieces end, or takes its bytes if compressed', () => {
    const page = '/Type /Page\n';
    expect(fileSizeOf(base64(`%PDF-1.4 /Type /Pages ${page.repeat(3)}/Type/Page>`))).toEqual({ kind: 'pages', pages: 4 });
    // Each page object lies across the border of two pieces in some of these.
    for (let at = 0; at < 14; at += 1)
      expect(fileSizeOf(base64(`${page}${' '.repeat(49_152 - 26 + at)}${page}`), 'application/pdf'), `${at}`).toEqual({
        kind: 'pages',
        pages: 2,
      });
    expect(fileSizeOf(base64(`%PDF-1.5 /ObjStm ${' '.repeat(10_000)}`))).toEqual({ kind: 'pages', pages: 10 });
    expect(fileSizeOf(base64(`%PDF-1.5 /ObjStm ${' '.repeat(2_000_000)}`))).toEqual({ kind: 'pages', pages: 600 });
    expect(fileSizeOf(`data:text/csv;base64,${base64('a,b')}`)).toEqual({ kind: 'text', bytes: 3 });
    expect(fileSizeOf(base64('PK..docx')).kind).toBe('unknown');
  });

  it('[U263] a file that the upstream gets elsewhere is bounded by the context, one of text by its bytes', () => {
    const file = (part: JsonObject): number =>
      bound('responses', { model: 'small', input: [{ role: 'user', content: [part] }] }).inputTokensMax;
    expect(file({ type: 'input_file', file_id: 'file-1' })).toBe(100_000);
    expect(file({ type: 'input_file', file_url: 'https://example.com/a.pdf' })).toBe(100_000);
    expect(file({ type: 'input_file', file_data: `data:text/plain;base64,${base64('x'.repeat(900))}` })).toBeGreaterThan(1_200);
    expect(file({ type: 'input_file', file_data: `data:application/pdf;base64,${base64('%PDF /Type /Page')}` })).toBeGreaterThan(19_000);
  });

  it('[U264] a sound lasts at most what its header says, or its bytes at 8 kbit/s', () => {
    const wav = Buffer.alloc(44);
    wav.write('RIFF....WAVEfmt ', 'latin1');
    wav.writeUInt16LE(1, 22);
    wav.writeUInt32LE(16_000, 24);
    wav.writeUInt32LE(32_000, 28);
    wav.writeUInt16LE(16, 34);
    expect(soundMsMax(wav, 64_000)).toBe(2_000);
    // A rate that its samples do not have makes no sound shorter.
    wav.writeUInt32LE(4_000_000_000, 28);
    expect(soundMsMax(wav, 64_000)).toBe(2_000);
    expect(soundMsMax(Buffer.from([0xff, 0xfb, 0x90, 0]), 16_000)).toBe(16_000);
    expect(soundMsLikely(Buffer.from([0xff, 0xfb, 0x90, 0]), 16_000)).toBe(1_000);
    expect(soundMsLikely(Buffer.from('OggS'), 16_000)).toBe(2_000);
    const audio = { type: 'input_audio', input_audio: { data: base64('x'.repeat(3_000)), format: 'mp3' } };
    expect(bound('chat', say(audio), { audioTokensPerSecond: 10 }).media).toEqual({ audioInputTokens: 30 });
  });

  it('[U262] each search reads the prompt again, and costs its price, as often as it is reported', () => {
    const asked = { model: 'small', input: 'x', max_output_tokens: 10 };
    const tools = [{ type: 'web_search' }];
    const [one, three] = [1, 3].map((limit) => bound('responses', { ...asked, tools, max_tool_calls: limit }));
    expect([one?.media, three?.media]).toEqual([{ webSearches: 1 }, { webSearches: 3 }]);
    expect(three!.inputTokensMax).toBeGreaterThan(4 * 1.5 * 16_384);
    expect(bound('responses', { ...asked, tools }).media).toEqual({ webSearches: 5 });
    expect(bound('messages', { ...say(), tools: [{ type: 'web_search_20250305', name: 's', max_uses: 2 }] }).media.webSearches).toBe(2);
    const search = (action: string) => ({ type: 'web_search_call', action: { type: action } });
    const usage = usageIn('responses', {
      output: [search('search'), search('open_page'), search('search')],
      usage: { input_tokens: 10, output_tokens: 1 },
    });
    expect(settlementOf(modelOf(), three!, { usage }).nano).toBe(10 + 2 + 20_000_000);
    const anthropic = usageIn('messages', { usage: { input_tokens: 10, output_tokens: 1, server_tool_use: { web_search_requests: 1 } } });
    expect(settlementOf(modelOf(), three!, { usage: anthropic }).nano).toBe(10 + 2 + 10_000_000);
    expect(settlementOf(modelOf(), three!, { usage: usageIn('messages', { usage: { input_tokens: 10, output_tokens: 1 } }) }).nano).toBe(
      12,
    );
  });

  it('[U261] what nothing bounds passes where the owner pays, also beyond the context', () => {
    const body = { model: 'small', input: 'x', tools: [{ type: 'file_search' }], max_output_tokens: 10 };
    const open = bound('responses', body, { unbounded: 'settle' });
    expect([open.inputTokensMax, open.isOpen]).toEqual([100_000, true]);
    const end = { usage: { inputTokens: 250_000, cachedTokens: 0, outputTokens: 1, reasoningTokens: 0 } };
    const excess = excessOf(modelOf(), open, end);
    expect(excess?.quantities).toMatchObject({ upstream_input_tokens: 150_000, upstream_output_tokens: 0 });
    expect(settlementOf(modelOf(), excess!.bound, end).nano).toBe(250_002);
    expect(settlementOf(modelOf(), open, end).nano).toBeLessThan(250_002);
    expect(excessOf(modelOf(), { ...open, isOpen: false }, end)).toBeUndefined();
  });
});

describe('images and sound', () => {
  it('[U262] tokens of sound and of images cost their own prices, never more tokens than there are', () => {
    const prices = { ...PRICES, audioInputNano: 10_000_000, imageOutputNano: 40_000_000 };
    const media = { audioInputTokens: 30, imageOutputTokens: 5 };
    expect(callNano(prices, { inputTokens: 100, cachedTokens: 0, outputTokens: 10, media })).toBe(70 + 300 + 10 + 200);
    expect(callNano(prices, { inputTokens: 10, cachedTokens: 0, outputTokens: 1, media })).toBe(100 + 40);
    expect(
      callNano({ ...PRICES, audioMinuteNano: 6_000_000 }, { inputTokens: 0, cachedTokens: 0, outputTokens: 0, media: { audioMs: 8_470 } }),
    ).toBe(847_000);
  });

  it.each([
    [{ quality: 'hd', size: '1024x1024' }, 80],
    [{ quality: 'standard', size: '1024x1024' }, 40],
    [{ quality: 'low', size: '256x256' }, 5],
    [{ size: '1024x1024' }, 40],
    [{ quality: 'auto', size: 'auto' }, 120],
    [{ quality: 'hd' }, 120],
    [{ quality: 'medium', size: '7x7' }, 9],
  ])('[U266] an image of %j costs %d', (look, nano) => {
    const imagesNano = { 'hd 1024x1024': 80, 'hd 1792x1024': 120, '1024x1024': 40, low: 5, any: 9 };
    expect(callNano({ ...PRICES, imagesNano }, { inputTokens: 0, cachedTokens: 0, outputTokens: 0, media: { images: 1, ...look } })).toBe(
      nano,
    );
  });

  it('[U266] images are reserved by their number, and refused beyond ten', () => {
    expect(mediaBound('images', { prompt: 'x', n: 3, partial_images: 2 })).toMatchObject({ value: { outputTokensMax: 3 * (1_024 + 200) } });
    expect(mediaBound('images', { prompt: 'x' }, { outputTokensMax: 100_000 })).toMatchObject({ value: { outputTokensMax: 6_240 } });
    for (const n of [0, 11, 1.5]) expect(mediaBound('images', { prompt: 'x', n })).toMatchObject({ ok: false, error: { path: ['n'] } });
    const image = { field: 'image', filename: 'a.png', contentType: 'image/png', bytes: utf8('png') };
    expect(mediaBound('image_edits', { prompt: 'x' }, { imageTokensMax: 500 }, [image, image])).toMatchObject({
      value: { media: { imageInputTokens: 1_000 } },
    });
    expect(mediaUnits({ data: [{}, {}] })).toEqual({ images: 2 });
    expect(
      mediaUsage({ data: [], usage: { input_tokens: 5, output_tokens: 9, output_tokens_details: { text_tokens: 2 } } })?.media,
    ).toEqual({
      imageOutputTokens: 7,
    });
  });

  it('[U267] [U268] speech is reserved by its characters, a transcript by its sound', () => {
    expect(mediaBound('speech', { input: 'ab☃😀' })).toMatchObject({ value: { media: { characters: 4 }, unreported: { characters: 4 } } });
    const file = { field: 'file', filename: 'a.ogg', contentType: 'audio/ogg', bytes: new Uint8Array(16_000) };
    expect(mediaBound('transcriptions', {}, {}, [file])).toMatchObject({
      value: { media: { audioMs: 16_000 }, unreported: { audioMs: 2_000 } },
    });
    expect(mediaBound('transcriptions', {})).toMatchObject({ ok: false, error: { path: ['file'] } });
  });

  it('[U268] reads how long a sound is from usage, duration and subtitles', () => {
    expect(mediaUnits({ text: 'x', usage: { type: 'duration', seconds: 9 } })).toEqual({ audioMs: 9_000 });
    expect(mediaUnits({ text: 'x', duration: '8.47' })).toEqual({ audioMs: 8_470 });
    expect(mediaUnits({ text: 'x', duration: -1 })).toEqual({});
    expect(subtitleUnits('1\n00:00:00,000 --> 00:00:01,000\na\n\n2\n01:00:01,000 --> 01:02:03,450\nb\n')).toEqual({ audioMs: 3_723_450 });
    expect(subtitleUnits('WEBVTT\n\n00:00.000 --> 00:08.500\nno --> more')).toEqual({});
    expect(subtitleUnits('plain')).toEqual({});
  });

  it('[U265] a form is sent on with its fields, lists and files, and no name breaks out of its header', async () => {
    const file = { field: 'image[]', filename: 'a"\r\nx: y.png', contentType: 'image/png', bytes: utf8('png') };
    const bytes = formBody(
      { model: 'm', 'include[]': ['a', 'b'], stream: true, none: null },
      { files: [file, file], boundary: 'sluice-1' },
    );
    const form = await new Response(Buffer.from(bytes), {
      headers: { 'content-type': 'multipart/form-data; boundary=sluice-1' },
    }).formData();
    expect([form.get('model'), form.getAll('include[]'), form.get('stream'), form.has('none')]).toEqual(['m', ['a', 'b'], 'true', false]);
    const files = form.getAll('image[]') as File[];
    expect(files.map(({ type, size }) => [type, size])).toEqual([
      ['image/png', 3],
      ['image/png', 3],
    ]);
    expect(Buffer.from(bytes).toString()).not.toContain('\r\nx: y.png');
  });

  it('[U269] hooks read transcripts in any format, and all of an answer but its images', () => {
    const plain = judgedMedia('call 555', true);
    expect([plain.text, plain.restored('{"text":"call [PHONE]"}')]).toEqual(['{"text":"call 555"}', 'call [PHONE]']);
    const answer = JSON.stringify({ created: 1, data: [{ b64_json: 'AAAA', revised_prompt: 'x' }] });
    const images = judgedMedia(answer, false);
    expect(images.text).not.toContain('AAAA');
    expect(images.restored(images.text)).toBe(answer);
    expect(JSON.parse(images.restored('{"created":1,"data":[{"revised_prompt":"y"}]}'))).toEqual({
      created: 1,
      data: [{ revised_prompt: 'y', b64_json: 'AAAA' }],
    });
  });
});
