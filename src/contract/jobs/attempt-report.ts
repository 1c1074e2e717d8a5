import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { JOB_LIMITS } from './job-limits.ts';

// What agents say of an attempt, as the wire has it.

/** Items of the input by how they ended: no item counts twice, so `completed + failed` are done. `total` is null until it is known. */
export const progress = z.strictObject({
  completed: z.int().min(0).meta(about('Items that succeeded.')),
  failed: z.int().min(0).meta(about('Items that failed; `completed` does not count them.')),
  total: z.int().min(0).nullable().meta(about('Items of the input; null until they have been counted.')),
});

export type Progress = z.infer<typeof progress>;

/** What is wrong with an input as a whole, or with one of its lines, as OpenAI's batches say it. */
export const lineFault = z.strictObject({
  code: z.string().max(API_LIMITS.nameCharsMax).meta(about('Such as `invalid_json_line`, `duplicate_custom_id` or `empty_file`.')),
  line: z.int().min(1).nullable().meta(about('Counted from 1; null: of the input as a whole.')),
  message: z.string().max(JOB_LIMITS.lineFaultCharsMax),
  param: z.string().max(JOB_LIMITS.lineFaultCharsMax).nullable().meta(about('The field of the line.')),
});

export type LineFault = z.infer<typeof lineFault>;

/** The first faults of an input. */
export const lineFaults = z.array(lineFault).max(JOB_LIMITS.lineFaultsMaxCount);
