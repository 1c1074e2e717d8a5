import { DurableObject } from 'cloudflare:workers';

import { sleep } from '../../durable-objects/system-time.ts';
import type { Served } from '../../durable-objects/object-namespace.ts';
import type { Outcome } from '../../src/contract/api/outcome.ts';
import { DOCUMENT_STORE_LIMITS } from '../../src/contract/documents/document-store-limits.ts';
import type { DocumentAsker, DocumentKey, DocumentRecord } from '../../src/documents/replacement/document-record.ts';
import type { AskedVersion } from '../../src/documents/replacement/replacement.ts';
import type { HiddenRows, VisibleRow } from '../../src/documents/store/document-rows.ts';
import type { ChunkPage, DocumentListing } from '../../src/documents/store/sqlite-documents.ts';
import { SqliteDocuments } from '../../src/documents/store/sqlite-documents.ts';
import type { DocumentCalls, DocumentEnds } from '../../src/gateway/documents/documents.ts';
import type { RowOwners } from '../../src/gateway/vectors/visible/row-readers.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import type { PageOf } from '../../src/kernel/page.ts';
import { StoredCell } from '../../durable-objects/stored-cell.ts';
import type { RetiredIndex } from './adapters/documents/document-work.ts';
import type { GatewayEnv } from './env.ts';

/**
 * The documents of one index, and the work on them, alarm by alarm. It lives in the gateway's Worker because the work takes the gateway's models, budgets and use
 * cases of vectors, which no other Worker may reach.
 */
export class DocumentsObject extends DurableObject<GatewayEnv> implements Served<DocumentCalls & DocumentEnds & RowOwners> {
  readonly #store = new SqliteDocuments(this.ctx.storage);
  /** The index is about to be deleted; if it is not by then, it stays. */
  readonly #retired = new StoredCell<RetiredIndex & { readonly untilMs: number }>(this.ctx.storage, 'retired');
  /** How often there was something new to do: an alarm that works meanwhile does not see it, and must not take its alarm away. */
  #asked = 0;

  async ask(
    key: DocumentKey,
    version: AskedVersion,
    nowMs: number,
  ): Promise<Outcome<{ readonly record: DocumentRecord; readonly isNew: boolean }>> {
    const asked = this.#store.ask(key, version, nowMs);
    if (asked.ok && asked.value.isNew) await this.#wake();
    return asked;
  }

  async remove(key: DocumentKey, by: DocumentAsker, nowMs: number): Promise<DocumentRecord | undefined> {
    const removed = this.#store.remove(key, by, nowMs);
    if (removed !== undefined) await this.#wake();
    return removed;
  }

  async find(key: DocumentKey, waitMs: number): Promise<DocumentRecord | undefined> {
    const endMs = Date.now() + waitMs;
    for (;;) {
      const record = this.#store.find(key);
      if (record === undefined || record.next === null || Date.now() >= endMs) return record;
      await sleep(DOCUMENT_STORE_LIMITS.documentLookMs);
    }
  }

  page(listing: DocumentListing): PageOf<DocumentRecord> {
    return this.#store.page(listing);
  }

  chunks(key: DocumentKey, from: number, count: number, version?: number): ChunkPage | undefined {
    return this.#store.chunks(key, from, count, version);
  }

  visible(namespace: string, rowIds: readonly string[]): readonly VisibleRow[] {
    return this.#store.visible(namespace, rowIds);
  }

  hidden(namespace: string, rowIds: readonly string[]): HiddenRows {
    return this.#store.hidden(namespace, rowIds);
  }

  edition(): number {
    return this.#store.edition();
  }

  owners(namespace: string, rowIds: readonly string[]): readonly string[] {
    return this.#store.owners(namespace, rowIds);
  }

  count(): number {
    return this.#store.count();
  }

  async retire(tenantId: TenantId, index: DocumentAsker['index']): Promise<void> {
    // There never was a document.
    if (!this.#store.exists()) return;
    this.#retired.put({ tenantId, index, untilMs: Date.now() + DOCUMENT_STORE_LIMITS.documentRetireMs });
    await this.#wake();
  }

  async erase(tenantId: TenantId): Promise<void> {
    if (!this.#store.exists()) return;
    const { deleteSources } = await import('./adapters/documents/document-work.ts');
    await deleteSources(this.env, tenantId, this.#store.erase());
    this.#retired.erase();
  }

  #wake(): Promise<void> {
    this.#asked += 1;
    return this.ctx.storage.setAlarm(Date.now());
  }

  override async alarm(): Promise<void> {
    // Armed again first: so an interruption or failure is followed by another alarm.
    await this.ctx.storage.setAlarm(Date.now() + DOCUMENT_STORE_LIMITS.documentRetryMs);
    const asked = this.#asked;
    // Loaded by the first alarm: most isolates only answer requests.
    const { advanceDocuments, isIndexGone } = await import('./adapters/documents/document-work.ts');
    const retired = this.#retired.get();
    if (retired !== undefined && (await isIndexGone(this.env, retired))) return this.erase(retired.tenantId);
    if (retired !== undefined && Date.now() > retired.untilMs) this.#retired.erase();
    const waitMs = await advanceDocuments(this.env, this.#store);
    if (this.#asked !== asked) await this.ctx.storage.setAlarm(Date.now());
    else if (waitMs === null && this.#retired.get() === undefined) await this.ctx.storage.deleteAlarm();
    else await this.ctx.storage.setAlarm(Date.now() + (waitMs ?? DOCUMENT_STORE_LIMITS.documentRetryMs));
  }
}
