import type { FileRecord } from '../../../src/contract/files.ts';
import type { StoredFile } from '../../../src/gateway/jobs/file-store.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import type { FileId } from '../../../src/kernel/ids.ts';
import type { Handlers } from '../serve.ts';
import { pageReply, seconds } from './wire.ts';

export const fileHandlers = {
  uploadFile: async (call) => {
    const { gateway, principal, authority, body, idempotencyKey } = call;
    // What a form holds as a file part is a `File` of the runtime.
    const content = body.file as File;
    const lifeS = body['expires_after[seconds]'];
    const upload = {
      filename: content.name,
      purpose: body.purpose,
      owner: body.owner ?? principal.owner,
      lifeMs: lifeS === undefined ? null : lifeS * 1000,
      bytes: content.size,
      content,
      digest: async () => sha256Hex(new Uint8Array(await content.arrayBuffer())),
    };
    const stored = await gateway.heavy.files.upload({ principal, authority }, upload, idempotencyKey);
    if (!stored.ok) return stored;
    // The next upload sweeps again.
    call.waitUntil(gateway.heavy.files.sweep(principal.tenantId).catch(() => undefined));
    return { ok: true, reply: fileReply(stored.value), used: {} };
  },
  listFiles: async ({ gateway, principal, query }) => {
    const page = await gateway.heavy.files.list(principal.tenantId, query);
    return { ok: true, reply: pageReply(page, fileReply), used: {} };
  },
  getFile: async ({ gateway, principal, params }) => {
    const file = await gateway.heavy.files.find(principal.tenantId, params.file as FileId);
    return file.ok ? { ok: true, reply: fileReply(file.value), used: {} } : file;
  },
  getFileContent: async ({ gateway, principal, params }) => {
    const content = await gateway.heavy.files.read(principal.tenantId, params.file as FileId);
    return content.ok ? { ok: true, reply: content.value, used: {} } : content;
  },
  deleteFile: async ({ gateway, principal, authority, params }) => {
    const deleted = await gateway.heavy.files.delete({ principal, authority }, params.file as FileId);
    return deleted.ok ? { ok: true, reply: { id: params.file, object: 'file' as const, deleted: true as const }, used: {} } : deleted;
  },
} satisfies Partial<Handlers>;

const fileReply = (file: StoredFile): FileRecord => ({
  id: file.id,
  object: 'file',
  bytes: file.bytes,
  created_at: seconds(file.createdAtMs),
  filename: file.filename,
  purpose: file.purpose,
  owner: file.owner,
  status: 'processed',
  expires_at: file.expiresAtMs === null ? null : seconds(file.expiresAtMs),
});
