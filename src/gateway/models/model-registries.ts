import type { Outcome } from '../../contract/outcome.ts';
import type { ModelView } from '../../inference/registry/model-queries.ts';
import type { ModelAlias, ModelEvent, VersionChecks, VersionRecord } from '../../inference/registry/model-record.ts';
import type { ChangedBy } from '../../contract/write-lease.ts';
import type { ModelVersion, NewVersion, Released } from '../../inference/registry/model-registry.ts';
import type { ModelRoute } from '../../inference/registry/model-route.ts';
import type { ModelOwner } from '../../inference/registry/version-manifest.ts';
import type { ServedFile } from '../../inference/served-manifest.ts';
import type { KeyedRequest } from '../../kernel/sql/spent-keys.ts';
import type { FileId, TenantId } from '../../kernel/ids.ts';

/** The registry of one owner's models, wherever it is: see `ModelRegistry` and `ModelQueries`. */
export interface ModelRegistryCalls {
  announce(files: readonly ServedFile[], by: ChangedBy): Promise<Outcome<Released>>;
  register(next: NewVersion, request: KeyedRequest | null, by: ChangedBy): Promise<Outcome<ModelVersion>>;
  check(model: string, version: number, checks: VersionChecks, contractHash: string | null, by: ChangedBy): Promise<Outcome<ModelVersion>>;
  /** `override`: why it serves although its gate refused it. */
  promote(model: string, version: number, sharePpm: number, by: ChangedBy, override?: string): Promise<Outcome<ModelVersion>>;
  rollback(model: string, by: ChangedBy): Promise<Outcome<ModelVersion>>;
  retire(model: string, version: number, by: ChangedBy): Promise<Outcome<ModelVersion & Released>>;
  remove(model: string, by: ChangedBy): Promise<Outcome<Released>>;
  putAlias(alias: ModelAlias, isBuiltin: boolean, by: ChangedBy): Promise<Outcome<ModelAlias>>;
  removeAlias(model: string, alias: string, by: ChangedBy): Promise<Outcome<null>>;
  route(owner: ModelOwner, name: string, version: number | undefined, contractHash: string | undefined): Promise<ModelRoute | null>;
  find(model: string): Promise<ModelView | null>;
  page(after: string, count: number): Promise<readonly ModelView[]>;
  aliases(): Promise<readonly ModelAlias[]>;
  version(model: string, version: number): Promise<VersionRecord | null>;
  versions(model: string, after: number, count: number): Promise<readonly VersionRecord[]>;
  history(model: string, before: number, count: number): Promise<readonly ModelEvent[]>;
  count(): Promise<number>;
  erase(): Promise<void>;
}

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
