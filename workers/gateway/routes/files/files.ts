import { fileEndpoints } from '../../../../src/contract/files/files.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { UploadTerms } from '../../../../src/gateway/files/file-catalogue.ts';
import type { ContentSink } from '../../../../src/gateway/files/file-store.ts';
import type { FileId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { receiveForm } from '../../pipeline/streamed-form.ts';
import { fileReply, pageOf, pageReply, replied } from '../wire.ts';
import { sentFile } from './sent-file.ts';

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
  listFiles: async ({ gateway, principal, query }) => {
    const { order } = query;
    if (order !== undefined) return replied(await gateway.heavy.files.sorted(principal.tenantId, { ...query, order }), pageOf(fileReply));
    const page = await gateway.heavy.files.list(principal.tenantId, query);
    return { ok: true, reply: pageReply(page, fileReply), used: {} };
  },
  getFile: async ({ gateway, principal, params }) =>
    replied(await gateway.heavy.files.find(principal.tenantId, params.file as FileId), fileReply),
  getFileContent: async (call) => {
    const { gateway, principal, authority, params } = call;
    const { files } = gateway.heavy;
    const asked = [principal.tenantId, params.file as FileId] as const;
    const [file, content] = await Promise.all([files.find(...asked), files.read(...asked)]);
    if (!file.ok) return file;
    const sending = { bytes: file.value.bytes, end: authority.end, background: (work: Promise<unknown>) => call.waitUntil(work) };
    return replied(content, (found) => (found instanceof Blob ? found : sentFile(found, sending)));
  },
  deleteFile: async ({ gateway, principal, authority, params }) =>
    replied(await gateway.heavy.files.delete({ principal, authority }, params.file as FileId), () => ({
      id: params.file,
      object: 'file' as const,
      deleted: true as const,
    })),
} satisfies Partial<Handlers>;
