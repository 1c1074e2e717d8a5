import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuseResource } from '../../../../src/contract/api/outcome.ts';
import type { ModelFileStore } from '../../../../src/gateway/models/model-registries.ts';
import type { ModelOwner } from '../../../../src/inference/registry/version-manifest.ts';
import { compactFormKey, modelFileKey } from '../../../../src/inference/served-manifest.ts';
import { COMPACT_FORM_VERSION } from '../../../../src/inference/text/compact-form.ts';
import type { FileId, TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { R2FileStore } from '../files/r2-file-store.ts';

/** The most objects one R2 call lists or deletes. */
const PAGE_COUNT = 1_000;

/** Earlier code may have left its own. */
const FORM_VERSIONS = Array.from({ length: COMPACT_FORM_VERSION }, (_, i) => i + 1);

const prefixOf = (owner: ModelOwner): string => modelFileKey(owner, '');

/** Files of registered models as R2 objects, named by their owner and SHA-256: the same content is stored once. */
export class R2ModelFiles implements ModelFileStore {
  readonly #bucket: R2Bucket;
  readonly #files: Pick<R2FileStore, 'objectKey'>;

  constructor(bucket: R2Bucket, files: Pick<R2FileStore, 'objectKey'>) {
    this.#bucket = bucket;
    this.#files = files;
  }

  take(tenantId: TenantId, file: FileId, owner: ModelOwner, sha256: string): Promise<Outcome<null>> {
    return this.#copy(() => this.#files.objectKey(tenantId, file), owner, sha256, file);
  }

  adopt(from: ModelOwner, owner: ModelOwner, sha256: string): Promise<Outcome<null>> {
    return this.#copy(() => Promise.resolve(modelFileKey(from, sha256)), owner, sha256, sha256);
  }

  async #copy(sourceOf: () => Promise<string | undefined>, owner: ModelOwner, sha256: string, name: string): Promise<Outcome<null>> {
    const key = modelFileKey(owner, sha256);
    if ((await this.#bucket.head(key)) !== null) return ok(null);
    const source = await sourceOf();
    const content = source === undefined ? null : await this.#bucket.get(source);
    if (content === null) return refuseResource('file_not_found', { kind: 'file', name }, `no file ${name}`, 'files');
    // R2 hashes what it stores, and stores nothing else than these bytes under this name.
    await this.#bucket.put(key, content.body, { sha256 });
    return ok(null);
  }

  async remove(owner: ModelOwner, sha256s: readonly string[]): Promise<void> {
    const keys = sha256s.flatMap((sha256) => [
      modelFileKey(owner, sha256),
      ...FORM_VERSIONS.map((form) => compactFormKey(modelFileKey(owner, sha256), form)),
    ]);
    for (let from = 0; from < keys.length; from += PAGE_COUNT) await this.#bucket.delete(keys.slice(from, from + PAGE_COUNT));
  }

  async erase(owner: ModelOwner): Promise<number> {
    let erased = 0;
    for (let more = true; more;) {
      const { objects, truncated } = await this.#bucket.list({ prefix: prefixOf(owner), limit: PAGE_COUNT });
      if (objects.length > 0) await this.#bucket.delete(objects.map(({ key }) => key));
      erased += objects.length;
      more = truncated;
    }
    return erased;
  }

  /** Up to a page of them. */
  async count(owner: ModelOwner): Promise<number> {
    return (await this.#bucket.list({ prefix: prefixOf(owner), limit: PAGE_COUNT })).objects.length;
  }
}

/** Reads a file of registered models as it is stored; undefined: it is gone. */
export const modelFileReader =
  (bucket: Pick<R2Bucket, 'get'>) =>
  async (owner: ModelOwner, sha256: string): Promise<ReadableStream | undefined> =>
    (await bucket.get(modelFileKey(owner, sha256)))?.body;
