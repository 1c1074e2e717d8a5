import { FILE_LIMITS } from '../../contract/files/file-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { CompleteUpload, CreateUpload } from '../../contract/files/uploads.ts';
import { sha256Hex, utf8 } from '../../kernel/bytes.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Hmac } from '../../kernel/hmac.ts';
import { base32 } from '../../kernel/ids.ts';
import type { Brand, FileId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Rng } from '../../kernel/rng.ts';
import type { Acting } from '../tenancy/authority.ts';
import { entropyFor } from '../tenancy/entropy.ts';
import { requestDigest } from '../tenancy/subject.ts';
import { BoundedContent } from './bounded-content.ts';
import type { ContentSink, FileStore, NewFile, StoredFile } from './file-store.ts';
import { isExpired } from './file-store.ts';
import type { FileWriter } from './file-writer.ts';

export type UploadId = Brand<'UploadId'>;

/** A file that is uploaded in parts. */
export interface Upload {
  readonly id: UploadId;
  readonly record: StoredFile;
  readonly terms: UploadTerms;
  readonly status: 'pending' | 'completed' | 'cancelled';
  /** Once it is completed, and while the file is there. */
  readonly file: StoredFile | null;
}

/** What the record of an upload holds besides what every file has. */
interface UploadTerms {
  readonly bytes: number;
  readonly lifeMs: number | null;
}

interface UploadsParts {
  readonly store: Pick<FileStore<unknown>, 'find' | 'beginning' | 'pieces' | 'list' | 'delete'>;
  readonly writer: Pick<FileWriter<unknown>, 'receive'>;
  /** In hex. */
  readonly md5: (pieces: AsyncIterable<Uint8Array>) => Promise<string>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly hmac: Hmac;
}

/**
 * Files in parts. The record of an upload, its parts and its end are files of the tenant that no list shows: they are written under the same
 * right, expire, and are erased as all are. Whether an upload was completed or cancelled is what its end says, which is written once. [J221]
 */
export class Uploads {
  readonly #parts: UploadsParts;

  constructor(parts: UploadsParts) {
    this.#parts = parts;
  }

  async create(acting: Acting, body: CreateUpload, idempotencyKey: string | undefined): Promise<Outcome<Upload>> {
    const { rng, hmac } = this.#parts;
    const { tenantId, owner } = acting.principal;
    const entropy = entropyFor(rng, hmac, `${tenantId}/uploads`, idempotencyKey);
    const id = `upload_${base32(await entropy.bytes('id', 26))}` as UploadId;
    const digest = idempotencyKey === undefined ? '' : await requestDigest(acting.principal, 'upload.create', body);
    const lifeMs = body.expires_after === undefined ? null : body.expires_after.seconds * 1_000;
    const terms: UploadTerms = { bytes: body.bytes, lifeMs };
    const named = { filename: body.filename, purpose: body.purpose, owner: body.owner ?? owner, digest };
    const stored = await this.#write(acting, id, named, null, JSON.stringify(terms));
    if (!stored.ok) return stored;
    const found = await this.find(tenantId, id);
    if (!found.ok || found.value.record.digest === digest) return found;
    return refuse('idempotency_mismatch', 'was used by another caller or for another upload', 'idempotency-key');
  }

  /** Refuses with `file_not_found`, also once an upload that is pending has expired. */
  async find(tenantId: TenantId, id: UploadId): Promise<Outcome<Upload>> {
    const { store, clock } = this.#parts;
    const record = await store.find(tenantId, id as string as FileId);
    const text = await store.beginning(tenantId, id as string as FileId, TERMS_BYTES_MAX);
    if (record === undefined || text === undefined || isExpired(record, clock.nowMs())) return absent(id);
    const end = await store.find(tenantId, endOf(id));
    const status = end === undefined ? 'pending' : (end.purpose as 'completed' | 'cancelled');
    const file = (status === 'completed' ? await store.find(tenantId, fileOf(id)) : undefined) ?? null;
    return ok({ id, record, terms: JSON.parse(new TextDecoder().decode(text)) as UploadTerms, status, file });
  }

  /** Stores what `receive` writes as a part. Refuses as `receive` does, and with `state_conflict` once the upload has ended. */
  async addPart(
    acting: Acting,
    id: UploadId,
    receive: (content: ContentSink) => Promise<Outcome<unknown>>,
    idempotencyKey: string | undefined,
  ): Promise<Outcome<StoredFile>> {
    const { writer, rng, hmac, clock } = this.#parts;
    const { tenantId } = acting.principal;
    const upload = await this.#pending(tenantId, id);
    if (!upload.ok) return upload;
    const others = await this.#partsOf(tenantId, id);
    if (others.length >= FILE_LIMITS.uploadPartsMaxCount) {
      const value = others.length + 1;
      return refuseBeyond({ limit: 'uploadPartsMaxCount', value, what: 'the upload has too many parts', advice: 'send larger ones' });
    }
    const entropy = entropyFor(rng, hmac, `${tenantId}/${id}/parts`, idempotencyKey);
    const part = `${partPrefixOf(id)}${base32(await entropy.bytes('id', 26))}` as FileId;
    const { owner, expiresAtMs } = upload.value.record;
    const createdAtMs = clock.nowMs();
    let digest = '';
    const stored = await writer.receive(tenantId, acting.authority, part, async (content) => {
      const received = await receive(new BoundedContent(content, { path: 'data', limit: 'uploadPartBytesMax' }));
      if (!received.ok) return received;
      const { sha256 } = await content.finish();
      if (idempotencyKey !== undefined) digest = await requestDigest(acting.principal, 'upload.part', { sha256 });
      return ok({ id: part, filename: 'part', purpose: 'upload_part', owner, digest, createdAtMs, expiresAtMs, sha256 });
    });
    if (!stored.ok || stored.value.digest === digest) return stored;
    return refuse('idempotency_mismatch', 'was used by another caller or for another part', 'idempotency-key');
  }

  /** Makes the file, once. Refuses parts that are not those of the upload, or do not come to what it was announced with. */
  async complete(acting: Acting, id: UploadId, { part_ids: partIds, md5 }: CompleteUpload): Promise<Outcome<Upload>> {
    const { writer, clock } = this.#parts;
    const { tenantId } = acting.principal;
    const upload = await this.find(tenantId, id);
    if (!upload.ok) return upload;
    const { record, terms, status, file } = upload.value;
    const digest = await sha256Hex(partIds.join());
    if (status !== 'pending') {
      const isSame = status === 'completed' && (await this.#parts.store.find(tenantId, endOf(id)))?.digest === digest;
      if (!isSame) return ended(id, status);
      if (file !== null) return upload;
    }
    const parts = await this.#named(tenantId, id, partIds, terms.bytes);
    if (!parts.ok) {
      // Parts go when the upload ends: another call may have ended it since.
      const now = status === 'pending' ? await this.find(tenantId, id) : upload;
      return now.ok && now.value.status !== status ? this.complete(acting, id, { part_ids: partIds }) : parts;
    }
    if (md5 !== undefined && (await this.#parts.md5(this.#contentOf(tenantId, parts.value))) !== md5.toLowerCase())
      return refuse('invalid_value', 'is not the MD5 of the parts in this order', 'md5');
    const createdAtMs = clock.nowMs();
    const made = await writer.receive(tenantId, acting.authority, fileOf(id), async (content) => {
      for await (const piece of this.#contentOf(tenantId, parts.value)) {
        const written = await content.write(piece);
        if (!written.ok) return written;
      }
      const { sha256 } = await content.finish();
      const end = await this.#end(acting, upload.value, 'completed', digest);
      if (!end.ok) return end;
      const { filename, purpose, owner } = record;
      const expiresAtMs = terms.lifeMs === null ? null : createdAtMs + terms.lifeMs;
      return ok({ id: fileOf(id), filename, purpose, owner, digest: '', createdAtMs, expiresAtMs, sha256 });
    });
    if (!made.ok) return made;
    await this.#dropParts(tenantId, id);
    return ok({ ...upload.value, status: 'completed', file: made.value });
  }

  async cancel(acting: Acting, id: UploadId): Promise<Outcome<Upload>> {
    const { tenantId } = acting.principal;
    const upload = await this.find(tenantId, id);
    if (!upload.ok || upload.value.status === 'cancelled') return upload;
    if (upload.value.status === 'completed') return ended(id, 'completed');
    const end = await this.#end(acting, upload.value, 'cancelled', '');
    if (!end.ok) return end;
    await this.#dropParts(tenantId, id);
    return ok({ ...upload.value, status: 'cancelled' });
  }

  async #pending(tenantId: TenantId, id: UploadId): Promise<Outcome<Upload>> {
    const upload = await this.find(tenantId, id);
    return !upload.ok || upload.value.status === 'pending' ? upload : ended(id, upload.value.status);
  }

  /** Writes how the upload ends, unless it has ended otherwise. */
  async #end(acting: Acting, { id, record }: Upload, purpose: 'completed' | 'cancelled', digest: string): Promise<Outcome<null>> {
    const stored = await this.#write(acting, endOf(id), { filename: 'end', purpose, owner: record.owner, digest }, record.expiresAtMs, '');
    if (!stored.ok) return stored;
    const isSame = stored.value.purpose === purpose && stored.value.digest === digest;
    return isSame ? ok(null) : ended(id, stored.value.purpose);
  }

  /** `expiresAtMs`: null for an hour from now. */
  #write(
    { principal, authority }: Acting,
    id: string,
    named: Pick<NewFile, 'filename' | 'purpose' | 'owner'> & { readonly digest?: string },
    expiresAtMs: number | null,
    text: string,
  ): Promise<Outcome<StoredFile>> {
    const createdAtMs = this.#parts.clock.nowMs();
    const file = {
      digest: '',
      ...named,
      id: id as FileId,
      createdAtMs,
      expiresAtMs: expiresAtMs ?? createdAtMs + FILE_LIMITS.uploadLifeMs,
    };
    return this.#parts.writer.receive(principal.tenantId, authority, file.id, async (content) => {
      const written = await content.write(utf8(text));
      return written.ok ? ok(file) : written;
    });
  }

  async #named(tenantId: TenantId, id: UploadId, partIds: readonly string[], bytes: number): Promise<Outcome<readonly FileId[]>> {
    const stored = new Map((await this.#partsOf(tenantId, id)).map((part) => [part.id as string, part.bytes]));
    let sum = 0;
    for (const [at, part] of partIds.entries()) {
      const size = stored.get(part);
      if (size === undefined) return refuse('invalid_value', 'is no part of this upload', ['part_ids', at]);
      if (partIds.indexOf(part) !== at) return refuse('invalid_value', 'is named twice', ['part_ids', at]);
      sum += size;
    }
    if (sum === bytes) return ok(partIds as FileId[]);
    return refuse('invalid_value', `have ${sum} bytes together; the upload was begun for ${bytes}`, 'part_ids');
  }

  async *#contentOf(tenantId: TenantId, parts: readonly FileId[]): AsyncGenerator<Uint8Array, void> {
    for (const part of parts) yield* this.#parts.store.pieces(tenantId, part);
  }

  async #partsOf(tenantId: TenantId, id: UploadId): Promise<readonly StoredFile[]> {
    const prefix = partPrefixOf(id);
    // Parts that came at once may be some more than are taken.
    const { files } = await this.#parts.store.list(tenantId, prefix, 2 * FILE_LIMITS.uploadPartsMaxCount);
    return files.filter((file) => file.id.startsWith(prefix));
  }

  /** Left over where this is cut off, they expire. */
  async #dropParts(tenantId: TenantId, id: UploadId): Promise<void> {
    for (const part of await this.#partsOf(tenantId, id)) await this.#parts.store.delete(tenantId, part.id);
  }
}

// `upload_X` becomes `file_X`, of `part_X_…`; how it ended is `upload_X_end`.

const stemOf = (id: UploadId): string => id.slice('upload_'.length);
const fileOf = (id: UploadId): FileId => `file_${stemOf(id)}` as FileId;
const endOf = (id: UploadId): FileId => `${id}_end` as FileId;
const partPrefixOf = (id: UploadId): string => `part_${stemOf(id)}_`;

const TERMS_BYTES_MAX = 4_096;

const ended = (id: UploadId, how: string) => refuse('state_conflict', `the upload ${id} was ${how}, or completed with other parts`);
const absent = (id: UploadId) => refuseResource('file_not_found', { kind: 'upload', name: id }, `no upload ${id} is pending`, 'upload');
