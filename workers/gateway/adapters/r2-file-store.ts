import type { AnnouncedWrite, FileStore, NewFile, StoredFile } from '../../../src/gateway/jobs/file-store.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { ContentWriter } from '../../../src/gateway/jobs/file-store.ts';
import { must } from '../../../src/kernel/assert.ts';
import { toHex } from '../../../src/kernel/bytes.ts';
import type { FileId, TenantId } from '../../../src/kernel/ids.ts';
import type { StoredContent } from './r2-content-writer.ts';
import { R2ContentWriter } from './r2-content-writer.ts';

/** What R2 takes: a blob, or a stream whose length is declared. */
export type FileContent = Blob | ReadableStream;

const prefixOf = (tenantId: TenantId): string => `tenants/${tenantId}/files/`;
/** In a separate prefix, so that listing the files finds none of it. */
const announcementsOf = (tenantId: TenantId): string => `tenants/${tenantId}/writes/`;
/** Content that is too large to be written with its file in one step, and notes of what may be no file's yet. */
const contentsOf = (tenantId: TenantId): string => `tenants/${tenantId}/contents/`;
const begunOf = (tenantId: TenantId): string => `tenants/${tenantId}/begun/`;
const keyOf = (tenantId: TenantId, id: string): string => prefixOf(tenantId) + id;

/**
 * Files as R2 objects. A file is written once, in one step: a reader sees all of it or nothing. Of content that came as a stream, what does not
 * fit in memory is an object of its own, written before: the object of the file is empty, and its metadata names that one.
 */
export class R2FileStore implements FileStore<FileContent> {
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
      isOf: async ({ id }) => (await this.#contentOf(tenantId, id)) === contentId,
    });
  }

  async begun(tenantId: TenantId, count: number): Promise<{ begun: readonly AnnouncedWrite[] }> {
    return { begun: await this.#notes(begunOf(tenantId), count) };
  }

  async discard(tenantId: TenantId, { id, fileId }: AnnouncedWrite): Promise<void> {
    const note = begunOf(tenantId) + id;
    const upload = (await this.#bucket.head(note))?.customMetadata?.['upload'];
    if (upload !== undefined && (await this.#contentOf(tenantId, fileId)) !== id) {
      const key = contentsOf(tenantId) + id;
      // Refused where it was completed, or aborted, before.
      await this.#bucket
        .resumeMultipartUpload(key, upload)
        .abort()
        .catch(() => undefined);
      await this.#bucket.delete(key);
    }
    await this.#bucket.delete(note);
  }

  async find(tenantId: TenantId, id: FileId): Promise<StoredFile | undefined> {
    const object = await this.#bucket.head(keyOf(tenantId, id));
    return object === null ? undefined : storedFile(object);
  }

  async read(tenantId: TenantId, id: FileId): Promise<FileContent | undefined> {
    const object = await this.#bucket.get(keyOf(tenantId, id));
    const content = object?.customMetadata?.['content'];
    return content === undefined ? object?.body : (await this.#bucket.get(contentsOf(tenantId) + content))?.body;
  }

  async *pieces(tenantId: TenantId, id: FileId): AsyncGenerator<Uint8Array, void> {
    const content = await this.read(tenantId, id);
    if (content !== undefined) yield* content instanceof Blob ? content.stream() : content;
  }

  async beginning(tenantId: TenantId, id: FileId, count: number): Promise<Uint8Array | undefined> {
    const file = await this.#bucket.head(keyOf(tenantId, id));
    if (file === null) return undefined;
    // A range of nothing is refused.
    if (storedFile(file).bytes === 0) return new Uint8Array();
    const content = file.customMetadata?.['content'];
    const key = content === undefined ? file.key : contentsOf(tenantId) + content;
    const object = await this.#bucket.get(key, { range: { offset: 0, length: count } });
    return object === null ? undefined : new Uint8Array(await object.arrayBuffer());
  }

  async list(tenantId: TenantId, after: string, count: number): Promise<{ files: readonly StoredFile[]; more: boolean }> {
    const listed = await this.#bucket.list({
      prefix: prefixOf(tenantId),
      startAfter: keyOf(tenantId, after),
      limit: Math.min(count, LIST_COUNT_MAX),
      include: ['customMetadata'],
    });
    return { files: listed.objects.map(storedFile), more: listed.truncated };
  }

  /** The object that holds the content of a file; undefined where there is none. */
  async objectKey(tenantId: TenantId, id: FileId): Promise<string | undefined> {
    const file = await this.#bucket.head(keyOf(tenantId, id));
    const content = file?.customMetadata?.['content'];
    return content === undefined ? file?.key : contentsOf(tenantId) + content;
  }

  async delete(tenantId: TenantId, id: FileId): Promise<void> {
    const content = await this.#contentOf(tenantId, id);
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

  async announced(tenantId: TenantId, count: number): Promise<{ announced: readonly AnnouncedWrite[] }> {
    return { announced: await this.#notes(announcementsOf(tenantId), count) };
  }

  async #notes(prefix: string, count: number): Promise<readonly AnnouncedWrite[]> {
    const { objects } = await this.#bucket.list({ prefix, limit: Math.min(count, LIST_COUNT_MAX) });
    return objects.map(({ key, uploaded }): AnnouncedWrite => {
      const id = key.slice(prefix.length);
      return { id, fileId: id.slice(0, id.indexOf('/')) as FileId, atMs: uploaded.getTime() };
    });
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

  /** Which content of its own a file has; undefined: its object holds it, or there is none. */
  async #contentOf(tenantId: TenantId, id: FileId): Promise<string | undefined> {
    return (await this.#bucket.head(keyOf(tenantId, id)))?.customMetadata?.['content'];
  }
}

/** Without a second copy of the content. */
async function sha256Of(content: Blob): Promise<string> {
  const digest = new crypto.DigestStream('SHA-256');
  await content.stream().pipeTo(digest);
  return toHex(new Uint8Array(await digest.digest));
}

/** The most objects one R2 call lists. */
const LIST_COUNT_MAX = 1000;

function storedFile(object: R2Object): StoredFile {
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
