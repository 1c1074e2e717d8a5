import { jobOfOutput } from '../../contract/attempt.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse, refuseBeyond, refuseResource } from '../../contract/outcome.ts';
import type { TenantPrincipal } from '../../contract/principal.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Hmac } from '../../kernel/hmac.ts';
import { base32 } from '../../kernel/ids.ts';
import type { FileId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Rng } from '../../kernel/rng.ts';
import { requestDigest } from '../tenancy/subject.ts';
import { entropyFor } from '../tenancy/entropy.ts';
import type { Acting } from '../authority.ts';
import type { FileStore, SpentFiles, StoredFile } from './file-store.ts';
import type { FileWriter } from './file-writer.ts';
import type { JobQueue } from './job-queue.ts';

export interface Upload<Content> {
  readonly filename: string;
  readonly purpose: string;
  readonly owner: string;
  readonly bytes: number;
  readonly content: Content;
  /** SHA-256 of the content. */
  readonly digest: () => Promise<string>;
}

export interface FileParts<Content> {
  readonly store: FileStore<Content>;
  readonly spent: SpentFiles;
  readonly writer: FileWriter<Content>;
  readonly queue: Pick<JobQueue, 'acceptedOutputs'>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly hmac: Hmac;
}

/**
 * The files of tenants: what they uploaded, and the outputs of their jobs.
 *
 * An attempt stores its output under an id of its own. Whether that output exists for its tenant is decided by the scheduler alone,
 * at the moment it accepts the attempt's completion: there is no second step that could be missed.
 */
export class FileCatalogue<Content> {
  readonly #parts: FileParts<Content>;

  constructor(parts: FileParts<Content>) {
    this.#parts = parts;
  }

  /** Refuses as the authority does, and the repetition of an upload whose file was deleted (T78); then nothing is left of what came too late. */
  async upload(
    { principal, authority }: Acting,
    upload: Upload<Content>,
    idempotencyKey: string | undefined,
  ): Promise<Outcome<StoredFile>> {
    const { filename, purpose, owner, bytes, content } = upload;
    if (bytes > LIMITS.fileBytesMax) return refuseBeyond({ path: 'file', limit: 'fileBytesMax', value: bytes, what: `has ${bytes} bytes` });
    if (filename.length > LIMITS.fileNameCharsMax) {
      const chars = filename.length;
      return refuseBeyond({ path: 'file', limit: 'fileNameCharsMax', value: chars, what: `has a name of ${chars} characters` });
    }
    const { rng, hmac, store, writer, spent, clock } = this.#parts;
    const { tenantId } = principal;
    const entropy = entropyFor(rng, hmac, `${tenantId}/files`, idempotencyKey);
    const id = `file_${base32(await entropy.bytes('id', 26))}` as FileId;
    const digest = await digestOf(principal, upload, idempotencyKey);
    const unspent = await this.#unspent(tenantId, id, digest);
    if (!unspent.ok) return unspent;
    const file = { id, filename, purpose, owner, digest, createdAtMs: clock.nowMs() };
    const stored = await writer.write(tenantId, authority, file, content);
    if (!stored.ok) return stored;
    // What was deleted right before this one wrote is taken back.
    const isNew = stored.value.createdAtMs === file.createdAtMs;
    const kept = isNew && digest !== '' ? await spent.admit(tenantId, id, digest) : stored;
    if (!kept.ok) {
      await store.delete(tenantId, id);
      return kept;
    }
    if (stored.value.digest === digest) return stored;
    return refuse('idempotency_mismatch', 'was used by another caller or for another file', 'idempotency-key');
  }

  async find(tenantId: TenantId, id: FileId): Promise<Outcome<StoredFile>> {
    const file = (await this.#exists(tenantId, id)) ? await this.#parts.store.find(tenantId, id) : undefined;
    return file === undefined ? absent(id) : ok(file);
  }

  async read(tenantId: TenantId, id: FileId): Promise<Outcome<Content>> {
    const content = (await this.#exists(tenantId, id)) ? await this.#parts.store.read(tenantId, id) : undefined;
    return content === undefined ? absent(id) : ok(content);
  }

  async delete({ principal: { tenantId }, authority }: Acting, id: FileId): Promise<Outcome<null>> {
    const file = await this.find(tenantId, id);
    if (!file.ok) return file;
    // [T53] Finding it may have taken its time.
    const lasting = await authority.lease();
    if (!lasting.ok) return lasting;
    const { digest } = file.value;
    // First: an interrupted deletion leaves a file that can be deleted again, and is never uploaded twice.
    const spent = digest === '' ? ok(null) : await this.#parts.spent.spend(tenantId, id, digest);
    if (spent.ok) await this.#parts.store.delete(tenantId, id);
    return spent;
  }

  /** Files by id, after the file `after`. */
  async list(tenantId: TenantId, limit: number, after = ''): Promise<{ items: readonly StoredFile[]; hasMore: boolean }> {
    const items: StoredFile[] = [];
    let more = true;
    for (let cursor = after; more && items.length <= limit;) {
      const page = await this.#parts.store.list(tenantId, cursor, limit + 1);
      items.push(...(await this.#existing(tenantId, page.files)));
      cursor = page.files.at(-1)?.id ?? cursor;
      more = page.more;
    }
    return { items: items.slice(0, limit), hasMore: items.length > limit };
  }

  /** A file that is there answers for itself. */
  async #unspent(tenantId: TenantId, id: FileId, digest: string): Promise<Outcome<unknown>> {
    if (digest === '' || (await this.#parts.store.find(tenantId, id)) !== undefined) return ok(null);
    return this.#parts.spent.admit(tenantId, id, digest);
  }

  async #exists(tenantId: TenantId, id: FileId): Promise<boolean> {
    if (jobOfOutput(id) === undefined) return true;
    return (await this.#parts.queue.acceptedOutputs(tenantId, [id])).length === 1;
  }

  async #existing(tenantId: TenantId, files: readonly StoredFile[]): Promise<readonly StoredFile[]> {
    const outputs = files.map(({ id }) => id).filter((id) => jobOfOutput(id) !== undefined);
    const accepted = new Set(outputs.length === 0 ? [] : await this.#parts.queue.acceptedOutputs(tenantId, outputs));
    return files.filter(({ id }) => jobOfOutput(id) === undefined || accepted.has(id));
  }
}

/** The digest of an upload that can be repeated; the content of any other is not read for it. */
async function digestOf<Content>(principal: TenantPrincipal, upload: Upload<Content>, idempotencyKey: string | undefined): Promise<string> {
  if (idempotencyKey === undefined) return '';
  const { filename, purpose, owner, digest } = upload;
  return requestDigest(principal, 'file.upload', { filename, purpose, owner, content: await digest() });
}

const absent = (id: FileId) => refuseResource('file_not_found', { kind: 'file', name: id }, `no file ${id}`, 'file');
