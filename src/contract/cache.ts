import * as z from 'zod';

import type { Endpoint } from './endpoint.ts';
import { json, NO_BODY, tenant } from './endpoint.ts';
import { LIMITS } from './limits.ts';
import { modelName } from './vector-fields.ts';

const selection = <S extends z.ZodType>(item: S) => z.array(item).min(1).max(LIMITS.purgeKeysMaxCount).optional();

const purgeBody = z
  .strictObject({
    everything: z.literal(true).optional().meta({ description: 'All that is cached for the tenant. Stands alone.' }),
    text: selection(z.string().min(1).max(LIMITS.embeddingTextCharsMax)).meta({ description: 'Texts, as they were sent to be embedded.' }),
    keys: selection(z.string().regex(/^(ids:)?[0-9a-f]{64}$/, 'must be 64 lower-case hex digits, after `ids:` for token ids')).meta({
      description: "SHA-256 of texts' UTF-8, for those who will not send them again; `ids:` and that of token ids as little-endian int32.",
    }),
    model: modelName.optional().meta({ description: 'Only what this model made. Alone: all of it.' }),
  })
  .refine(({ text, keys }) => text === undefined || keys === undefined, 'give `text` or `keys`, not both')
  .refine((body) => Object.values(body).some((value) => value !== undefined), 'say what to purge: `everything`, `text`, `keys` or `model`')
  .refine(
    ({ everything, ...others }) => everything === undefined || Object.values(others).every((value) => value === undefined),
    '`everything` leaves nothing to select: send it alone',
  );

export type PurgeBody = z.output<typeof purgeBody>;

const purge = z
  .object({
    object: z.literal('cache.purge'),
    purge_id: z.string(),
    position: z.int().min(1).meta({ description: "Number of this purge in the tenant's log." }),
    status: z.enum(['pending', 'effective']),
    effective_at: z.iso.datetime().meta({ description: 'No request that is accepted later is answered with what the purge took.' }),
    consistency: z.literal('next-read'),
    bound_ms: z.int().min(0).meta({ description: 'The longest that a purge can take from being accepted to being effective.' }),
    erased: z
      .boolean()
      .meta({ description: 'Whether what it took has also left the storage of the second level. Not needed to be effective.' }),
  })
  .meta({ id: 'Purge' });

export const purgeId = z.string().regex(/^pg_[0-9a-z]{26}$/, 'must be a purge id such as pg_...');

export const cacheEndpoints = {
  purgeCache: {
    method: 'POST',
    path: '/v1/cache/purge',
    tag: 'Cache',
    summary: 'Purge cached embeddings',
    description:
      'Answers once the purge holds: every request accepted afterwards misses, in every isolate. Computations that began before it do not bring its entries back.',
    access: tenant('cache:purge'),
    meters: [],
    body: json(purgeBody),
    status: 200,
    reply: json(purge),
    idempotent: true,
  },
  getPurge: {
    method: 'GET',
    path: '/v1/cache/purges/:purge',
    tag: 'Cache',
    summary: 'Look up a purge',
    access: tenant('cache:purge'),
    meters: [],
    params: z.object({ purge: purgeId }),
    body: NO_BODY,
    status: 200,
    reply: json(purge),
  },
} as const satisfies Record<string, Endpoint>;
