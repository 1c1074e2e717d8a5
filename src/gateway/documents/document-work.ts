import type { Refusal } from '../../contract/api/errors.ts';
import { isRetryable, messageOf } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { DOCUMENT_STORE_LIMITS } from '../../contract/documents/document-store-limits.ts';
import type { Chunk } from '../../documents/chunks/chunk.ts';
import { embeddedText } from '../../documents/chunks/chunk.ts';
import { DOCUMENT_MEMBER, LABELS_MEMBER } from '../../contract/documents/document-members.ts';
import { DocumentChunker } from '../../documents/chunks/document-chunker.ts';
import type { DocumentAsker, DocumentRecord, WrittenVersion } from '../../documents/replacement/document-record.ts';
import type { PlannedRow } from '../../documents/store/document-rows.ts';
import type { SqliteDocuments, StoredDocument } from '../../documents/store/sqlite-documents.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { FileId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import { SteppedWork } from '../../kernel/stepped-work.ts';
import { Composed } from '../api/composed.ts';
import type { ChunkRow, IndexRows } from './index-rows.ts';
import { sourceSlices } from './source-slices.ts';

interface DocumentWorkParts {
  readonly store: SqliteDocuments;
  readonly index: IndexRows;
  readonly files: {
    /** Refuses with `file_not_found`. */
    read(tenantId: TenantId, file: FileId): Promise<Outcome<AsyncIterable<Uint8Array>>>;
    delete(tenantId: TenantId, file: FileId): Promise<void>;
  };
  /** Whether the tenant may be worked for now: it may be suspended, or erased. */
  readonly mayWork: (by: DocumentAsker) => Promise<boolean>;
  readonly clock: Clock;
  /** Lets others have their turn. */
  readonly giveWay: () => Promise<void>;
}

/** A try to write a version. */
interface Try {
  readonly document: StoredDocument;
  readonly next: WrittenVersion;
  /** Of its source so far. */
  bytesRead: number;
}

/** A try was given up, since another version was asked for or the document removed. */
const GIVEN_UP = ok('given-up' as const);
const DONE = ok('done' as const);

/**
 * Does what the documents of an index have to have done: writes versions, has readers see them, and clears what they replaced. All that it needs to go on
 * after an interruption is stored; each step is stored once it is done, and may be repeated. Rules: SPEC.md in this folder.
 */
export class DocumentWork extends Composed<DocumentWorkParts> {
  /** Works for about `documentWorkMaxMs`; resolves to the pause before it is to go on, in ms. Null: there is nothing to do. */
  async advance(): Promise<number | null> {
    const { store, clock } = this.parts;
    const endMs = clock.nowMs() + DOCUMENT_STORE_LIMITS.documentWorkMaxMs;
    for (let document = store.due(clock.nowMs()); document !== undefined; document = store.due(clock.nowMs())) {
      if (clock.nowMs() >= endMs) return 0;
      await this.#work(document);
    }
    const nextMs = store.nextDueMs();
    return nextMs === undefined ? null : Math.max(0, nextMs - clock.nowMs());
  }

  async #work(document: StoredDocument): Promise<void> {
    const { record } = document;
    if (!(await this.parts.mayWork(record.by))) this.#delay(document, DOCUMENT_STORE_LIMITS.documentRetryMaxMs);
    else if (record.next === null) await this.#clear(document);
    else await this.#write(document);
  }

  /** [DC70] [DC71] */
  async #write(document: StoredDocument): Promise<void> {
    const { store, clock } = this.parts;
    const record = store.begin(document.number, clock.nowMs());
    const next = record?.next ?? null;
    if (record === undefined || next === null) return;
    const attempt = { document: { ...document, record }, next, bytesRead: 0 };
    const written = await this.#writeAll(attempt);
    if (!written.ok) this.#refused(attempt, written.error);
    else if (written.value === 'done') store.flip(document.number, next.number, clock.nowMs());
  }

  async #writeAll(attempt: Try): Promise<Outcome<'done' | 'given-up'>> {
    const { index, files, giveWay } = this.parts;
    const { by, id } = attempt.document.record;
    const { terms, source } = attempt.next;
    const count = await index.counter(by);
    if (!count.ok) return count;
    const content = await files.read(by.principal.tenantId, source.file);
    if (!content.ok) return content;
    const chunker = new DocumentChunker({ id, format: terms.format }, terms.chunking, count.value);
    const turns = new SteppedWork({ stepUnitsMax: 1, unitsMax: Infinity }, giveWay);
    const held: Chunk[] = [];
    const take = async (steps: Generator<undefined, Outcome<Chunk[]>>, leastCount: number): Promise<Outcome<'done' | 'given-up'>> => {
      const chunks = (await turns.run(steps)) ?? ok([]);
      if (!chunks.ok) return chunks;
      for (const chunk of chunks.value) held.push(chunk);
      while (held.length >= leastCount) {
        const added = await this.#add(attempt, held.splice(0, DOCUMENT_STORE_LIMITS.documentSliceChunksMaxCount));
        if (!added.ok || added.value === 'given-up') return added;
      }
      return DONE;
    };
    for await (const slice of sourceSlices(content.value)) {
      if (!slice.ok) return slice;
      attempt.bytesRead = slice.value.bytesRead;
      const taken = await take(chunker.push(slice.value.text), DOCUMENT_STORE_LIMITS.documentSliceChunksMaxCount);
      if (!taken.ok || taken.value === 'given-up') return taken;
    }
    return take(chunker.end(), 1);
  }

  /** Stores chunks, and then writes the rows that the index does not have yet. [DC72] */
  async #add({ document, next, bytesRead }: Try, chunks: readonly Chunk[]): Promise<Outcome<'done' | 'given-up'>> {
    const { store, index, clock } = this.parts;
    const planned = store.add(document.number, next.number, chunks, bytesRead, clock.nowMs());
    if (planned === undefined) return GIVEN_UP;
    if (planned.length === 0) return DONE;
    const { by, namespace } = document.record;
    const carried = metadataFor(document.record, next);
    const written = await index.write(
      by,
      namespace,
      planned.map((row) => chunkRowOf(row, carried)),
    );
    if (!written.ok) return written;
    store.written(planned);
    return DONE;
  }

  /** What may work later is tried again, for a time; anything else, and what was tried too often, ends the version. [DC73] */
  #refused({ document, next }: Try, error: Refusal): void {
    const { store, clock } = this.parts;
    const { documentRetryMs, documentRetryMaxMs, documentTriesMaxCount } = DOCUMENT_STORE_LIMITS;
    if (isRetryable(error) && next.tries < documentTriesMaxCount) {
      const pauseMs = Math.min(documentRetryMaxMs, documentRetryMs * 2 ** Math.min(next.tries - 1, RETRY_DOUBLINGS_MAX));
      this.#delay(document, error.retryAfterMs ?? pauseMs);
    } else store.fail(document.number, { version: next.number, code: error.code, message: messageOf(error) }, clock.nowMs());
  }

  /** [DC74] */
  async #clear(document: StoredDocument): Promise<void> {
    const { store, index, files, clock } = this.parts;
    const { number, record } = document;
    const { by, namespace, spent } = record;
    for (let rows = store.outdated(number); rows?.length !== 0; rows = store.outdated(number)) {
      if (rows === undefined) return;
      const ids = rows.map(({ id }) => id);
      const deleted = await index.delete(by, namespace, ids);
      // With the index its rows are gone, too.
      if (!deleted.ok && deleted.error.code !== 'index_not_found')
        return this.#delay(document, deleted.error.retryAfterMs ?? DOCUMENT_STORE_LIMITS.documentRetryMs);
      store.deleted(rows);
    }
    for (const file of spent) await files.delete(by.principal.tenantId, file);
    store.settle(number, spent, clock.nowMs());
  }

  #delay({ number, record: { next } }: StoredDocument, pauseMs: number): void {
    const { store, clock } = this.parts;
    const nowMs = clock.nowMs();
    store.delay(number, next?.number ?? null, nowMs + pauseMs, nowMs);
  }
}

/** Beyond, a pause would be longer than any limit of it. */
const RETRY_DOUBLINGS_MAX = 16;

const chunkRowOf = ({ id, chunk, like }: PlannedRow, carried: (chunk: Chunk) => string): ChunkRow => ({
  id,
  text: chunk.text,
  embedded: embeddedText(chunk),
  metadata: carried(chunk),
  like,
});

/** What the chunks of a version carry: the document's metadata, which document and chunk they are, and who may read them. [DC75] */
function metadataFor({ id }: DocumentRecord, { terms: { metadata, labels } }: WrittenVersion): (chunk: Chunk) => string {
  const own = metadata === null ? {} : (JSON.parse(metadata) as Record<string, unknown>);
  return ({ id: chunk }) => JSON.stringify({ ...own, [DOCUMENT_MEMBER]: { id, chunk }, [LABELS_MEMBER]: labels });
}
