import { STORED_FORMATS } from '../../contract/documents/documents.ts';
import type { Chunking, DocumentFormat, PutDocumentBody } from '../../contract/documents/documents.ts';
import { allows } from '../../contract/api/principal.ts';
import { refusalAt } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import { DOCUMENT_STORE_LIMITS } from '../../contract/documents/document-store-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { SourceFormat } from '../../documents/blocks/block-reader.ts';
import type { ChunkSettings } from '../../documents/chunks/chunk.ts';
import { DEFAULT_CHUNK_SETTINGS } from '../../documents/chunks/chunk.ts';
import type {
  DocumentAsker,
  DocumentKey,
  DocumentRecord,
  DocumentSourceFile,
  DocumentTerms,
} from '../../documents/replacement/document-record.ts';
import type { Reader } from '../../documents/replacement/label-lists.ts';
import { labelsOf, mayChange, readableBy } from '../../documents/replacement/label-lists.ts';
import type { AskedVersion } from '../../documents/replacement/replacement.ts';
import type { VisibleRow } from '../../documents/store/document-rows.ts';
import type { ChunkPage, DocumentListing } from '../../documents/store/sqlite-documents.ts';
import { OF_OTHERS } from '../../documents/store/sqlite-documents.ts';
import { utf8 } from '../../kernel/bytes.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { FileId, TenantId } from '../../kernel/ids.ts';
import type { PageOf } from '../../kernel/page.ts';
import { err, ok } from '../../kernel/result.ts';
import { Composed } from '../api/composed.ts';
import type { FileCatalogue } from '../files/file-catalogue.ts';
import type { IndexUser } from '../indexes/index-ref.ts';
import { onIndex, pinnedTo } from '../indexes/index-ref.ts';
import type { ManifestCache } from '../indexes/manifest-cache.ts';
import type { Acting } from '../tenancy/authority.ts';
import { mayTouchModels } from '../tenancy/authority.ts';

/** The documents of one index, wherever they are: see `DocumentsObject`. */
export interface DocumentCalls {
  ask(
    key: DocumentKey,
    version: AskedVersion,
    nowMs: number,
  ): Promise<Outcome<{ readonly record: DocumentRecord; readonly isNew: boolean }>>;
  /** Undefined: there is none. */
  remove(key: DocumentKey, by: DocumentAsker, nowMs: number): Promise<DocumentRecord | undefined>;
  /** While a version is being written, it waits so long for that to end. */
  find(key: DocumentKey, waitMs: number): Promise<DocumentRecord | undefined>;
  page(listing: DocumentListing): Promise<PageOf<DocumentRecord>>;
  /** Undefined: no version is served, or not the one that is asked for any more. */
  chunks(key: DocumentKey, from: number, count: number, version?: number): Promise<ChunkPage | undefined>;
  visible(namespace: string, rowIds: readonly string[]): Promise<readonly VisibleRow[]>;
}

/** What becomes of the documents of an index that is deleted. */
export interface DocumentEnds {
  /** The index is about to be deleted: once it is, the documents are erased, whatever becomes of the caller. [DC85] */
  retire(tenantId: TenantId, index: DocumentAsker['index']): Promise<void>;
  /** The index is deleted: nothing is left of its documents. */
  erase(tenantId: TenantId): Promise<void>;
}

/** The name of the object of an index's documents: another index of the same name, later, has another. */
export const documentsName = (tenantId: TenantId, { name, incarnation }: DocumentAsker['index']): string =>
  `${tenantId}/${incarnation}/${name}`;

interface DocumentsParts {
  readonly manifests: ManifestCache;
  readonly documentsOf: (tenantId: TenantId, index: DocumentAsker['index']) => DocumentCalls;
  readonly files: () => Promise<Pick<FileCatalogue<unknown>, 'upload' | 'find' | 'delete'>>;
  readonly clock: Clock;
}

/** A document as it is once it was put; `isNew`: it was another before. */
export interface PutDocument {
  readonly record: DocumentRecord;
  readonly isNew: boolean;
}

/** The documents of indexes. */
export class Documents extends Composed<DocumentsParts> {
  /** [DC80] [DC81] */
  async put(acting: Acting, index: string, key: DocumentKey, body: PutDocumentBody): Promise<Outcome<PutDocument>> {
    const format = formatOf(body);
    if (!format.ok) return format;
    const chunking = chunkingOf(body.chunking ?? {}, DEFAULT_CHUNK_SETTINGS);
    if (!chunking.ok) return chunking;
    const widened = checkPut(acting.principal, body);
    if (!widened.ok) return widened;
    const found = await this.#askerOf(acting.principal, index, 'written');
    if (!found.ok) return found;
    const source = await this.#sourceOf(acting, key, body);
    if (!source.ok) return source;
    const terms: DocumentTerms = {
      title: body.title ?? null,
      metadata: body.metadata ?? null,
      labels: [...new Set(body.labels)].sort(),
      format: format.value,
      chunking: chunking.value,
    };
    const asked = await this.#ask(acting, key, { by: found.value, terms, source: source.value });
    const versions = asked.ok ? [asked.value.record.next, asked.value.record.served] : [];
    const isTaken = versions.some((version) => version?.source.file === source.value.file);
    if (source.value.isOwn && !isTaken) await (await this.parts.files()).delete(acting, source.value.file);
    return asked;
  }

  /** The same text in other chunks. [DC82] */
  async rechunk(acting: Acting, index: string, key: DocumentKey, chunking: Chunking): Promise<Outcome<PutDocument>> {
    const found = await this.#askerOf(acting.principal, index, 'written');
    if (!found.ok) return found;
    const record = await this.#recordOf(acting.principal, found.value, key);
    if (!record.ok) return record;
    if (!mayChange(acting.principal, record.value)) return OF_OTHERS;
    const last = record.value.next ?? record.value.served;
    if (last === null) return refuse('state_conflict', 'the document has no text: put it again', 'document');
    const { terms, source } = last;
    const settings = chunkingOf(chunking, terms.chunking);
    if (!settings.ok) return settings;
    return this.#ask(acting, key, { by: found.value, terms: { ...terms, chunking: settings.value }, source });
  }

  /** Refuses with `index_not_found` and `document_not_found`. */
  async find(user: Acting['principal'], index: string, key: DocumentKey, waitMs: number): Promise<Outcome<DocumentRecord>> {
    const found = await this.#askerOf(user, index);
    return found.ok ? this.#recordOf(user, found.value, key, waitMs) : found;
  }

  /** The document as it is now, and again and again while a version of it is being written. Refuses as `find` does, in the end also midway. [DC86] */
  async follow(acting: Acting, index: string, key: DocumentKey): Promise<Outcome<AsyncGenerator<Outcome<DocumentRecord>, void>>> {
    const first = await this.find(acting.principal, index, key, 0);
    return first.ok ? ok(this.#progressOf(acting, first.value)) : first;
  }

  async *#progressOf({ principal, authority }: Acting, first: DocumentRecord): AsyncGenerator<Outcome<DocumentRecord>, void> {
    const { documentProgressMs, documentProgressTurnsMaxCount } = DOCUMENT_STORE_LIMITS;
    yield ok(first);
    for (let [record, turns] = [first, 0]; record.next !== null && turns < documentProgressTurnsMaxCount; turns += 1) {
      const lasting = await authority.lease();
      const found = lasting.ok ? await this.#recordOf(principal, record.by, record, documentProgressMs) : lasting;
      yield found;
      if (!found.ok) return;
      record = found.value;
    }
  }

  /** `narrowing`: labels that narrow what the key reads. */
  async list(
    user: Acting['principal'],
    index: string,
    listing: DocumentListing,
    narrowing?: readonly string[],
  ): Promise<Outcome<PageOf<DocumentRecord>>> {
    const found = await this.#askerOf(user, index);
    if (!found.ok) return found;
    const readable = labelsOf(user, narrowing);
    const page = await this.#of(user, found.value).page({ ...listing, readable });
    return ok({ ...page, items: page.items.flatMap((record) => readableBy(readable, record) ?? []) });
  }

  /** [DC83] */
  async remove({ principal, authority }: Acting, index: string, key: DocumentKey): Promise<Outcome<null>> {
    const found = await this.#askerOf(principal, index);
    if (!found.ok) return found;
    const lasting = await authority.lease();
    if (!lasting.ok) return lasting;
    // What it may read alone is there for it, and is not taken away.
    const record = principal.labels === undefined ? undefined : await this.#recordOf(principal, found.value, key);
    if (record?.ok === false) return record;
    if (record !== undefined && !mayChange(principal, record.value)) return OF_OTHERS;
    const removed = await this.#of(principal, found.value).remove(key, found.value, this.parts.clock.nowMs());
    return removed === undefined ? absent(key) : ok(null);
  }

  /** The chunks of the served version from a position on. Refuses with `state_conflict` where it is another by now than the one that is asked for. */
  async chunks(
    user: Acting['principal'],
    index: string,
    key: DocumentKey,
    { from, limit, version }: { readonly from: number; readonly limit: number; readonly version?: number | undefined },
  ): Promise<Outcome<ChunkPage>> {
    const found = await this.#askerOf(user, index);
    if (!found.ok) return found;
    const page = await this.#chunksOf(user, found.value, key, from, limit, version);
    if (!page.ok) return page;
    if (page.value !== undefined) return ok(page.value);
    const record = await this.#recordOf(user, found.value, key);
    if (!record.ok) return record;
    const now = record.value.served?.number;
    return refuse(
      'state_conflict',
      now === undefined ? 'no version of the document is served yet' : `version ${now} is served now: begin again`,
      'version',
    );
  }

  /** A key with labels gets those of the very version whose labels were looked at. Undefined: another is served, or none. */
  async #chunksOf(
    user: IndexUser & Reader,
    by: DocumentAsker,
    key: DocumentKey,
    from: number,
    limit: number,
    version: number | undefined,
  ): Promise<Outcome<ChunkPage | undefined>> {
    const documents = this.#of(user, by);
    if (user.labels === undefined) return ok(await documents.chunks(key, from, limit, version));
    const record = await this.#recordOf(user, by, key);
    if (!record.ok) return record;
    const served = record.value.served?.number;
    const isShown = served !== undefined && (version === undefined || version === served);
    return ok(isShown ? await documents.chunks(key, from, limit, served) : undefined);
  }

  async #ask(acting: Acting, key: DocumentKey, version: AskedVersion): Promise<Outcome<PutDocument>> {
    const { clock } = this.parts;
    const lasting = await acting.authority.lease();
    return lasting.ok ? this.#of(acting.principal, version.by).ask(key, version, clock.nowMs()) : lasting;
  }

  async #sourceOf(acting: Acting, { id }: DocumentKey, { text, file }: PutDocumentBody): Promise<Outcome<DocumentSourceFile>> {
    const files = await this.parts.files();
    if (file !== undefined) {
      if (!allows(acting.principal, 'files')) return refuse('scope_denied', 'the key may not read files: give it the scope files', 'file');
      const stored = await files.find(acting.principal.tenantId, file as FileId);
      if (!stored.ok) return err(refusalAt(stored.error, ['file']));
      const { bytes, sha256 } = stored.value;
      const { documentBytesMax } = DOCUMENT_STORE_LIMITS;
      if (bytes > documentBytesMax)
        return refuseBeyond({ path: 'file', limit: 'documentBytesMax', value: bytes, what: `has ${bytes} bytes` });
      // A file whose digest is not known is taken for another each time.
      return ok({ file: stored.value.id, bytes, sha256: sha256 ?? stored.value.id, isOwn: false });
    }
    const bytes = utf8(text ?? '');
    const stored = await files.upload(
      acting,
      async (content) => {
        const taken = await content.write(bytes);
        return taken.ok ? ok({ filename: fileNameOf(id), purpose: 'document', owner: acting.principal.owner, lifeMs: null }) : taken;
      },
      undefined,
    );
    return stored.ok ? ok({ file: stored.value.id, bytes: bytes.length, sha256: stored.value.sha256 ?? '', isOwn: true }) : stored;
  }

  /** Refuses where documents are to be written and the index has no model, or the caller's key may not use it. */
  #askerOf(principal: Acting['principal'], index: string, use: 'read' | 'written' = 'read'): Promise<Outcome<DocumentAsker>> {
    return onIndex(this.parts.manifests, principal, index, async (manifest) => {
      const { dimensions, embedding } = manifest;
      if (use === 'written' && dimensions > 0) {
        if (embedding === null) return refuse('invalid_value', 'the index was created without a model, which documents need', 'index');
        const touched = mayTouchModels(principal, [embedding.model]);
        if (!touched.ok) return touched;
      }
      return ok({ principal, index: pinnedTo(manifest) });
    });
  }

  /** As the caller sees it. */
  async #recordOf(user: IndexUser & Reader, by: DocumentAsker, key: DocumentKey, waitMs = 0): Promise<Outcome<DocumentRecord>> {
    const record = await this.#of(user, by).find(key, waitMs);
    const readable = record === undefined || record.isRemoved ? undefined : readableBy(labelsOf(user), record);
    return readable === undefined ? absent(key) : ok(readable);
  }

  #of({ tenantId }: Pick<IndexUser, 'tenantId'>, { index }: DocumentAsker): DocumentCalls {
    return this.parts.documentsOf(tenantId, index);
  }
}

/** Refuses a key with labels what others could read that it may not, or read by its source what it may not. [DC97] */
function checkPut({ labels: own }: Reader, { labels, file }: Pick<PutDocumentBody, 'labels' | 'file'>): Outcome<null> {
  if (own === undefined) return ok(null);
  if (file !== undefined)
    return refuse('scope_denied', 'the key reads documents of some labels alone, and no files: send the `text`', 'file');
  const foreign = labels.findIndex((label) => !own.includes(label));
  if (labels.length > 0 && foreign === -1) return ok(null);
  const given = labels.length === 0 ? 'has none' : `has ${JSON.stringify(labels[foreign])}`;
  return refuse(
    'scope_denied',
    `${given}: a key that reads documents of some labels alone gives a document one or more of these`,
    'labels',
  );
}

/** What is not given stays. Refuses overlap beyond a quarter of a chunk. */
function chunkingOf(given: Chunking, before: ChunkSettings): Outcome<ChunkSettings> {
  const { max_tokens: chunkTokensMax = before.chunkTokensMax, overlap_tokens: overlapTokens = before.overlapTokens } = given;
  if (overlapTokens <= chunkTokensMax / 4) return ok({ chunkTokensMax, overlapTokens, hasContext: given.context ?? before.hasContext });
  const message = `is ${overlapTokens}; the most is a quarter of \`max_tokens\`, ${Math.floor(chunkTokensMax / 4)}`;
  return refuse('invalid_value', message, ['chunking', 'overlap_tokens']);
}

/** Refuses formats that only an agent reads. [DC84] */
function formatOf({ format, delimiter, fields }: Pick<PutDocumentBody, 'format' | 'delimiter' | 'fields'>): Outcome<SourceFormat> {
  if (!isStored(format)) {
    const message = `${format} is read by an agent, and there is none that reads documents: convert it, and send ${STORED_FORMATS.join(', ')}`;
    return refuse('invalid_value', message, 'format');
  }
  switch (format) {
    case 'csv':
      if (delimiter !== undefined && /["\r\n]/.test(delimiter))
        return refuse('invalid_value', 'must be neither a quote nor a line end', 'delimiter');
      return ok({ kind: 'csv', ...(delimiter === undefined ? {} : { delimiter }) });
    case 'jsonl':
      return fields === undefined ? refuse('invalid_value', 'name the fields that are the text', 'fields') : ok({ kind: 'jsonl', fields });
    case 'text':
    case 'markdown':
      return ok({ kind: format });
  }
}

const isStored = (format: DocumentFormat): format is (typeof STORED_FORMATS)[number] =>
  (STORED_FORMATS as readonly string[]).includes(format);

/** Of the name of a source's file: it is shown in lists of files, and nothing else. */
const FILE_NAME_CHARS_MAX = 200;

/** Its last part, without what files are not called. */
const fileNameOf = (id: string): string =>
  Array.from(id.slice(id.lastIndexOf('/') + 1))
    .slice(0, FILE_NAME_CHARS_MAX)
    .join('') || 'document';

const absent = ({ id }: DocumentKey) =>
  refuseResource('document_not_found', { kind: 'document', name: id }, `the index has no document ${JSON.stringify(id)}`, 'document');
