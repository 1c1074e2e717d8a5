import * as z from 'zod';

import { about, apiLines } from '../api/api-text.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call } from '../api/endpoint.ts';
import { callHeaders, model, common, loose, ROUTE } from './completions.ts';
import { COMPLETION_LIMITS } from './completion-limits.ts';

// Images and sound, by OpenAI's shapes, answered by models of upstreams. Only the fields that Sluice reads are declared; all others are passed on.

const stream = z.boolean().nullish().meta(about('Whether the answer comes as server-sent events.'));
const images = z.int().min(1).max(10).nullish().meta(about('How many images are made. Absent: one.', 1));
const partialImages = z.int().min(0).max(3).nullish();
const text = z.string();

/** Values of a form are texts. */
const formNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,3}$/)
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .optional()
    .meta({ type: 'integer', minimum: min, maximum: max });
const formFlag = z
  .enum(['true', 'false'])
  .transform((flag) => flag === 'true')
  .optional();

const binary = { override: { type: 'string', format: 'binary' } } as const;
const fileOf = (value: unknown): boolean => typeof value === 'object' && value !== null && 'size' in value;
/** Its bytes are read by the time this is checked. */
const file = z.custom<{ readonly size: number }>(fileOf, 'must be a file part').meta(binary);
const files = z.union([file, z.array(file).min(1)]);
const several = { override: { type: 'array', items: { type: 'string', format: 'binary' } } } as const;

const form = <S extends z.core.$ZodType>(schema: S) =>
  ({ kind: 'multipart', schema, file: 'file', bytesMax: COMPLETION_LIMITS.mediaFormBytesMax }) as const;

/** `image`, or `image[]` for several, as OpenAI's clients write it. */
const pictures = { image: files.meta(binary).optional(), 'image[]': files.meta(several).optional() };
const hasPicture = (fields: { image?: unknown; 'image[]'?: unknown }): boolean =>
  fields.image !== undefined || fields['image[]'] !== undefined;
const NO_PICTURE = { error: 'is missing', path: ['image'] };
const PICTURE = { anyOf: [{ required: ['image'] }, { required: ['image[]'] }] };

const formImages = { n: formNumber(1, 10), stream: formFlag, partial_images: formNumber(0, 3), frame_count: formNumber(2, 16) };
const imageEdit = z
  .looseObject({ model, prompt: text, ...pictures, mask: file.optional(), ...formImages })
  .refine(hasPicture, NO_PICTURE)
  .meta(PICTURE);
const imageVariation = z
  .looseObject({ model, ...pictures, n: formImages.n })
  .refine(hasPicture, NO_PICTURE)
  .meta(PICTURE);
const sound = z.looseObject({ model, file, response_format: text.optional(), stream: formFlag });

const reply = z.looseObject({}).meta(about('The answer of the upstream.'));
const UNREAD = 'Hooks of guardrails read the texts of the request and of the answer; images and sound they cannot read.';

/** Without the cache of answers: images and sound of equal requests are made anew. */
const mediaCommon = { ...common, headers: callHeaders } as const;
const withEvents = { kind: 'completion', schema: reply, event: reply } as const;

export const mediaEndpoints = {
  createImage: {
    ...mediaCommon,
    ...call(
      'POST',
      '/v1/images/generations',
      loose(z.looseObject({ model, prompt: text, n: images, stream, partial_images: partialImages })),
    ),
    summary: 'Make images',
    description: apiLines("OpenAI's shape, for models that serve `images`.", '', UNREAD, '', ROUTE),
    reply: withEvents,
  },
  editImage: {
    ...mediaCommon,
    ...call('POST', '/v1/images/edits', form(imageEdit)),
    summary: 'Change images',
    description: apiLines("OpenAI's shape, for models that serve `images`: a form with up to 25 MiB.", '', UNREAD, '', ROUTE),
    reply: withEvents,
  },
  varyImage: {
    ...mediaCommon,
    ...call('POST', '/v1/images/variations', form(imageVariation)),
    summary: 'Make variations of an image',
    description: apiLines("OpenAI's shape, for models that serve `images`: a form with up to 25 MiB.", '', ROUTE),
    reply: { kind: 'completion', schema: reply },
  },
  createSpeech: {
    ...mediaCommon,
    ...call('POST', '/v1/audio/speech', loose(z.looseObject({ model, input: text.min(1), stream_format: text.nullish() }))),
    summary: 'Speak a text',
    description: apiLines(
      "OpenAI's shape, for models that serve `speech`. The sound is passed on as it comes, with the type that the upstream gives it; `stream_format` `sse` asks for events.",
      '',
      UNREAD,
      '',
      ROUTE,
    ),
    reply: { kind: 'completion', schema: reply, event: reply, bytes: 'audio/*' },
  },
  createTranscription: {
    ...mediaCommon,
    ...call('POST', '/v1/audio/transcriptions', form(sound)),
    summary: 'Write down what a sound says',
    description: apiLines(
      "OpenAI's shape, for models that serve `transcriptions`: a form with up to 25 MiB. `response_format` `text`, `srt` and `vtt` are answered as text.",
      '',
      UNREAD,
      '',
      ROUTE,
    ),
    reply: { ...withEvents, bytes: 'text/plain' },
  },
  createTranslation: {
    ...mediaCommon,
    ...call('POST', '/v1/audio/translations', form(sound)),
    summary: 'Write down in English what a sound says',
    description: apiLines("OpenAI's shape, for models that serve `transcriptions`: a form with up to 25 MiB.", '', UNREAD, '', ROUTE),
    reply: { kind: 'completion', schema: reply, bytes: 'text/plain' },
  },
} as const satisfies Record<string, Endpoint>;
