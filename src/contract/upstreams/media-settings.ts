import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { priceIn } from '../tenancy/money.ts';
import { UPSTREAM_LIMITS } from './upstream-limits.ts';

// What the settings of a model say of images, sound, files and searches: what bounds them, and what they cost.

const price = priceIn(UPSTREAM_LIMITS.upstreamPriceNanoMax);
const tokenPrice = (what: string, instead: string) =>
  price.optional().meta(about(`Of a million tokens of ${what}, as US dollars or nano-dollars. Absent: that of \`${instead}\`.`, '40'));

/** Prices besides those of tokens of texts. */
export const mediaPrices = {
  audio_input: tokenPrice('sound that the model reads', 'input'),
  audio_output: tokenPrice('sound that it makes', 'output'),
  image_input: tokenPrice('images that it reads', 'input'),
  image_output: tokenPrice('images that it makes', 'output'),
  characters: price.optional().meta(about('Of a million characters that are spoken. Absent: 0.', '15')),
  audio_minute: price.optional().meta(about('Of a minute of sound that is transcribed. Absent: 0.', '0.006')),
  images: z
    .record(z.string().max(API_LIMITS.nameCharsMax), price)
    .refine((prices) => Object.keys(prices).length <= UPSTREAM_LIMITS.upstreamImagePricesMaxCount, {
      error: `has more than ${UPSTREAM_LIMITS.upstreamImagePricesMaxCount} prices (upstreamImagePricesMaxCount)`,
    })
    .optional()
    .meta({
      ...about(
        'Of an image that is made, by `quality size`, `size`, `quality` or `any`; the first of them that is there counts. Where a request leaves quality or size to the upstream, the dearest that fits. Absent: 0.',
        { '1024x1024': '0.04', 'hd 1024x1024': '0.08' },
      ),
      maxProperties: UPSTREAM_LIMITS.upstreamImagePricesMaxCount,
    }),
  web_search: price.optional().meta(about('Of a search of the web that the upstream makes. Absent: 0.01 USD.', '0.01')),
} as const;

const tokens = (min: number) => z.int().min(min).max(UPSTREAM_LIMITS.upstreamTokensMax).optional();

/** What bounds attachments. Sluice knows what is published of models by their names. */
export const attachmentBounds = {
  image_tokens_max: tokens(0).meta(
    about(
      'The most tokens that one image can take; 0: the model takes no images. Absent: what is published of models of its name, else 16,384.',
      1_500,
    ),
  ),
  page_tokens_max: tokens(1).meta(about('The most tokens of a page of a PDF. Absent: 3,000, and an image.', 5_000)),
  audio_tokens_per_second: z
    .number()
    .min(0.01)
    .max(10_000)
    .optional()
    .meta(about('The tokens of a second of sound that the model reads. Absent: 32.', 10)),
  web_searches_max: z
    .int()
    .min(0)
    .max(UPSTREAM_LIMITS.upstreamWebSearchesMax)
    .optional()
    .meta(about('The most searches of the web in a call that gives no limit itself; it is sent along. Absent: 5.', 5)),
  web_search_tokens_max: tokens(1).meta(about('The most tokens that one search finds. Absent: 16,384.', 8_000)),
  unbounded: z
    .enum(['refuse', 'settle'])
    .optional()
    .meta(
      about(
        'What becomes of requests with something that nothing bounds, such as tools that the upstream runs: `refuse`, or `settle`: a context is reserved, and what the upstream reports is charged afterwards, even beyond that, as far as budgets and quotas have it. What it does not report is not charged. Absent: `refuse`.',
        'refuse',
      ),
    ),
} as const;

/** How the record of a model names these prices. */
export const MEDIA_PRICES = {
  audio_input: 'audioInputNano',
  audio_output: 'audioOutputNano',
  image_input: 'imageInputNano',
  image_output: 'imageOutputNano',
  characters: 'charactersNano',
  audio_minute: 'audioMinuteNano',
  images: 'imagesNano',
  web_search: 'webSearchNano',
} as const satisfies Record<keyof typeof mediaPrices, string>;

export const ATTACHMENT_BOUNDS = {
  image_tokens_max: 'imageTokensMax',
  page_tokens_max: 'pageTokensMax',
  audio_tokens_per_second: 'audioTokensPerSecond',
  web_searches_max: 'webSearchesMax',
  web_search_tokens_max: 'webSearchTokensMax',
  unbounded: 'unbounded',
} as const satisfies Record<keyof typeof attachmentBounds, string>;

const nano = z.int().nullable();

export const mediaPricesReply = {
  audio_input: nano,
  audio_output: nano,
  image_input: nano,
  image_output: nano,
  characters: nano,
  audio_minute: nano,
  images: z.record(z.string(), z.int()).nullable(),
  web_search: nano,
} as const;

/** null: what is published of models of its name counts. */
export const attachmentBoundsReply = {
  image_tokens_max: z.int().nullable(),
  page_tokens_max: z.int().nullable(),
  audio_tokens_per_second: z.number().nullable(),
  web_searches_max: z.int().nullable(),
  web_search_tokens_max: z.int().nullable(),
  unbounded: z.enum(['refuse', 'settle']).nullable(),
} as const;

type Names = Readonly<Record<string, string>>;
type Named<N extends Names, V> = { [K in keyof N as N[K]]?: K extends keyof V ? NonNullable<V[K]> : never };

/** What of the settings is given, under other names. */
export function renamed<const N extends Names, V extends Readonly<Record<string, unknown>>>(names: N, given: V): Named<N, V> {
  const found = Object.entries(names).flatMap(([from, to]) => (given[from] === undefined ? [] : [[to, given[from]] as const]));
  return Object.fromEntries(found) as Named<N, V>;
}

type Shown<N extends Names, R> = { [K in keyof N]: (N[K] extends keyof R ? NonNullable<R[N[K]]> : never) | null };

/** Back again; null: it is not given. */
export function shownAs<const N extends Names, R extends object>(names: N, record: R): Shown<N, R> {
  const shown = Object.entries(names).map(([name, from]) => [name, (record as Readonly<Record<string, unknown>>)[from] ?? null]);
  return Object.fromEntries(shown) as Shown<N, R>;
}
