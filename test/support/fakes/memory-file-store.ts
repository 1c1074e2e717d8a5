import { createHash } from 'node:crypto';

import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { AnnouncedWrite, ContentWriter, FileStore, NewFile, StoredFile } from '../../../src/gateway/files/file-store.ts';
import type { FileId, TenantId } from '../../../src/kernel/ids.ts';

/** Files in memory. `nowMs` is the store's clock. */
export class MemoryFileStore implements FileStore<string> {
  readonly #nowMs: () => number;
  readonly #files = new Map<string, { file: StoredFile; content: string }>();
  readonly #announced = new Map<string, AnnouncedWrite>();
  /** Content that is stored and may be no file's. */
  readonly #begun = new Map<string, AnnouncedWrite>();
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

  /** As if nothing fitted in memory: what comes is stored at once. */
  async open(tenantId: TenantId, fileId: FileId, admit: () => Promise<Outcome<unknown>>): Promise<ContentWriter> {
    const id = `${fileId}/${(this.#serial += 1)}`;
    const key = `${tenantId}/${id}`;
    const pieces: Uint8Array[] = [];
    const content = () => Buffer.concat(pieces);
    let isBegun = false;
    return {
      write: async (bytes) => {
        if (!isBegun) {
          isBegun = true;
          this.#begun.set(key, { id, fileId, atMs: this.#nowMs() });
          const admitted = await admit();
          if (!admitted.ok) return admitted;
        } else if (!this.#begun.has(key)) throw new Error('the content was taken away');
        pieces.push(bytes.slice());
        return ok(null);
      },
      finish: async () => ({ bytes: content().length, sha256: createHash('sha256').update(content()).digest('hex') }),
      commit: async (file) => this.create(tenantId, file, content().toString()),
      discard: async () => void this.#begun.delete(key),
    };
  }

  async begun(tenantId: TenantId, count: number) {
    const own = [...this.#begun].filter(([key]) => key.startsWith(`${tenantId}/`)).map(([, begun]) => begun);
    return { begun: own.slice(0, count) };
  }

  async discard(tenantId: TenantId, { id }: AnnouncedWrite) {
    this.#begun.delete(`${tenantId}/${id}`);
  }

  async find(tenantId: TenantId, id: FileId) {
    return this.#files.get(`${tenantId}/${id}`)?.file;
  }

  async read(tenantId: TenantId, id: FileId) {
    return this.#files.get(`${tenantId}/${id}`)?.content;
  }

  async *pieces(tenantId: TenantId, id: FileId) {
    const content = await this.read(tenantId, id);
    if (content !== undefined) yield new TextEncoder().encode(content);
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

  get contentCount(): number {
    return this.#begun.size;
  }

  countOf(tenantId: TenantId): number {
    return [...this.#files.keys()].filter((key) => key.startsWith(`${tenantId}/`)).length;
  }
}
