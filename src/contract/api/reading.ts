import * as z from 'zod';

import { about } from './api-text.ts';
import { API_LIMITS } from './api-limits.ts';
import { wholeText } from './text-number.ts';

/** What a read may miss. */
export const consistency = z
  .union([z.enum(['strong', 'eventual']), z.strictObject({ min_lsn: z.int().min(0).max(API_LIMITS.lsnMax) })])
  .default('strong')
  .meta(
    about(
      '`strong`: the answer has every write that was acknowledged before. `{"min_lsn": n}`: every one up to LSN n, such as the highest `lsn` of your writes. ' +
        '`eventual`: what was written in the last seconds may be missing. The last two may be answered by read replicas, which hot shards get.',
    ),
  );

export type Consistency = z.output<typeof consistency>;

export const DEADLINE_HEADER = 'x-sluice-deadline-ms';

/** What a query may say about the time it has. */
export const deadlineHeaders = z.object({
  [DEADLINE_HEADER]: wholeText(API_LIMITS.queryDeadlineMinMs, API_LIMITS.queryDeadlineMaxMs, 'must be a number of milliseconds')
    .optional()
    .meta(
      about(
        `How long the search may take, in milliseconds; absent: ${API_LIMITS.queryDeadlineDefaultMs}. Then it answers with what it has: \`partial\`, if shards are missing.`,
      ),
    ),
});

/** What a query says about an answer that lacks shards. */
export const partial = {
  partial: z.literal(true).optional().meta(about('Shards are missing that may have closer vectors.')),
  missing_shards: z.array(z.int()).optional().meta(about('Which, when the answer is partial.')),
};
