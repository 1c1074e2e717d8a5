import type { Outcome } from '../../contract/api/outcome.ts';
import type { ModelOwner } from '../../inference/registry/version-manifest.ts';
import type { FileId, TenantId } from '../../kernel/ids.ts';
import type { Remote } from '../../kernel/remote.ts';
import type { ModelRegistry } from '../../inference/registry/model-registry.ts';

/** The registry of one owner's models, wherever it is. */
export type ModelRegistryCalls = Remote<ModelRegistry>;

export type ModelRegistries = (owner: ModelOwner) => ModelRegistryCalls;

/** Where the files of registered models live, by their owner and SHA-256. */
export interface ModelFileStore {
  /** Copies a file of a tenant, unless it is there already. Refuses with `file_not_found`, or where its content is not what the hash says. */
  take(tenantId: TenantId, file: FileId, owner: ModelOwner, sha256: string): Promise<Outcome<null>>;
  /** Copies a file of another owner's models, unless it is there already. Refuses with `file_not_found`. */
  adopt(from: ModelOwner, owner: ModelOwner, sha256: string): Promise<Outcome<null>>;
  remove(owner: ModelOwner, sha256s: readonly string[]): Promise<void>;
  /** Removes all; answers how many there were. */
  erase(owner: ModelOwner): Promise<number>;
  count(owner: ModelOwner): Promise<number>;
}
