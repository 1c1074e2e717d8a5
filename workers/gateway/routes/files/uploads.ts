import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { UploadReply } from '../../../../src/contract/files/uploads.ts';
import { uploadEndpoints } from '../../../../src/contract/files/uploads.ts';
import type { Upload, UploadId } from '../../../../src/gateway/files/uploads.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { receiveForm } from '../../pipeline/streamed-form.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { fileReply, seconds, replied } from '../wire.ts';

export const uploadHandlers = {
  createUpload: async ({ gateway, principal, authority, body, idempotencyKey }) =>
    uploadOutcome(await gateway.heavy.uploads.create({ principal, authority }, body, idempotencyKey)),
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
  completeUpload: async ({ gateway, principal, authority, params, body }) =>
    uploadOutcome(await gateway.heavy.uploads.complete({ principal, authority }, params.upload as UploadId, body)),
  cancelUpload: async ({ gateway, principal, authority, params }) =>
    uploadOutcome(await gateway.heavy.uploads.cancel({ principal, authority }, params.upload as UploadId)),
} satisfies Partial<Handlers>;

const uploadOutcome = (outcome: Outcome<Upload>) => replied(outcome, uploadReply);

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
