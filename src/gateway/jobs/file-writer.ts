import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import type { WriteLease, Authority } from '../../contract/write-lease.ts';
import { underLease } from '../../contract/write-lease.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { FileStore, NewFile, StoredFile } from './file-store.ts';

export interface FileWriterParts<Content> {
  readonly store: FileStore<Content>;
  readonly clock: Clock;
}

/**
 * Writes the files of tenants, and erases them, so that none exists once a tenant is erased (T73).
 *
 * The store checks no leases and knows no tenants. So a write is announced in the store before its right is checked, and the announcement
 * is withdrawn once the file is written or removed. An erasure counts files only after it has found no announcement: a later one has its
 * right checked after the tenant's end, and is refused.
 */
export class FileWriter<Content> {
  readonly #parts: FileWriterParts<Content>;

  constructor(parts: FileWriterParts<Content>) {
    this.#parts = parts;
  }

  /** Refuses as the authority does, also when it ends while the file is written: then nothing is left of it. Rejects when the store does. */
  async write(tenantId: TenantId, authority: Authority, file: NewFile, content: Content): Promise<Outcome<StoredFile>> {
    const { store, clock } = this.#parts;
    const announcedAtMs = clock.nowMs();
    const announcement = await store.announce(tenantId, file.id);
    const admitted = confirmed(await authority.lease());
    if (!admitted.ok) {
      await store.withdraw(tenantId, announcement);
      return admitted;
    }
    const [stored] = await Promise.allSettled([store.create(tenantId, file, content)]);
    const lasting = await this.#lasting(authority, admitted.value, announcedAtMs);
    // A caller that got an error may not know that the file exists all the same.
    if (!lasting.ok) await this.#takeBack(tenantId, file);
    await store.withdraw(tenantId, announcement);
    if (!lasting.ok) return lasting;
    if (stored.status === 'rejected') throw stored.reason;
    return ok(stored.value);
  }

  /** Deletes all there is, including what was left by writers that died before they could withdraw. */
  async eraseAll(tenantId: TenantId): Promise<void> {
    const { store, clock } = this.#parts;
    const { announced } = await store.announced(tenantId, LIMITS.pageMaxCount);
    for (const { id, fileId, atMs } of announced) {
      if (clock.nowMs() - atMs <= LIMITS.fileWriteMaxMs) continue;
      await store.delete(tenantId, fileId);
      await store.withdraw(tenantId, id);
    }
    for (;;) {
      const { files } = await store.list(tenantId, '', LIMITS.pageMaxCount);
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
    const { announced } = isErased ? { announced: [] } : await store.announced(tenantId, LIMITS.pageMaxCount);
    const { files } = await store.list(tenantId, '', LIMITS.pageMaxCount);
    return announced.length + files.length;
  }

  async #lasting(authority: Authority, admitted: WriteLease, announcedAtMs: number): Promise<Outcome<WriteLease>> {
    const nowMs = this.#parts.clock.nowMs();
    // An erasure no longer waits for it.
    if (nowMs - announcedAtMs > LIMITS.fileWriteMaxMs) return refuse('unavailable', 'the file took too long to be stored: send it again');
    return underLease(admitted, nowMs).ok ? ok(admitted) : confirmed(await authority.lease());
  }

  /** Unless an earlier request stored it. */
  async #takeBack(tenantId: TenantId, { id, createdAtMs }: NewFile): Promise<void> {
    const { store } = this.#parts;
    const found = await store.find(tenantId, id);
    if (found?.createdAtMs === createdAtMs) await store.delete(tenantId, id);
  }
}

/** The store does not know erasures: a lease that an erasure does not wait for is not enough. */
const confirmed = (lease: Outcome<WriteLease>): Outcome<WriteLease> =>
  lease.ok && lease.value.isUnconfirmed === true
    ? refuse('unavailable', 'whether the key is still in force cannot be checked now; try again')
    : lease;
