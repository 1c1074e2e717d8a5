import { FILE_LIMITS } from '../../contract/files/file-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { WriteLease, Authority } from '../../contract/tenancy/write-lease.ts';
import { underLease } from '../../contract/tenancy/write-lease.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { FileId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { ContentWriter, FileWrites, NewFile, StoredFile } from './file-store.ts';

export interface FileWriterParts<Content> {
  readonly store: FileWrites<Content>;
  readonly clock: Clock;
}

/**
 * Writes the files of tenants, so that none exists once a tenant is erased by a `FileEraser` (T73).
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
  write(tenantId: TenantId, authority: Authority, file: NewFile, content: Content): Promise<Outcome<StoredFile>> {
    const { store, clock } = this.#parts;
    return this.#announced(tenantId, authority, file, clock.nowMs(), () => store.create(tenantId, file, content));
  }

  /**
   * As `write`, for content that `receive` writes as it comes: what it then answers describes the file. Where it refuses or rejects, and where
   * another request has stored the file, nothing is left of the content. An erasure does not wait for content that is still coming: it takes
   * away what is stored of it. [J220]
   */
  async receive(
    tenantId: TenantId,
    authority: Authority,
    id: FileId,
    receive: (content: ContentWriter) => Promise<Outcome<NewFile>>,
  ): Promise<Outcome<StoredFile>> {
    const { store, clock } = this.#parts;
    const beganAtMs = clock.nowMs();
    const admit = async (): Promise<Outcome<WriteLease>> => confirmed(await authority.lease());
    const content = await store.open(tenantId, id, admit);
    try {
      const [received] = await Promise.allSettled([receive(content)]);
      if (received.status === 'rejected') {
        // The content may have been taken away.
        const lasting = await this.#lasting(authority, ENDED_LEASE, beganAtMs);
        if (!lasting.ok) return lasting;
        throw received.reason;
      }
      if (!received.value.ok) return received.value;
      const file = received.value.value;
      return await this.#announced(tenantId, authority, file, beganAtMs, () => content.commit(file));
    } finally {
      await content.discard();
    }
  }

  /** `beganAtMs`: when the file was begun, which is not to take too long. */
  async #announced(
    tenantId: TenantId,
    authority: Authority,
    file: NewFile,
    beganAtMs: number,
    write: () => Promise<StoredFile>,
  ): Promise<Outcome<StoredFile>> {
    const { store } = this.#parts;
    const announcement = await store.announce(tenantId, file.id);
    const admitted = confirmed(await authority.lease());
    if (!admitted.ok) {
      await store.withdraw(tenantId, announcement);
      return admitted;
    }
    const [stored] = await Promise.allSettled([write()]);
    const lasting = await this.#lasting(authority, admitted.value, beganAtMs);
    // A caller that got an error may not know that the file exists all the same.
    if (!lasting.ok) await this.#takeBack(tenantId, file);
    await store.withdraw(tenantId, announcement);
    if (!lasting.ok) return lasting;
    if (stored.status === 'rejected') throw stored.reason;
    return ok(stored.value);
  }

  async #lasting(authority: Authority, admitted: WriteLease, beganAtMs: number): Promise<Outcome<WriteLease>> {
    const nowMs = this.#parts.clock.nowMs();
    // An erasure no longer waits for it.
    if (nowMs - beganAtMs > FILE_LIMITS.fileWriteMaxMs) return refuse('unavailable', 'the file took too long to be stored: send it again');
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

/** Of a write that has none: it is asked for. */
const ENDED_LEASE: WriteLease = { endsAtMs: 0 };
