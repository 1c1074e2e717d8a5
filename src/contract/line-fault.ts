import * as z from 'zod';

import { about } from './api-text.ts';
import { LIMITS } from './limits.ts';

/** What is wrong with an input as a whole, or with one of its lines, as OpenAI's batches say it. */
export const lineFault = z.strictObject({
  code: z.string().max(LIMITS.nameCharsMax).meta(about('Such as `invalid_json_line`, `duplicate_custom_id` or `empty_file`.')),
  line: z.int().min(1).nullable().meta(about('Counted from 1; null: of the input as a whole.')),
  message: z.string().max(LIMITS.lineFaultCharsMax),
  param: z.string().max(LIMITS.lineFaultCharsMax).nullable().meta(about('The field of the line.')),
});

export type LineFault = z.infer<typeof lineFault>;

/** The first faults of an input. */
export const lineFaults = z.array(lineFault).max(LIMITS.lineFaultsMaxCount);
