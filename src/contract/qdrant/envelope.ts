import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { indexName } from '../api/common.ts';
import { json } from '../api/endpoint.ts';
import { wholeText } from '../api/text-number.ts';

export const QDRANT_TAG = 'Qdrant';

/** A collection is an index; an alias stands for one. */
export const collectionParams = z.object({ collection: indexName.meta(about('An index, or an alias of one.')) });

/**
 * What Qdrant's clients send besides a body. Writes are always done when they are answered, and seen by every later read; but only those
 * that asked to wait get `completed`, as their clients expect. As in Qdrant, other parameters mean nothing.
 */
export const callQuery = z.object({
  wait: z.enum(['true', 'false']).optional(),
  ordering: z.enum(['weak', 'medium', 'strong']).optional(),
  consistency: z
    .string()
    .regex(/^(?:majority|quorum|all|[1-9]\d*)$/, 'must be majority, quorum, all or a number of replicas')
    .optional(),
  timeout: wholeText(1)
    .optional()
    .meta(about('Seconds that a search may take: at most what it may take anyway. Other calls have the limits of Sluice.')),
});

/** What Qdrant wraps every answer in. `result` is a schema of replies (`apiOnly`). */
export const enveloped = <S extends z.core.$ZodType>(result: S) =>
  json(z.object({ result, status: z.literal('ok'), time: z.number().min(0).meta(about('Seconds that the call took.')) }));

export const updateResult = z.object({
  operation_id: z.int().min(0).meta(about('The write number (LSN) of the index.')),
  status: z.enum(['completed', 'acknowledged']).meta(about('`completed` with `wait=true`. The write is done either way.')),
});
