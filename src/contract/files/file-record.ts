import * as z from 'zod';

import { about, named } from '../api/api-text.ts';
import { owner, unixSeconds } from '../api/common.ts';

/** A file as the API shows it, wherever one is made: by an upload, or by what exports into one. */
export const file = named('File', {
  id: z.string(),
  object: z.literal('file'),
  bytes: z.int().min(0),
  created_at: unixSeconds,
  filename: z.string(),
  purpose: z.string(),
  owner,
  status: z.literal('processed').meta(about('A file can be used as soon as its upload is answered.')),
  expires_at: unixSeconds.nullable().meta(about('From then on the file is `file_not_found`, and is deleted; null: never.')),
});

export type FileRecord = z.infer<typeof file>;
