import type { Body, MockAnswer, Turn } from './answer.ts';
import { CREATED_S, namedEvent, turnOf } from './answer.ts';
import type { Script } from './script.ts';

/** The smallest PNG there is, in Base64. */
const PICTURE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const SOUND_TYPES: Readonly<Record<string, string>> = {
  mp3: 'audio/mpeg',
  opus: 'audio/opus',
  aac: 'audio/aac',
  flac: 'audio/flac',
  wav: 'audio/wav',
  pcm: 'audio/pcm',
};
/** What every recording is taken to last. */
const SECONDS = 1;

/** The answers of OpenAI's images and audio, by path. */
export const MEDIA_ANSWERS: Readonly<Record<string, (body: Body, script: Script) => MockAnswer>> = {
  '/v1/images/generations': (body, script) => pictures(body, script, 'image_generation'),
  '/v1/images/edits': (body, script) => pictures(body, script, 'image_edit'),
  '/v1/images/variations': (body, script) => pictures(body, script, 'image_generation'),
  '/v1/audio/speech': speech,
  '/v1/audio/transcriptions': transcript,
  '/v1/audio/translations': transcript,
};

const counts = (turn: Turn) => ({
  inputTokens: turn.inputTokens,
  cachedTokens: turn.cachedTokens,
  outputTokens: turn.outputTokens,
  reportsUsage: turn.reportsUsage,
});

/** A hundred tokens a picture, of images. */
function pictures(body: Body, script: Script, kind: string): MockAnswer {
  const count = typeof body['n'] === 'number' ? body['n'] : 1;
  const turn = turnOf(body, { usage: { output: 100 * count }, ...script, texts: [] }, undefined);
  const usage = {
    input_tokens: turn.inputTokens,
    output_tokens: turn.outputTokens,
    total_tokens: turn.inputTokens + turn.outputTokens,
    input_tokens_details: { text_tokens: turn.inputTokens, image_tokens: 0 },
    output_tokens_details: { text_tokens: 0, image_tokens: turn.outputTokens },
  };
  const form = { background: 'opaque', output_format: 'png', quality: 'low', size: '1024x1024' };
  const data = Array.from({ length: count }, () =>
    body['response_format'] === 'url' ? { url: 'https://example.com/image.png' } : { b64_json: PICTURE },
  );
  const event = { b64_json: PICTURE, created_at: CREATED_S, ...form };
  const partial = typeof body['partial_images'] === 'number' ? body['partial_images'] : 0;
  return {
    json: { created: CREATED_S, data, ...form, ...(turn.reportsUsage && { usage }) },
    lead: [],
    tokens: Array.from({ length: partial }, (_, at) => namedEvent({ type: `${kind}.partial_image`, partial_image_index: at, ...event })),
    tail: [namedEvent({ type: `${kind}.completed`, ...event, usage })],
    ...counts(turn),
  };
}

function speech(body: Body, script: Script): MockAnswer {
  const turn = turnOf(body, script, undefined);
  const bytes = Buffer.from(turn.texts.join(''));
  const usage = { input_tokens: turn.inputTokens, output_tokens: turn.outputTokens, total_tokens: turn.inputTokens + turn.outputTokens };
  const isEvents = body['stream_format'] === 'sse';
  const events = [
    ...turn.texts.map((text) => namedEvent({ type: 'speech.audio.delta', audio: Buffer.from(text).toString('base64') })),
    namedEvent({ type: 'speech.audio.done', usage }),
  ];
  return {
    json: undefined,
    whole: isEvents
      ? { contentType: 'text/event-stream', bytes: Buffer.from(events.join('')) }
      : { contentType: SOUND_TYPES[String(body['response_format'] ?? 'mp3')] ?? 'audio/mpeg', bytes },
    lead: [],
    tokens: [],
    tail: [],
    ...counts({ ...turn, reportsUsage: isEvents && turn.reportsUsage }),
  };
}

function transcript(body: Body, script: Script): MockAnswer {
  const turn = turnOf(body, script, undefined);
  const text = turn.texts.join('');
  const usage = { type: 'duration', seconds: SECONDS };
  const format = String(body['response_format'] ?? 'json');
  const segment = {
    id: 0,
    seek: 0,
    start: 0,
    end: SECONDS,
    text,
    tokens: [1],
    temperature: 0,
    avg_logprob: -0.1,
    compression_ratio: 1,
    no_speech_prob: 0,
  };
  const verbose = {
    task: 'transcribe',
    language: 'english',
    duration: SECONDS,
    text,
    segments: [segment],
    words: [{ word: text, start: 0, end: SECONDS }],
  };
  const texts: Readonly<Record<string, string>> = {
    text: `${text}\n`,
    srt: `1\n00:00:00,000 --> 00:00:01,000\n${text}\n\n`,
    vtt: `WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n${text}\n\n`,
  };
  const plain = texts[format];
  return {
    json: format === 'verbose_json' ? { ...verbose, usage } : { text, usage },
    ...(plain !== undefined && { whole: { contentType: 'text/plain; charset=utf-8', bytes: Buffer.from(plain) } }),
    lead: [],
    tokens: turn.texts.map((delta) => namedEvent({ type: 'transcript.text.delta', delta })),
    tail: [
      namedEvent({
        type: 'transcript.text.done',
        text,
        usage: {
          type: 'tokens',
          input_tokens: turn.inputTokens,
          output_tokens: turn.outputTokens,
          total_tokens: turn.inputTokens + turn.outputTokens,
        },
      }),
    ],
    ...counts(turn),
  };
}
