import * as z from 'zod';

import { indexName } from '../api/common.ts';

/** The path of calls on one index. */
export const indexParams = z.object({ index: indexName });
