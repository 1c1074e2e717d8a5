import { fileEndpoints } from '../../../src/contract/files.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { UploadTerms } from '../../../src/gateway/jobs/file-catalogue.ts';
import type { ContentSink } from '../../../src/gateway/jobs/file-store.ts';
import type { FileId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { Handlers } from '../serve.ts';
import { receiveForm } from '../streamed-form.ts';
import { fileReply, listed, replied } from './wire.ts';

export const fileHandlers = {
  uploadFile: async (call) => {
    const { gateway, principal, authority, idempotencyKey } = call;
    const stored = await receiveForm(call, fileEndpoints.uploadFile.body, (read) => {
      const receive = async (content: ContentSink): Promise<Outcome<UploadTerms>> => {
        const form = await read(content);
        if (!form.ok) return form;
        const { file, purpose, owner = principal.owner, 'expires_after[seconds]': lifeS } = form.value;
        return ok({ filename: file.name, purpose, owner, lifeMs: lifeS === undefined ? null : lifeS * 1000 });
      };
      return gateway.heavy.files.upload({ principal, authority }, receive, idempotencyKey);
    });
    if (!stored.ok) return stored;
    // The next upload sweeps again.
    call.waitUntil(gateway.heavy.files.sweep(principal.tenantId).catch(() => undefined));
    return { ok: true, reply: fileReply(stored.value), used: {} };
  },
  listFiles: ({ gateway, principal, query }) => listed(gateway.heavy.files.list(principal.tenantId, query), fileReply),
  getFile: ({ gateway, principal, params }) => replied(gateway.heavy.files.find(principal.tenantId, params.file as FileId), fileReply),
  getFileContent: ({ gateway, principal, params }) =>
    replied(gateway.heavy.files.read(principal.tenantId, params.file as FileId), (content) => content),
  deleteFile: ({ gateway, principal, authority, params }) =>
    replied(gateway.heavy.files.delete({ principal, authority }, params.file as FileId), () => ({
      id: params.file,
      object: 'file' as const,
      deleted: true as const,
    })),
} satisfies Partial<Handlers>;
