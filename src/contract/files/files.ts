import * as z from 'zod';

import { onlyWith } from '../api/presence.ts';
import { about } from '../api/api-text.ts';
import { ownerOrCallers, page, pageQuery } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { file } from './file-record.ts';
import { FILE_LIMITS } from './file-limits.ts';
import { wholeText } from '../api/text-number.ts';

/** What OpenAI's clients say that a file is for, and `model`: part of one that is to be registered. */
export const FILE_PURPOSES = ['batch', 'fine-tune', 'user_data', 'assistants', 'vision', 'evals', 'model'] as const;

export const fileId = z
  .string()
  .regex(/^file_[0-9a-z]{26}(_\d{1,9}){0,2}$/, 'must be the id of a file')
  .meta(about('Id of a file.', 'file_0123456789abcdefghjkmnpqrs'));

const params = z.strictObject({ file: fileId });

/** The fields of a form by which OpenAI's clients write the object `expires_after`. */
const ANCHOR = 'expires_after[anchor]';
const SECONDS = 'expires_after[seconds]';

const both = { path: [SECONDS], message: `comes with ${ANCHOR}, and only with it` };

const form = z.strictObject({
  file: z
    // Its content is stored by the time this is checked.
    .custom<{ readonly name: string; readonly size: number }>(
      (value) => typeof value === 'object' && value !== null && 'size' in value,
      'must be a file part',
    )
    .meta({ override: { type: 'string', format: 'binary' } }),
  owner: ownerOrCallers,
  purpose: z.enum(FILE_PURPOSES).meta(about('`batch` is the input of a batch or a job. Files of any purpose are stored alike.')),
  [ANCHOR]: z.literal('created_at').optional(),
  [SECONDS]: wholeText(FILE_LIMITS.fileLifeSMin, FILE_LIMITS.fileLifeSMax)
    .optional()
    .meta(about('The file expires so many seconds after it was created. If absent, it is kept until it is deleted.')),
});
const upload = onlyWith(onlyWith(form, ANCHOR, SECONDS, both), SECONDS, ANCHOR, both);

const common = { tag: 'Files', access: tenant('files'), meters: [], status: 200 } as const;

export const fileEndpoints = {
  uploadFile: {
    ...common,
    ...call('POST', '/v1/files', {
      kind: 'multipart',
      schema: upload,
      file: 'file',
      bytesMax: FILE_LIMITS.fileBytesMax + FILE_LIMITS.formFieldsBytesMax,
    }),
    summary: 'Upload a file',
    reply: json(file),
    idempotent: true,
  },
  listFiles: {
    ...common,
    ...call('GET', '/v1/files'),
    summary: 'List files',
    query: pageQuery.extend({
      purpose: z.enum([...FILE_PURPOSES, 'batch_output']).optional(),
      order: z
        .enum(['asc', 'desc'])
        .optional()
        .meta(about(`By when they were made, \`desc\`: the newest first; of \`filesSortedMaxCount\` files at most. Absent: by id.`)),
    }),
    reply: json(page(file)),
  },
  getFile: {
    ...common,
    ...call('GET', '/v1/files/:file'),
    summary: 'Describe a file',
    params,
    reply: json(file),
  },
  getFileContent: {
    ...common,
    ...call('GET', '/v1/files/:file/content'),
    summary: 'Download a file',
    params,
    reply: { kind: 'bytes', contentType: 'application/octet-stream' },
  },
  deleteFile: {
    ...common,
    ...call('DELETE', '/v1/files/:file'),
    summary: 'Delete a file',
    params,
    reply: json(z.object({ id: z.string(), object: z.literal('file'), deleted: z.literal(true) })),
  },
} as const satisfies Record<string, Endpoint>;
