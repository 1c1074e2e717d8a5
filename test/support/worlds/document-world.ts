import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import type { TenantPrincipal } from '../../../src/contract/api/principal.ts';
import { DEFAULT_CHUNK_SETTINGS } from '../../../src/documents/chunks/chunk.ts';
import type { DocumentAsker, DocumentTerms } from '../../../src/documents/replacement/document-record.ts';
import { SqliteDocuments } from '../../../src/documents/store/sqlite-documents.ts';
import { DocumentWork } from '../../../src/gateway/documents/document-work.ts';
import type { ChunkRow } from '../../../src/gateway/documents/index-rows.ts';
import { assert } from '../../../src/kernel/assert.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import type { FileId, KeyId, OrganisationId, ProjectId, TenantId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import { shortSha256 } from '../../../src/kernel/short-sha256.ts';
import { countWords } from '../documents/read.ts';
import { NodeSql } from '../fakes/node-sql.ts';
import { ManualClock } from '../fakes/tenancy.ts';

const PRINCIPAL: TenantPrincipal = {
  kind: 'tenant',
  organisationId: 'org_1' as OrganisationId,
  tenantId: 'tn_1' as TenantId,
  projectId: 'prj_1' as ProjectId,
  keyId: 'key_1' as KeyId,
  owner: 'team',
  scopes: ['index:read', 'index:write'],
};

export const ASKER: DocumentAsker = { principal: PRINCIPAL, index: { name: 'notes', incarnation: 'idx_1' } };

export const TERMS: DocumentTerms = {
  title: null,
  metadata: null,
  labels: [],
  format: { kind: 'text' },
  chunking: { ...DEFAULT_CHUNK_SETTINGS, chunkTokensMax: 16 },
};

/** The object that works on documents ends in the middle of it. */
export class Crash extends Error {}

/** What becomes of a call that leaves the object: it ends before or after the call has its effect, the call is refused for now, or something else happens first. */
export type Fate = 'done' | 'crash-before' | 'crash-after' | 'refused' | (() => void);

/** The documents of an index, which is a map, and calls whose fates a test chooses. */
export class DocumentWorld {
  readonly clock = new ManualClock(0);
  readonly index = new Map<string, ChunkRow>();
  readonly files = new Map<FileId, Uint8Array>();
  /** Rows that were written, in their order, and as often as they were. */
  readonly written: ChunkRow[] = [];
  /** What the next calls come to; all others are done. */
  readonly fates: Fate[] = [];
  /** Looks at the world between any two steps. */
  look: () => void = () => undefined;
  readonly #sql = new NodeSql();
  #store = new SqliteDocuments(this.#sql);
  #filesMade = 0;

  get store(): SqliteDocuments {
    return this.#store;
  }

  put(id: string, text: string, terms: Partial<DocumentTerms> = {}) {
    this.#filesMade += 1;
    const file = `file_${this.#filesMade}` as FileId;
    const bytes = utf8(text);
    const source = { file, bytes: bytes.length, sha256: shortSha256(bytes), isOwn: true };
    const asked = this.store.ask({ namespace: '', id }, { by: ASKER, terms: { ...TERMS, ...terms }, source }, this.clock.nowMs());
    assert(asked.ok, 'a document may be put');
    if (asked.value.isNew) this.files.set(file, bytes);
    return asked.value;
  }

  remove(id: string): void {
    this.store.remove({ namespace: '', id }, ASKER, this.clock.nowMs());
  }

  /** Works until there is nothing to do; after a crash the object is made anew. */
  async settle(): Promise<void> {
    for (;;) {
      try {
        const waitMs = await this.#work().advance();
        if (waitMs === null) return;
        this.clock.ms += waitMs;
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
        this.#store = new SqliteDocuments(this.#sql);
      }
    }
  }

  #work(): DocumentWork {
    return new DocumentWork({
      store: this.store,
      clock: this.clock,
      mayWork: async () => true,
      giveWay: async () => this.look(),
      index: {
        counter: async () => this.#call(() => countWords),
        write: async (_by, _namespace, rows) =>
          this.#call(() => {
            for (const row of rows) {
              this.written.push(row);
              assert(row.like === null || this.index.has(row.like), 'a row whose vector serves is in the index');
              this.index.set(row.id, row);
            }
            return null;
          }),
        delete: async (_by, _namespace, ids) =>
          this.#call(() => {
            for (const id of ids) this.index.delete(id);
            return null;
          }),
      },
      files: {
        read: async (_tenant, file) => {
          const bytes = this.files.get(file);
          return bytes === undefined ? refuse('file_not_found', 'there is no such file') : this.#call(() => piecesOf(bytes));
        },
        delete: async (_tenant, file) => {
          // What does not come about rejects.
          if (!this.#call(() => this.files.delete(file)).ok) throw new Crash();
        },
      },
    });
  }

  #call<T>(effect: () => T): Outcome<T> {
    this.look();
    const fate = this.fates.shift() ?? 'done';
    if (fate === 'crash-before') throw new Crash();
    if (fate === 'refused') return refuse('unavailable', 'not now');
    if (typeof fate === 'function') fate();
    const value = effect();
    this.look();
    if (fate === 'crash-after') throw new Crash();
    return ok(value);
  }
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += 64) yield bytes.subarray(at, at + 64);
}
