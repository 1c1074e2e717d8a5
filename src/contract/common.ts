import * as z from 'zod';

import { LIMITS } from './limits.ts';

/** A name users choose: it becomes part of paths and of object ids. */
export const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'must be lower-case letters, digits and inner hyphens')
  .max(LIMITS.nameCharsMax)
  .meta({ description: 'Lower-case letters, digits and inner hyphens.', example: 'articles' });

/** The name of an index or of an alias: wide enough for those of other vector databases. */
export const indexName = z
  .string()
  .regex(/^[A-Za-z0-9]([\w.-]*\w)?$/, 'must be letters, digits, underscores and inner hyphens or dots, a letter or digit first')
  .max(LIMITS.nameCharsMax)
  .meta({ description: 'Letters, digits, underscores and inner hyphens or dots.', example: 'articles' });

/** The team that answers for a resource. */
export const owner = name.meta({ description: 'The team that owns the resource.', example: 'search-team' });

/** Of what a tenant's key creates. */
export const ownerOrKeys = owner.optional().meta({
  description:
    'The team that answers for the resource; it is shown in lists and reports, and grants nothing. The owner of the API key if absent.',
  example: 'search-team',
});

/** Wall time in seconds since the Unix epoch, as OpenAI writes it. */
export const unixSeconds = z.int().min(0).meta({ description: 'Seconds since the Unix epoch.' });

/** A cursor page: pass the last item's id as `after` to get the next. */
export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(LIMITS.pageMaxCount).default(LIMITS.pageDefaultCount),
  after: z.string().max(256).optional(),
});

export const page = <S extends z.ZodType>(item: S) => z.object({ object: z.literal('list'), data: z.array(item), has_more: z.boolean() });
