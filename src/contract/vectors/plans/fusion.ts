import * as z from 'zod';

import { about } from '../../api/api-text.ts';

/** The least and the greatest k of reciprocal rank fusion: beyond, ranks hardly differ. */
const RRF_K_MAX = 10_000;

const NAMED = [
  z.strictObject({ kind: z.literal('rrf'), k: z.number().min(0).max(RRF_K_MAX).default(60) }),
  z.strictObject({ kind: z.literal('dbsf') }),
  z.strictObject({ kind: z.literal('sum'), normaliser: z.enum(['min_max', 'none']).default('min_max') }),
] as const;

/** How rankings become one, whatever is known of them. */
export const namedFusion = z.discriminatedUnion('kind', NAMED);

/** How the rankings of legs become one. */
export const fusion = z
  .discriminatedUnion('kind', [z.strictObject({ kind: z.literal('auto') }), ...NAMED])
  .default({ kind: 'auto' })
  .meta({
    ...about(
      'How the rankings of the legs become one. Absent: `auto`. `auto`: as the search settings of the index say, else chosen by what is known of the legs; the answer names it. `rrf`: sums of weight / (k + rank). ' +
        '`sum`: sums of weight times score, `min_max` of 0 to 1 between the least and the greatest score of a leg, `none` as it is. `dbsf`: of scores ' +
        'within three standard deviations of the mean of a leg. A leg that finds nothing adds nothing; a match that a leg did not find has 0 of it.',
    ),
    // Generators of clients know no defaults that are objects.
    override: ({ jsonSchema }) => {
      delete jsonSchema.default;
    },
  });

export type FusionChoice = z.output<typeof fusion>;
