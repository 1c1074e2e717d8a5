import { API_LIMITS } from '../../contract/api/api-limits.ts';
import { FILE_LIMITS } from '../../contract/files/file-limits.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { AnnouncedWrite, FileStore } from './file-store.ts';

interface FileEraserParts {
  readonly store: Pick<FileStore<unknown>, 'begun' | 'discard' | 'announced' | 'withdraw' | 'list' | 'delete'>;
  readonly clock: Clock;
}

/** Erases the files of tenants, and what a `FileWriter` that died has left of them. (T73) */
export class FileEraser {
  readonly #parts: FileEraserParts;

  constructor(parts: FileEraserParts) {
    this.#parts = parts;
  }

  /** Removes what writers that died have left, but no file. */
  async sweep(tenantId: TenantId): Promise<void> {
    const { store, clock } = this.#parts;
    const [{ begun }, { announced }] = [
      await store.begun(tenantId, FILE_LIMITS.filesSweptMaxCount),
      await store.announced(tenantId, FILE_LIMITS.filesSweptMaxCount),
    ];
    for (const content of begun) if (isAbandoned(content, clock.nowMs())) await store.discard(tenantId, content);
    for (const write of announced) if (isAbandoned(write, clock.nowMs())) await store.withdraw(tenantId, write.id);
  }

  /** Deletes all there is, including what was left by writers that died before they could withdraw. */
  async eraseAll(tenantId: TenantId): Promise<void> {
    const { store, clock } = this.#parts;
    const { begun } = await store.begun(tenantId, API_LIMITS.pageMaxCount);
    for (const content of begun) await store.discard(tenantId, content);
    const { announced } = await store.announced(tenantId, API_LIMITS.pageMaxCount);
    for (const write of announced) {
      if (!isAbandoned(write, clock.nowMs())) continue;
      await store.delete(tenantId, write.fileId);
      await store.withdraw(tenantId, write.id);
    }
    for (;;) {
      const { files } = await store.list(tenantId, '', API_LIMITS.pageMaxCount);
      if (files.length === 0) return;
      for (const { id } of files) await store.delete(tenantId, id);
    }
  }

  /**
   * Files, and writes that may yet become files; as many as a page. In this order: a write is a file before it is announced no more. Once a
   * tenant is erased, what is announced is about to be refused.
   */
  async count(tenantId: TenantId, isErased = false): Promise<number> {
    const { store } = this.#parts;
    const { begun } = isErased ? { begun: [] } : await store.begun(tenantId, API_LIMITS.pageMaxCount);
    const { announced } = isErased ? { announced: [] } : await store.announced(tenantId, API_LIMITS.pageMaxCount);
    const { files } = await store.list(tenantId, '', API_LIMITS.pageMaxCount);
    return begun.length + announced.length + files.length;
  }
}

/** So old that no writer goes on with it, and an erasure waits for it no longer. */
const isAbandoned = ({ atMs }: AnnouncedWrite, nowMs: number): boolean => nowMs - atMs > FILE_LIMITS.fileWriteMaxMs;
