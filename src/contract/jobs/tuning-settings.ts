import * as z from 'zod';

import { API_LIMITS } from '../api/api-limits.ts';
import { JOB_LIMITS } from './job-limits.ts';

/** The program that fine-tunes, which agents bring with them: a job of the kind `training` names it as it would name a program of its own. */
export const TUNING_PROGRAM = 'sluice-fine-tune';

/** The files of a fine-tuning job, in the folder that its program works in. */
export const TUNING_FILES = {
  training: 'training.jsonl',
  validation: 'validation.jsonl',
  checkpoint: 'tuning.state',
  outputs: ['manifest.json', 'model.onnx', 'metrics.csv'],
} as const;

/** Of the three outputs. */
export const METRICS_OUTPUT = 'metrics.csv';

/** A line of the training and validation files: two texts that belong together. */
export const tuningPair = z.object({ anchor: z.string().min(1), positive: z.string().min(1) });

/** The argument of the program: all that it needs to know besides its files. Equal settings and files give equal outputs. */
export const tuningSettings = z.strictObject({
  model: z.string().min(1).max(API_LIMITS.nameCharsMax),
  epochs: z.int().min(1).max(JOB_LIMITS.tuningEpochsMaxCount).default(JOB_LIMITS.tuningEpochsDefaultCount),
  batch_size: z.int().min(2).max(JOB_LIMITS.tuningBatchMaxCount).default(JOB_LIMITS.tuningBatchDefaultCount),
  learning_rate_multiplier: z.number().min(JOB_LIMITS.tuningRateMin).max(JOB_LIMITS.tuningRateMax).default(1),
  seed: z.int().min(0).max(JOB_LIMITS.tuningSeedMax).default(0),
  /** Id of the model that is made, the team that owns it, and when it is said to have been made. */
  tuned_model: z.string().min(1).max(JOB_LIMITS.tunedModelCharsMax).default('tuned'),
  owner: z.string().min(1).max(API_LIMITS.nameCharsMax).default('tuning'),
  created_s: z.int().min(1).default(1),
  /** Of its owner: it is kept here, and changes nothing. */
  metadata: z.record(z.string(), z.string()).optional(),
});

export type TuningSettings = z.output<typeof tuningSettings>;
