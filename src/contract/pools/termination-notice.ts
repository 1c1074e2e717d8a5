import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { POOL_LIMITS } from './pool-limits.ts';

/** How long a node will still be there: a duration, as clocks of machines differ. */
export const terminationNotice = z.strictObject({
  in_s: z.int().min(0).max(POOL_LIMITS.terminationNoticeMaxS).meta(about('Seconds until the node is taken away.', 120)),
});
