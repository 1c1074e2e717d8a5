import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { ContentWriter, FileWrites, NewFile, StoredFile } from '../../../../src/gateway/files/file-store.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { toHex } from '../../../../src/kernel/bytes.ts';
import type { FileId, TenantId } from '../../../../src/kernel/ids.ts';
import type { StoredContent } from './r2-content-writer.ts';
import { R2ContentWriter } from './r2-content-writer.ts';

/** What R2 takes: a blob, or a stream whose length is declared. */
export type FileContent = Blob | ReadableStream;

export const prefixOf = (tenantId: TenantId): string => `tenants/${tenantId}/files/`;
/** In a separate prefix, so that listing the files finds none of it. */
export const announcementsOf = (tenantId: TenantId): string => `tenants/${tenantId}/writes/`;
/** Content that is too large to be written with its file in one step, and notes of what may be no file's yet. */
export const contentsOf = (tenantId: TenantId): string => `tenants/${tenantId}/contents/`;
export const begunOf = (tenantId: TenantId): string => `tenants/${tenantId}/begun/`;
export const keyOf = (tenantId: TenantId, id: string): string => prefixOf(tenantId) + id;

/**
 * Files as R2 objects, as far as writing them takes. A file is written once, in one step: a reader sees all of it or nothing. Of content that came as
 * a stream, what does not fit in memory is an object of its own, written before: the object of the file is empty, and its metadata names that one.
 */
export class R2FileWrites implements FileWrites<FileContent> {
  readonly #bucket: R2Bucket;

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  async create(tenantId: TenantId, file: NewFile, content: FileContent): Promise<StoredFile> {
    const sha256 = file.sha256 ?? (content instanceof Blob ? await sha256Of(content) : undefined);
    return this.#putOnce(tenantId, file, content, sha256, {});
  }

  async open(tenantId: TenantId, fileId: FileId, admit: () => Promise<Outcome<unknown>>): Promise<ContentWriter> {
    const bucket = this.#bucket;
    const contentId = `${fileId}/${crypto.randomUUID()}`;
    const note = begunOf(tenantId) + contentId;
    return new R2ContentWriter({
      bucket,
      key: contentsOf(tenantId) + contentId,
      admit: async (upload) => {
        await bucket.put(note, '', { customMetadata: { upload } });
        return admit();
      },
      onOver: () => bucket.delete(note),
      commit: (file, content) => this.#commit(tenantId, file, contentId, content),
      isOf: async ({ id }) => (await contentOf(this.#bucket, tenantId, id)) === contentId,
    });
  }

  async find(tenantId: TenantId, id: FileId): Promise<StoredFile | undefined> {
    const object = await this.#bucket.head(keyOf(tenantId, id));
    return object === null ? undefined : storedFile(object);
  }

  async delete(tenantId: TenantId, id: FileId): Promise<void> {
    const content = await contentOf(this.#bucket, tenantId, id);
    // The file first: none is left without its content.
    await this.#bucket.delete(keyOf(tenantId, id));
    if (content !== undefined) await this.#bucket.delete(contentsOf(tenantId) + content);
  }

  async announce(tenantId: TenantId, fileId: FileId): Promise<string> {
    const id = `${fileId}/${crypto.randomUUID()}`;
    await this.#bucket.put(announcementsOf(tenantId) + id, '');
    return id;
  }

  async withdraw(tenantId: TenantId, announcementId: string): Promise<void> {
    await this.#bucket.delete(announcementsOf(tenantId) + announcementId);
  }

  async #commit(tenantId: TenantId, file: NewFile, contentId: string, content: StoredContent): Promise<StoredFile> {
    if ('held' in content) return this.#putOnce(tenantId, file, content.held, content.sha256, {});
    const metadata = { content: contentId, bytes: String(content.bytes), sha256: content.sha256 };
    return this.#putOnce(tenantId, file, '', undefined, metadata);
  }

  async #putOnce(
    tenantId: TenantId,
    { id, filename, purpose, owner, digest, createdAtMs, expiresAtMs }: NewFile,
    content: FileContent | Uint8Array | string,
    sha256: string | undefined,
    metadata: Record<string, string>,
  ): Promise<StoredFile> {
    const key = keyOf(tenantId, id);
    const written = await this.#bucket.put(key, content, {
      ...(sha256 === undefined ? {} : { sha256 }),
      onlyIf: new Headers({ 'if-none-match': '*' }),
      customMetadata: {
        filename: encodeURIComponent(filename),
        purpose,
        owner,
        digest,
        created_at_ms: String(createdAtMs),
        ...(expiresAtMs === null ? {} : { expires_at_ms: String(expiresAtMs) }),
        ...metadata,
      },
    });
    if (written !== null) return storedFile(written);
    return storedFile(must(await this.#bucket.head(key), 'an object that kept us from writing is there'));
  }
}

/** Which content of its own a file has; undefined: its object holds it, or there is none. */
export const contentOf = async (bucket: R2Bucket, tenantId: TenantId, id: FileId): Promise<string | undefined> =>
  (await bucket.head(keyOf(tenantId, id)))?.customMetadata?.['content'];

/** Without a second copy of the content. */
async function sha256Of(content: Blob): Promise<string> {
  const digest = new crypto.DigestStream('SHA-256');
  await content.stream().pipeTo(digest);
  return toHex(new Uint8Array(await digest.digest));
}

export function storedFile(object: R2Object): StoredFile {
  const metadata = object.customMetadata ?? {};
  const { sha256 } = object.checksums;
  const digest = metadata['sha256'] ?? (sha256 === undefined ? undefined : toHex(new Uint8Array(sha256)));
  return {
    id: object.key.slice(object.key.lastIndexOf('/') + 1) as FileId,
    filename: decodeURIComponent(metadata['filename'] ?? ''),
    purpose: metadata['purpose'] ?? '',
    owner: metadata['owner'] ?? '',
    digest: metadata['digest'] ?? '',
    createdAtMs: Number(metadata['created_at_ms'] ?? 0),
    // Files that were stored before files could expire do not.
    expiresAtMs: metadata['expires_at_ms'] === undefined ? null : Number(metadata['expires_at_ms']),
    bytes: Number(metadata['bytes'] ?? object.size),
    ...(digest === undefined ? {} : { sha256: digest }),
  };
}
