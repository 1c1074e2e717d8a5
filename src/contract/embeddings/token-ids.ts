import * as z from 'zod';

import { about } from '../api/api-text.ts';

/** What token ids are, where a call says so. */
export const tokenIds = z
  .enum(['cl100k_base', 'o200k_base', 'model'])
  .meta(
    about(
      "What token ids in `input` are. They are read as the text that they stand for, in OpenAI's encoding of that name; `model`: ids of the model's own vocabulary. Absent: the encoding that OpenAI's clients use for a model of this name, which is `cl100k_base` for all models that embed.",
    ),
  );

export type TokenIds = z.output<typeof tokenIds>;
