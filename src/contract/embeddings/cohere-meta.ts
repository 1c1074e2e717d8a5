import * as z from 'zod';

import { named } from '../api/api-text.ts';

/** What Cohere's answers have beside the result. */
export const cohereMeta = named('CohereMeta', {
  api_version: z.object({ version: z.string() }),
  billed_units: z.object({ input_tokens: z.int().min(0).optional(), search_units: z.int().min(0).optional() }),
  tokens: z.object({ input_tokens: z.int().min(0) }),
});
