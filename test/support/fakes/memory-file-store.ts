import type { AnnouncedWrite, FileStore, NewFile, StoredFile } from '../../../src/gateway/jobs/file-store.ts';
import type { FileId, TenantId } from '../../../src/kernel/ids.ts';

/** Files in memory. `nowMs` is the store's clock. */
export class MemoryFileStore implements FileStore<string> {
  readonly #nowMs: () => number;
  readonly #files = new Map<string, { file: StoredFile; content: string }>();
  readonly #announced = new Map<string, AnnouncedWrite>();
  #serial = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  async create(tenantId: TenantId, file: NewFile, content: string): Promise<StoredFile> {
    const key = `${tenantId}/${file.id}`;
    const entry = this.#files.get(key) ?? { file: { ...file, bytes: content.length }, content };
    this.#files.set(key, entry);
    return entry.file;
  }

  async find(tenantId: TenantId, id: FileId) {
    return this.#files.get(`${tenantId}/${id}`)?.file;
  }

  async read(tenantId: TenantId, id: FileId) {
    return this.#files.get(`${tenantId}/${id}`)?.content;
  }

  async beginning(tenantId: TenantId, id: FileId, count: number) {
    const content = await this.read(tenantId, id);
    return content === undefined ? undefined : new TextEncoder().encode(content).subarray(0, count);
  }

  async list(tenantId: TenantId, after: string, count: number) {
    const files = [...this.#files.entries()]
      .filter(([key, { file }]) => key.startsWith(`${tenantId}/`) && file.id > after)
      .map(([, { file }]) => file)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    return { files: files.slice(0, count), more: files.length > count };
  }

  async delete(tenantId: TenantId, id: FileId) {
    this.#files.delete(`${tenantId}/${id}`);
  }

  async announce(tenantId: TenantId, fileId: FileId) {
    const id = `${fileId}/${(this.#serial += 1)}`;
    this.#announced.set(`${tenantId}/${id}`, { id, fileId, atMs: this.#nowMs() });
    return id;
  }

  async withdraw(tenantId: TenantId, announcementId: string) {
    this.#announced.delete(`${tenantId}/${announcementId}`);
  }

  async announced(tenantId: TenantId, count: number) {
    const own = [...this.#announced].filter(([key]) => key.startsWith(`${tenantId}/`)).map(([, write]) => write);
    return { announced: own.slice(0, count) };
  }

  countOf(tenantId: TenantId): number {
    return [...this.#files.keys()].filter((key) => key.startsWith(`${tenantId}/`)).length;
  }
}
