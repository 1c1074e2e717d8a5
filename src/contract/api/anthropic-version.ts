import * as z from 'zod';

import { about } from './api-text.ts';

/** By this header clients of Anthropic say which API they speak: where two share a path, it decides in whose shape the answer is. */
export const ANTHROPIC_VERSION_HEADER = 'anthropic-version';

export const anthropicVersion = z
  .string()
  .max(64)
  .optional()
  .meta(about("Sent by Anthropic's clients: the answer, and an error, has Anthropic's shape.", '2023-06-01'));

/** Anthropic's clients send it with calls of their `beta` namespace, whose answers are the same. */
export const anthropicBeta = z
  .string()
  .max(16)
  .optional()
  .meta(about("Sent by the `beta` calls of Anthropic's clients. It changes nothing.", 'true'));
