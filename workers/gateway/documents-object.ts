import { DurableObject } from 'cloudflare:workers';

import type { Served } from '../../durable-objects/object-namespace.ts';
import type { Outcome } from '../../src/contract/api/outcome.ts';
import { DOCUMENT_STORE_LIMITS } from '../../src/contract/documents/document-store-limits.ts';
import type { DocumentAsker, DocumentKey, DocumentRecord } from '../../src/documents/replacement/document-record.ts';
import type { AskedVersion } from '../../src/documents/replacement/replacement.ts';
import type { VisibleRow } from '../../src/documents/store/document-rows.ts';
import type { ChunkPage, DocumentListing } from '../../src/documents/store/sqlite-documents.ts';
import { SqliteDocuments } from '../../src/documents/store/sqlite-documents.ts';
import type { DocumentCalls } from '../../src/gateway/documents/documents.ts';
import type { PageOf } from '../../src/kernel/page.ts';
import type { GatewayEnv } from './env.ts';

/**
 * The documents of one index, and the work on them, alarm by alarm. It lives in the gateway's Worker because the work takes the gateway's models, budgets and use
 * cases of vectors, which no other Worker may reach.
 */
export class DocumentsObject extends DurableObject<GatewayEnv> implements Served<DocumentCalls> {
  readonly #store = new SqliteDocuments(this.ctx.storage);
  /** How often there was something new to do: an alarm that works meanwhile does not see it, and must not take its alarm away. */
  #asked = 0;

  async ask(key: DocumentKey, version: AskedVersion, nowMs: number): Promise<Outcome<{ readonly record: DocumentRecord; readonly isNew: boolean }>> {
    const asked = this.#store.ask(key, version, nowMs);
    if (asked.ok && asked.value.isNew) await this.#wake();
    return asked;
  }

  async remove(key: DocumentKey, by: DocumentAsker, nowMs: number): Promise<DocumentRecord | undefined> {
    const removed = this.#store.remove(key, by, nowMs);
    if (removed !== undefined) await this.#wake();
    return removed;
  }

  find(key: DocumentKey): DocumentRecord | undefined {
    return this.#store.find(key);
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

  #wake(): Promise<void> {
    this.#asked += 1;
    return this.ctx.storage.setAlarm(Date.now());
  }

  override async alarm(): Promise<void> {
    // Armed again first: so an interruption or failure is followed by another alarm.
    await this.ctx.storage.setAlarm(Date.now() + DOCUMENT_STORE_LIMITS.documentRetryMs);
    const asked = this.#asked;
    // Loaded by the first alarm: most isolates only answer requests.
    const { advanceDocuments } = await import('./adapters/documents/document-work.ts');
    const waitMs = await advanceDocuments(this.env, this.#store);
    if (this.#asked !== asked) await this.ctx.storage.setAlarm(Date.now());
    else if (waitMs === null) await this.ctx.storage.deleteAlarm();
    else await this.ctx.storage.setAlarm(Date.now() + waitMs);
  }
}
