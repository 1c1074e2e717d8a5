import * as z from 'zod';

import { about, apiText } from './api-text.ts';
import { unixSeconds } from './common.ts';
import type { Endpoint } from './endpoint.ts';
import { json, NO_BODY, tenant } from './endpoint.ts';

const count = z.int().min(0);

const erasure = z.object({
  object: z.literal('index.erasure'),
  id: z.string(),
  name: z.string(),
  erased_at: unixSeconds,
  vectors: count,
  objects: count.meta(about('How many objects held something of the index, itself included.')),
  objects_lost: count.meta(about('How many of them had lost what they stored when the index was deleted.')),
  bytes: count.meta(about('Of storage that was given up.')),
  remaining: count.meta(about('How many of them hold something of it now, as their storage says.')),
  verified: z.boolean().meta(about('Whether nothing is left.')),
});

export const erasureEndpoints = {
  verifyIndexErasure: {
    method: 'GET',
    path: '/v1/erasures/:erasure',
    tag: 'Indexes',
    summary: apiText('Prove that nothing is left of a deleted index'),
    description: apiText(
      'Asks each object that held something of it to look into its storage. The newest 10,000 deletions of a tenant can be asked about.',
    ),
    access: tenant('index:read'),
    meters: [],
    params: z.object({ erasure: z.string().min(1).max(64).meta(about('The `id` of the index, as its deletion answered it.')) }),
    body: NO_BODY,
    status: 200,
    reply: json(erasure),
  },
} as const satisfies Record<string, Endpoint>;
