import type { UploadReply } from '../../../src/contract/uploads.ts';
import { uploadEndpoints } from '../../../src/contract/uploads.ts';
import type { Upload, UploadId } from '../../../src/gateway/jobs/uploads.ts';
import { must } from '../../../src/kernel/assert.ts';
import { receiveForm } from '../streamed-form.ts';
import type { Handlers } from '../serve.ts';
import { fileReply, replied, seconds } from './wire.ts';

export const uploadHandlers = {
  createUpload: ({ gateway, principal, authority, body, idempotencyKey }) =>
    replied(gateway.heavy.uploads.create({ principal, authority }, body, idempotencyKey), uploadReply),
  addUploadPart: async (call) => {
    const { gateway, principal, authority, params, idempotencyKey } = call;
    const id = params.upload as UploadId;
    const part = await receiveForm(call, uploadEndpoints.addUploadPart.body, (read) =>
      gateway.heavy.uploads.addPart({ principal, authority }, id, read, idempotencyKey),
    );
    if (!part.ok) return part;
    const reply = { id: part.value.id, object: 'upload.part', created_at: seconds(part.value.createdAtMs), upload_id: id } as const;
    return { ok: true, reply, used: {} };
  },
  completeUpload: ({ gateway, principal, authority, params, body }) =>
    replied(gateway.heavy.uploads.complete({ principal, authority }, params.upload as UploadId, body), uploadReply),
  cancelUpload: ({ gateway, principal, authority, params }) =>
    replied(gateway.heavy.uploads.cancel({ principal, authority }, params.upload as UploadId), uploadReply),
} satisfies Partial<Handlers>;

const uploadReply = ({ id, record, terms, status, file }: Upload): UploadReply => ({
  id,
  object: 'upload',
  bytes: terms.bytes,
  created_at: seconds(record.createdAtMs),
  filename: record.filename,
  purpose: record.purpose,
  owner: record.owner,
  status,
  expires_at: seconds(must(record.expiresAtMs, 'an upload expires')),
  file: file && fileReply(file),
});
