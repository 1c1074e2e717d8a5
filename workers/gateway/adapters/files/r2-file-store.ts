import type { AnnouncedWrite, FileStore, StoredFile } from '../../../../src/gateway/files/file-store.ts';
import type { FileId, TenantId } from '../../../../src/kernel/ids.ts';
import type { FileContent } from './r2-file-writes.ts';
import { announcementsOf, begunOf, contentOf, contentsOf, keyOf, prefixOf, R2FileWrites, storedFile } from './r2-file-writes.ts';

/** Files as R2 objects: reads, lists and sweeps what `R2FileWrites` writes. */
export class R2FileStore extends R2FileWrites implements FileStore<FileContent> {
  readonly #bucket: R2Bucket;

  constructor(bucket: R2Bucket) {
    super(bucket);
    this.#bucket = bucket;
  }

  async begun(tenantId: TenantId, count: number): Promise<{ begun: readonly AnnouncedWrite[] }> {
    return { begun: await this.#notes(begunOf(tenantId), count) };
  }

  async discard(tenantId: TenantId, { id, fileId }: AnnouncedWrite): Promise<void> {
    const note = begunOf(tenantId) + id;
    const upload = (await this.#bucket.head(note))?.customMetadata?.['upload'];
    if (upload !== undefined && (await contentOf(this.#bucket, tenantId, fileId)) !== id) {
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
}

/** The most objects one R2 call lists. */
const LIST_COUNT_MAX = 1000;
