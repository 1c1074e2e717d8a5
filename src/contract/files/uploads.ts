import * as z from 'zod';

import { about, named } from '../api/api-text.ts';
import { owner, ownerOrCallers, unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { file } from './file-record.ts';
import { FILE_PURPOSES } from './files.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { FILE_LIMITS } from './file-limits.ts';

// OpenAI's uploads: a file that is larger than one request carries is sent in parts, and put together once.

export const uploadId = z
  .string()
  .regex(/^upload_[0-9a-z]{26}$/, 'must be the id of an upload')
  .meta(about('An upload.', 'upload_0123456789abcdefghjkmnpqrs'));

const partId = z
  .string()
  .regex(/^part_[0-9a-z]{26}_[0-9a-z]{26}$/, 'must be the id of a part')
  .meta(about('A part of an upload.', 'part_0123456789abcdefghjkmnpqrs_0123456789abcdefghjkmnpqrs'));

const upload = named('Upload', {
  id: z.string(),
  object: z.literal('upload'),
  bytes: z.int().min(0),
  created_at: unixSeconds,
  filename: z.string(),
  purpose: z.string(),
  owner,
  status: z.enum(['pending', 'completed', 'cancelled']),
  expires_at: unixSeconds.meta(about('From then on an upload that is pending is `file_not_found`, and its parts are deleted.')),
  file: file.nullable().meta(about('Once the upload is completed.')),
});

export type UploadReply = z.input<typeof upload>;

const create = z
  .strictObject({
    filename: z.string().min(1).max(FILE_LIMITS.fileNameCharsMax),
    purpose: z.enum(FILE_PURPOSES),
    bytes: z.int().min(1).max(FILE_LIMITS.uploadBytesMax).meta(about('What the parts have to come to.')),
    mime_type: z
      .string()
      .min(1)
      .max(API_LIMITS.nameCharsMax)
      .meta(about('Taken for the sake of OpenAI’s clients; files have none.', 'text/jsonl')),
    owner: ownerOrCallers,
    expires_after: z
      .strictObject({ anchor: z.literal('created_at'), seconds: z.int().min(FILE_LIMITS.fileLifeSMin).max(FILE_LIMITS.fileLifeSMax) })
      .optional()
      .meta(about('The file expires so many seconds after it was completed. If absent, it is kept until it is deleted.')),
  })
  .meta({ id: 'CreateUpload' });

export type CreateUpload = z.output<typeof create>;

const part = z.strictObject({
  data: z
    .custom<{ readonly size: number }>((value) => typeof value === 'object' && value !== null && 'size' in value, 'must be a file part')
    .meta({ override: { type: 'string', format: 'binary' } }),
});

const complete = z
  .strictObject({
    part_ids: z.array(partId).min(1).max(FILE_LIMITS.uploadPartsMaxCount).meta(about('In the order of the content.')),
    md5: z
      .string()
      .regex(/^[0-9a-f]{32}$/i, 'must be an MD5 in hex')
      .optional()
      .meta(about('Of the whole content. If it differs, the upload stays pending.')),
  })
  .meta({ id: 'CompleteUpload' });

export type CompleteUpload = z.output<typeof complete>;

const params = z.strictObject({ upload: uploadId });
const common = { tag: 'Files', access: tenant('files'), meters: [], status: 200, reply: json(upload) } as const;

export const uploadEndpoints = {
  createUpload: {
    ...common,
    ...call('POST', '/v1/uploads', json(create)),
    summary: 'Begin a file that is uploaded in parts',
    idempotent: true,
  },
  addUploadPart: {
    ...common,
    ...call('POST', '/v1/uploads/:upload/parts', {
      kind: 'multipart',
      schema: part,
      file: 'data',
      bytesMax: FILE_LIMITS.uploadPartBytesMax + FILE_LIMITS.formFieldsBytesMax,
    }),
    summary: 'Upload a part',
    description: 'In any order, and several at once.',
    params,
    reply: json(named('UploadPart', { id: z.string(), object: z.literal('upload.part'), created_at: unixSeconds, upload_id: z.string() })),
    idempotent: true,
  },
  completeUpload: {
    ...common,
    ...call('POST', '/v1/uploads/:upload/complete', json(complete)),
    summary: 'Make the file of its parts',
    description:
      'A repetition changes nothing. An upload that was cancelled, or completed with other parts, is refused with `state_conflict`.',
    params,
  },
  cancelUpload: {
    ...common,
    ...call('POST', '/v1/uploads/:upload/cancel'),
    summary: 'Cancel an upload',
    description: 'Its parts are deleted. One that is completed is refused with `state_conflict`.',
    params,
  },
} as const satisfies Record<string, Endpoint>;
