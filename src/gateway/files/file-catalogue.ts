import { jobOfOutput } from '../../contract/jobs/attempt.ts';
import { API_LIMITS } from '../../contract/api/api-limits.ts';
import { FILE_LIMITS } from '../../contract/files/file-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Hmac } from '../../kernel/hmac.ts';
import { base32 } from '../../kernel/ids.ts';
import type { FileId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Rng } from '../../kernel/rng.ts';
import { requestDigest } from '../tenancy/subject.ts';
import { entropyFor } from '../tenancy/entropy.ts';
import type { Acting } from '../tenancy/authority.ts';
import { BoundedContent } from './bounded-content.ts';
import type { ContentSink, FileStore, SpentFiles, StoredFile } from './file-store.ts';
import { isExpired } from './file-store.ts';
import type { FileEraser } from './file-eraser.ts';
import type { FileWriter } from './file-writer.ts';

/** What an upload says of its file. */
export interface UploadTerms {
  readonly filename: string;
  readonly purpose: string;
  readonly owner: string;
  /** Null: until it is deleted. */
  readonly lifeMs: number | null;
}

interface FileListing {
  readonly limit: number;
  readonly after?: string | undefined;
  readonly purpose?: string | undefined;
}

/** What knows which files are outputs of jobs, and so may be read: the queue of jobs. */
interface JobOutputs {
  /** Those of the files that jobs wrote and that were accepted. */
  acceptedOutputs(tenantId: TenantId, ids: readonly FileId[]): Promise<readonly FileId[]>;
}

export interface FileParts<Content> {
  readonly store: FileStore<Content>;
  readonly spent: SpentFiles;
  readonly writer: FileWriter<Content>;
  readonly eraser: Pick<FileEraser, 'sweep'>;
  readonly queue: JobOutputs;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly hmac: Hmac;
}

/**
 * The files of tenants: what they uploaded, and the outputs of their jobs.
 *
 * An attempt stores its output under an id of its own. Whether that output exists for its tenant is decided by the scheduler alone,
 * at the moment it accepts the attempt's completion: there is no second step that could be missed.
 *
 * An expired file is absent at once, and is removed later by `sweep`: its bytes are all that outlives it. [J150]
 */
export class FileCatalogue<Content> {
  readonly #parts: FileParts<Content>;

  constructor(parts: FileParts<Content>) {
    this.#parts = parts;
  }

  /**
   * Stores what `receive` writes, as the file that it then describes: a form may name its file before or behind its content. Refuses as
   * `receive` and the authority do, and the repetition of an upload whose file was deleted (T78); then nothing is left of what came too late.
   */
  async upload(
    { principal, authority }: Acting,
    receive: (content: ContentSink) => Promise<Outcome<UploadTerms>>,
    idempotencyKey: string | undefined,
  ): Promise<Outcome<StoredFile>> {
    const { rng, hmac, store, writer, spent, clock } = this.#parts;
    const { tenantId } = principal;
    const entropy = entropyFor(rng, hmac, `${tenantId}/files`, idempotencyKey);
    const id = `file_${base32(await entropy.bytes('id', 26))}` as FileId;
    const createdAtMs = clock.nowMs();
    let digest = '';
    const stored = await writer.receive(tenantId, authority, id, async (content) => {
      const received = await receive(new BoundedContent(content, FILE_BOUND));
      const terms = received.ok ? named(received.value) : received;
      if (!terms.ok) return terms;
      const { filename, purpose, owner, lifeMs } = terms.value;
      const { sha256 } = await content.finish();
      digest = idempotencyKey === undefined ? '' : await digestOf(principal, terms.value, sha256);
      const unspent = await this.#unspent(tenantId, id, digest);
      if (!unspent.ok) return unspent;
      return ok({ id, filename, purpose, owner, digest, createdAtMs, expiresAtMs: lifeMs === null ? null : createdAtMs + lifeMs, sha256 });
    });
    if (!stored.ok) return stored;
    // What was deleted right before this one wrote is taken back.
    const isNew = stored.value.createdAtMs === createdAtMs;
    const kept = isNew && digest !== '' ? await spent.admit(tenantId, id, digest) : stored;
    if (!kept.ok) {
      await store.delete(tenantId, id);
      return kept;
    }
    if (stored.value.digest === digest) return stored;
    return refuse('idempotency_mismatch', 'was used by another caller or for another file', 'idempotency-key');
  }

  async find(tenantId: TenantId, id: FileId): Promise<Outcome<StoredFile>> {
    const { store, clock } = this.#parts;
    const file = (await this.#exists(tenantId, id)) ? await store.find(tenantId, id) : undefined;
    return file === undefined || isExpired(file, clock.nowMs()) ? absent(id) : ok(file);
  }

  async read(tenantId: TenantId, id: FileId): Promise<Outcome<Content>> {
    const file = await this.find(tenantId, id);
    if (!file.ok) return file;
    const content = await this.#parts.store.read(tenantId, id);
    return content === undefined ? absent(id) : ok(content);
  }

  /** The first bytes of a file that exists. */
  async beginning(tenantId: TenantId, id: FileId, count: number): Promise<Uint8Array | undefined> {
    return (await this.find(tenantId, id)).ok ? this.#parts.store.beginning(tenantId, id, count) : undefined;
  }

  async delete({ principal: { tenantId }, authority }: Acting, id: FileId): Promise<Outcome<null>> {
    const file = await this.find(tenantId, id);
    if (!file.ok) return file;
    // [T53] Finding it may have taken its time.
    const lasting = await authority.lease();
    if (!lasting.ok) return lasting;
    return this.#remove(tenantId, file.value);
  }

  /** Files by when they were made, after the file `after`. Refuses more than `filesSortedMaxCount`. [J278] */
  async sorted(
    tenantId: TenantId,
    { order, after, limit, purpose }: FileListing & { readonly order: 'asc' | 'desc' },
  ): Promise<Outcome<{ items: readonly StoredFile[]; hasMore: boolean }>> {
    const countMax = FILE_LIMITS.filesSortedMaxCount;
    const { items, hasMore } = await this.list(tenantId, { limit: countMax, purpose });
    if (hasMore) {
      const what = `there are more than ${countMax} files`;
      return refuseBeyond({ path: 'order', limit: 'filesSortedMaxCount', what, advice: 'list them by id, without `order`' });
    }
    const sign = order === 'asc' ? 1 : -1;
    const sorted = items.toSorted((a, b) => sign * (a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1)));
    const at = after === undefined ? -1 : sorted.findIndex(({ id }) => id === after);
    if (after !== undefined && at === -1) return absent(after as FileId, 'after');
    return ok({ items: sorted.slice(at + 1, at + 1 + limit), hasMore: sorted.length > at + 1 + limit });
  }

  /** Files by id, after the file `after`; of one purpose, or all. */
  async list(tenantId: TenantId, { limit, after = '', purpose }: FileListing): Promise<{ items: readonly StoredFile[]; hasMore: boolean }> {
    const items: StoredFile[] = [];
    const portion = purpose === undefined ? Math.min(limit + 1, API_LIMITS.pageMaxCount) : API_LIMITS.pageMaxCount;
    let more = true;
    for (let cursor = after; more && items.length <= limit;) {
      const page = await this.#parts.store.list(tenantId, cursor, portion);
      items.push(...(await this.#existing(tenantId, page.files)).filter((file) => purpose === undefined || file.purpose === purpose));
      cursor = page.files.at(-1)?.id ?? cursor;
      more = page.more;
    }
    return { items: items.slice(0, limit), hasMore: items.length > limit };
  }

  /**
   * Removes what dead writers left, and expired files of the tenant among some of its files, which it picks at random: each upload makes one file at most, and one sweep
   * removes many, so expired ones stay few without a list of when files expire. [J150]
   */
  async sweep(tenantId: TenantId): Promise<void> {
    const { store, rng, clock } = this.#parts;
    const from = `file_${base32(rng.bytes(26))}`;
    const picked = [...(await store.list(tenantId, from, FILE_LIMITS.filesSweptMaxCount)).files];
    if (picked.length < FILE_LIMITS.filesSweptMaxCount) {
      // The first files come after the last ones, so that all are picked equally often.
      const { files } = await store.list(tenantId, '', FILE_LIMITS.filesSweptMaxCount - picked.length);
      picked.push(...files.filter(({ id }) => id <= from));
    }
    // Parts of uploads, and their records, come behind all files.
    picked.push(...(await store.list(tenantId, 'part_', FILE_LIMITS.filesSweptMaxCount)).files);
    for (const file of picked) if (isExpired(file, clock.nowMs())) await this.#remove(tenantId, file);
    await this.#parts.eraser.sweep(tenantId);
  }

  async #remove(tenantId: TenantId, { id, digest }: StoredFile): Promise<Outcome<null>> {
    // First: an interrupted deletion leaves a file that can be deleted again, and is never uploaded twice.
    const spent = digest === '' || !isFile(id) ? ok(null) : await this.#parts.spent.spend(tenantId, id, digest);
    if (spent.ok) await this.#parts.store.delete(tenantId, id);
    return spent;
  }

  /** A file that is there answers for itself. */
  async #unspent(tenantId: TenantId, id: FileId, digest: string): Promise<Outcome<unknown>> {
    if (digest === '') return ok(null);
    const found = await this.#parts.store.find(tenantId, id);
    if (found === undefined) return this.#parts.spent.admit(tenantId, id, digest);
    if (!isExpired(found, this.#parts.clock.nowMs())) return ok(null);
    const removed = await this.#remove(tenantId, found);
    return removed.ok ? this.#parts.spent.admit(tenantId, id, digest) : removed;
  }

  async #exists(tenantId: TenantId, id: FileId): Promise<boolean> {
    if (jobOfOutput(id) === undefined) return true;
    return (await this.#parts.queue.acceptedOutputs(tenantId, [id])).length === 1;
  }

  async #existing(tenantId: TenantId, files: readonly StoredFile[]): Promise<readonly StoredFile[]> {
    const outputs = files.map(({ id }) => id).filter((id) => isFile(id) && jobOfOutput(id) !== undefined);
    const accepted = new Set(outputs.length === 0 ? [] : await this.#parts.queue.acceptedOutputs(tenantId, outputs));
    const nowMs = this.#parts.clock.nowMs();
    return files.filter(
      (file) => isFile(file.id) && !isExpired(file, nowMs) && (jobOfOutput(file.id) === undefined || accepted.has(file.id)),
    );
  }
}

const FILE_BOUND = { path: 'file', limit: 'fileBytesMax', advice: 'upload it in parts (POST /v1/uploads)' } as const;

function named(terms: UploadTerms): Outcome<UploadTerms> {
  const chars = terms.filename.length;
  if (chars <= FILE_LIMITS.fileNameCharsMax) return ok(terms);
  return refuseBeyond({ path: 'file', limit: 'fileNameCharsMax', value: chars, what: `has a name of ${chars} characters` });
}

/** The digest of an upload that can be repeated. */
const digestOf = (principal: TenantPrincipal, { filename, purpose, owner, lifeMs }: UploadTerms, content: string): Promise<string> =>
  // Files that were stored before files could expire have digests without it.
  requestDigest(principal, 'file.upload', { filename, purpose, owner, ...(lifeMs === null ? {} : { lifeMs }), content });

/** Not a part of an upload, nor what is stored of one. */
const isFile = (id: FileId): boolean => id.startsWith('file_');

const absent = (id: FileId, at = 'file') => refuseResource('file_not_found', { kind: 'file', name: id }, `no file ${id}`, at);
