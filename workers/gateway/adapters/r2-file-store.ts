import type { AnnouncedWrite, FileStore, NewFile, StoredFile } from '../../../src/gateway/jobs/file-store.ts';
import { must } from '../../../src/kernel/assert.ts';
import { toHex } from '../../../src/kernel/bytes.ts';
import type { FileId, TenantId } from '../../../src/kernel/ids.ts';

/** What R2 takes: a blob, or a stream whose length is declared. */
export type FileContent = Blob | ReadableStream;

const prefixOf = (tenantId: TenantId): string => `tenants/${tenantId}/files/`;
/** In a separate prefix, so that listing the files finds none of it. */
const announcementsOf = (tenantId: TenantId): string => `tenants/${tenantId}/writes/`;
const keyOf = (tenantId: TenantId, id: string): string => prefixOf(tenantId) + id;

/** Files as R2 objects. An object is written once, in one step: a reader sees all of it or nothing. */
export class R2FileStore implements FileStore<FileContent> {
  readonly #bucket: R2Bucket;

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  async create(tenantId: TenantId, file: NewFile, content: FileContent): Promise<StoredFile> {
    const { filename, purpose, owner, digest, createdAtMs, expiresAtMs } = file;
    const key = keyOf(tenantId, file.id);
    const sha256 = file.sha256 ?? (content instanceof Blob ? await sha256Of(content) : undefined);
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
      },
    });
    if (written !== null) return storedFile(written);
    return storedFile(must(await this.#bucket.head(key), 'an object that kept us from writing is there'));
  }

  async find(tenantId: TenantId, id: FileId): Promise<StoredFile | undefined> {
    const object = await this.#bucket.head(keyOf(tenantId, id));
    return object === null ? undefined : storedFile(object);
  }

  async read(tenantId: TenantId, id: FileId): Promise<FileContent | undefined> {
    return (await this.#bucket.get(keyOf(tenantId, id)))?.body;
  }

  async beginning(tenantId: TenantId, id: FileId, count: number): Promise<Uint8Array | undefined> {
    const object = await this.#bucket.get(keyOf(tenantId, id), { range: { offset: 0, length: count } });
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

  async delete(tenantId: TenantId, id: FileId): Promise<void> {
    await this.#bucket.delete(keyOf(tenantId, id));
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
    const prefix = announcementsOf(tenantId);
    const { objects } = await this.#bucket.list({ prefix, limit: Math.min(count, LIST_COUNT_MAX) });
    const announced = objects.map(({ key, uploaded }): AnnouncedWrite => {
      const id = key.slice(prefix.length);
      return { id, fileId: id.slice(0, id.indexOf('/')) as FileId, atMs: uploaded.getTime() };
    });
    return { announced };
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
  return {
    id: object.key.slice(object.key.lastIndexOf('/') + 1) as FileId,
    filename: decodeURIComponent(metadata['filename'] ?? ''),
    purpose: metadata['purpose'] ?? '',
    owner: metadata['owner'] ?? '',
    digest: metadata['digest'] ?? '',
    createdAtMs: Number(metadata['created_at_ms'] ?? 0),
    // Files that were stored before files could expire do not.
    expiresAtMs: metadata['expires_at_ms'] === undefined ? null : Number(metadata['expires_at_ms']),
    bytes: object.size,
    ...(sha256 === undefined ? {} : { sha256: toHex(new Uint8Array(sha256)) }),
  };
}
