import { toFile } from 'openai';
import { expect } from 'vitest';

import { casesOf } from './js-cases.ts';
import { PIXEL } from './openai-chat.ts';

const picture = () => toFile(Buffer.from(PIXEL, 'base64'), 'image.png', { type: 'image/png' });

/** A second of silence: 8 kHz, 8 bits. */
function wav(): Buffer {
  const head = Buffer.alloc(44);
  head.write('RIFF').valueOf();
  head.writeUInt32LE(36 + 8_000, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8_000, 24);
  head.writeUInt32LE(8_000, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write('data', 36);
  head.writeUInt32LE(8_000, 40);
  return Buffer.concat([head, Buffer.alloc(8_000, 0x80)]);
}

const speech = () => toFile(wav(), 'speech.wav', { type: 'audio/wav' });

const [PICTURES, SPEECH, TRANSCRIPTS] = ['image-mock', 'speech-mock', 'transcribe-mock'];

export const OPENAI_MEDIA = casesOf(undefined, {
  'images.generate': async ({ openai }) => {
    const answer = await openai.images.generate({ model: PICTURES, prompt: 'A lock', n: 2, size: '1024x1024', quality: 'low' });
    expect(answer.data?.map(({ b64_json }) => typeof b64_json)).toEqual(['string', 'string']);
  },
  'images.generate response_format url': async ({ openai }) => {
    expect((await openai.images.generate({ model: PICTURES, prompt: 'A lock', response_format: 'url' })).data?.[0]?.url).toBeTruthy();
  },
  'images.generate stream': async ({ openai }) => {
    const stream = await openai.images.generate({ model: PICTURES, prompt: 'A lock', stream: true, partial_images: 1 });
    expect((await Array.fromAsync(stream)).at(-1)).toMatchObject({ type: 'image_generation.completed', b64_json: expect.any(String) });
  },
  'images.edit': async ({ openai }) => {
    const asked = { model: PICTURES, image: [await picture(), await picture()], mask: await picture(), prompt: 'Open it' };
    expect((await openai.images.edit(asked)).data?.[0]?.b64_json).toBeTruthy();
  },
  'images.createVariation': async ({ openai }) => {
    expect((await openai.images.createVariation({ model: PICTURES, image: await picture(), n: 1, size: '256x256' })).data).toBeTruthy();
  },
  'audio.speech.create': async ({ openai }) => {
    const answer = await openai.audio.speech.create({ model: SPEECH, voice: 'alloy', input: 'Hello' });
    expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(0);
  },
  'audio.speech.create formats': async ({ openai }) => {
    for (const response_format of ['wav', 'pcm', 'opus'] as const) {
      const asked = { model: SPEECH, voice: 'alloy', input: 'Hello', response_format, instructions: 'Be kind.', speed: 1.5 };
      expect((await openai.audio.speech.create(asked)).status).toBe(200);
    }
  },
  'audio.transcriptions.create': async ({ openai }) => {
    const asked = { model: TRANSCRIPTS, file: await speech(), language: 'en', prompt: 'Locks', temperature: 0 };
    expect((await openai.audio.transcriptions.create(asked)).text).toBeTruthy();
  },
  'audio.transcriptions.create formats': async ({ openai }) => {
    for (const response_format of ['text', 'srt', 'vtt'] as const)
      expect(typeof (await openai.audio.transcriptions.create({ model: TRANSCRIPTS, file: await speech(), response_format }))).toBe(
        'string',
      );
    const verbose = await openai.audio.transcriptions.create({
      model: TRANSCRIPTS,
      file: await speech(),
      response_format: 'verbose_json',
      timestamp_granularities: ['word', 'segment'],
    });
    expect(verbose.duration).toBeTruthy();
  },
  'audio.transcriptions.create stream': async ({ openai }) => {
    const stream = await openai.audio.transcriptions.create({ model: TRANSCRIPTS, file: await speech(), stream: true });
    expect((await Array.fromAsync(stream)).at(-1)?.type).toBe('transcript.text.done');
  },
  'audio.translations.create': async ({ openai }) => {
    expect((await openai.audio.translations.create({ model: TRANSCRIPTS, file: await speech() })).text).toBeTruthy();
  },
});
