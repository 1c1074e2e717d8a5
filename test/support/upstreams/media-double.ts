import type { Body, MockAnswer } from './answer.ts';
import { CREATED_S, namedEvent, turnOf } from './answer.ts';
import type { Script } from './script.ts';

/** A file of a form, as the double received it. */
export interface ReceivedFile {
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
}

/** What OpenAI's endpoints of images and sound answer, by path, and what they refuse of a request. */
export const MEDIA_ANSWERS: Readonly<Record<string, (body: Body, script: Script) => MockAnswer>> = {
  '/v1/images/generations': (body, script) => images(body, script, 'image_generation', [[body['prompt'], 'prompt']]),
  '/v1/images/edits': (body, script) =>
    images(body, script, 'image_edit', [
      [body['prompt'], 'prompt'],
      [body['image'] ?? body['image[]'], 'image'],
    ]),
  '/v1/images/variations': (body, script) => images(body, script, 'image_variation', [[body['image'], 'image']]),
  '/v1/audio/speech': speech,
  '/v1/audio/transcriptions': (body, script) => transcript(body, script),
  '/v1/audio/translations': (body, script) => transcript(body, script),
};

/** Which of them take a form. */
export const TAKES_FORM = new Set(['/v1/images/edits', '/v1/images/variations', '/v1/audio/transcriptions', '/v1/audio/translations']);

const PICTURE = Buffer.from('a picture of bytes, long enough to be told from a text by its form: 0123456789').toString('base64');
const IMAGE_TOKENS = 1_056;
/** What the double takes every sound to last. */
export const SOUND_SECONDS = 8.5;

const missing = (required: readonly (readonly [unknown, string])[], body: Body): MockAnswer['refused'] => {
  const all = [[body['model'], 'model'] as const, ...required];
  const absent = all.find(([value]) => value === undefined || value === '');
  return absent === undefined ? undefined : { param: absent[1], message: `Missing required parameter: '${absent[1]}'.` };
};

const NUMBERS = ['n', 'partial_images', 'output_compression', 'speed', 'temperature'];

/** In JSON a number is a number, in a form a text that says one. */
function checked(body: Body, required: readonly (readonly [unknown, string])[]): MockAnswer['refused'] {
  const wrong = NUMBERS.find((name) => body[name] !== undefined && !Number.isFinite(Number(body[name])));
  return missing(required, body) ?? (wrong === undefined ? undefined : { param: wrong, message: `Invalid type for '${wrong}'.` });
}

const none = { lead: [], tokens: [], tail: [], inputTokens: 0, cachedTokens: 0, outputTokens: 0, reportsUsage: false, json: {} };

function images(body: Body, script: Script, kind: string, required: readonly (readonly [unknown, string])[]): MockAnswer {
  const refused = checked(body, required);
  if (refused !== undefined) return { ...none, refused };
  const turn = turnOf(body, script, undefined);
  const count = Number(body['n'] ?? 1);
  const read = kind === 'image_edit' ? 400 : 0;
  const usage = {
    input_tokens: turn.inputTokens + read,
    input_tokens_details: { text_tokens: turn.inputTokens, image_tokens: read },
    output_tokens: count * IMAGE_TOKENS,
    total_tokens: turn.inputTokens + read + count * IMAGE_TOKENS,
  };
  const look = { background: 'opaque', output_format: 'png', quality: 'high', size: '1024x1024' };
  const partial = Array.from({ length: Number(body['partial_images'] ?? 0) }, (_, at) =>
    namedEvent({ type: `${kind}.partial_image`, b64_json: PICTURE, partial_image_index: at, created_at: CREATED_S, ...look }),
  );
  const reported = turn.reportsUsage ? { usage } : {};
  const asUrl = body['response_format'] === 'url';
  return {
    ...none,
    json: {
      created: CREATED_S,
      data: Array.from({ length: count }, () => (asUrl ? { url: 'https://images.example/1.png' } : { b64_json: PICTURE })),
      ...reported,
    },
    lead: partial,
    tail: [namedEvent({ type: `${kind}.completed`, b64_json: PICTURE, created_at: CREATED_S, ...look, ...reported })],
    inputTokens: usage.input_tokens,
    outputTokens: usage.output_tokens,
    reportsUsage: turn.reportsUsage,
  };
}

function speech(body: Body, script: Script): MockAnswer {
  const refused = checked(body, [
    [body['input'], 'input'],
    [body['voice'], 'voice'],
  ]);
  if (refused !== undefined) return { ...none, refused };
  const turn = turnOf(body, script, undefined);
  const sound = Buffer.from(`sound of: ${String(body['input'])}`);
  const usage = { input_tokens: turn.inputTokens, output_tokens: turn.outputTokens, total_tokens: turn.inputTokens + turn.outputTokens };
  return {
    ...none,
    raw: { contentType: 'audio/mpeg', bytes: sound },
    tokens: turn.texts.map((text) => namedEvent({ type: 'speech.audio.delta', audio: Buffer.from(text).toString('base64') })),
    tail: [namedEvent({ type: 'speech.audio.done', ...(turn.reportsUsage ? { usage } : {}) })],
    outputTokens: turn.outputTokens,
    reportsUsage: turn.reportsUsage,
  };
}

function transcript(body: Body, script: Script): MockAnswer {
  const file = body['file'] as ReceivedFile | undefined;
  const refused =
    checked(body, [[file, 'file']]) ??
    (file?.bytes === 0 ? { param: 'file', message: 'Audio file might be corrupted or unsupported' } : undefined);
  if (refused !== undefined) return { ...none, refused };
  // A sound says nothing of a script.
  const turn = turnOf({ model: body['model'], prompt: body['prompt'] ?? '' }, script, undefined);
  const text = turn.texts.join('');
  const isTimed = String(body['model']).includes('whisper');
  const tokens = {
    type: 'tokens',
    input_tokens: 85,
    input_token_details: { text_tokens: 0, audio_tokens: 85 },
    output_tokens: turn.outputTokens,
    total_tokens: 85 + turn.outputTokens,
  };
  const usage = isTimed ? { type: 'duration', seconds: Math.ceil(SOUND_SECONDS) } : tokens;
  const reported = turn.reportsUsage ? { usage } : {};
  const format = (body['response_format'] as string | undefined) ?? 'json';
  const verbose = {
    task: 'transcribe',
    language: 'english',
    duration: SOUND_SECONDS,
    segments: [{ id: 0, start: 0, end: SOUND_SECONDS, text }],
  };
  const raws: Readonly<Record<string, string>> = {
    text: `${text}\n`,
    srt: `1\n00:00:00,000 --> 00:00:08,500\n${text}\n\n`,
    vtt: `WEBVTT\n\n00:00.000 --> 00:08.500\n${text}\n\n`,
  };
  const raw = raws[format];
  return {
    ...none,
    json: { text, ...(format === 'verbose_json' ? verbose : {}), ...reported },
    ...(raw === undefined ? {} : { raw: { contentType: 'text/plain; charset=utf-8', bytes: Buffer.from(raw) } }),
    tokens: turn.texts.map((delta) => namedEvent({ type: 'transcript.text.delta', delta })),
    tail: [namedEvent({ type: 'transcript.text.done', text, ...reported })],
    inputTokens: isTimed ? 0 : 85,
    outputTokens: isTimed ? 0 : turn.outputTokens,
    reportsUsage: turn.reportsUsage,
  };
}

/** The fields of a form, and what is known of its files. A name that comes more than once has a list. */
export async function formOf(contentType: string, bytes: Buffer): Promise<Body> {
  const form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': contentType } }).formData();
  const body: Record<string, unknown> = {};
  for (const [name, value] of form) {
    const one = typeof value === 'string' ? value : ({ name: value.name, type: value.type, bytes: value.size } satisfies ReceivedFile);
    const known = body[name];
    body[name] = known === undefined ? one : [...(Array.isArray(known) ? (known as unknown[]) : [known]), one];
  }
  return body;
}

/** Whether the answer is asked for as events. */
export const asksEvents = (body: Body): boolean => String(body['stream']) === 'true' || body['stream_format'] === 'sse';
