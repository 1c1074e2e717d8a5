import { DurableObject } from 'cloudflare:workers';

import type { Outcome } from '../src/contract/outcome.ts';
import type { ModelView } from '../src/inference/registry/model-queries.ts';
import { ModelQueries } from '../src/inference/registry/model-queries.ts';
import type { ModelAlias, ModelEvent, VersionChecks, VersionRecord } from '../src/inference/registry/model-record.ts';
import type { ChangedBy } from '../src/contract/write-lease.ts';
import type { ModelVersion, NewVersion, Released } from '../src/inference/registry/model-registry.ts';
import { ModelRegistry } from '../src/inference/registry/model-registry.ts';
import type { ModelRoute } from '../src/inference/registry/model-route.ts';
import type { ModelOwner } from '../src/inference/registry/version-manifest.ts';
import type { ServedFile } from '../src/inference/served-manifest.ts';
import type { KeyedRequest } from '../src/kernel/sql/spent-keys.ts';
import { systemClock } from './system-time.ts';

/** The models of one owner: of a tenant, or of the platform. See `ModelRegistry` and `ModelQueries`. */
export class ModelRegistryObject extends DurableObject {
  readonly #registry = new ModelRegistry(this.ctx.storage, systemClock);
  readonly #queries = new ModelQueries(this.#registry.store);

  announce(files: readonly ServedFile[], by: ChangedBy): Outcome<Released> {
    return this.#registry.announce(files, by);
  }

  register(next: NewVersion, request: KeyedRequest | null, by: ChangedBy): Outcome<ModelVersion> {
    return this.#registry.register(next, request, by);
  }

  check(model: string, version: number, checks: VersionChecks, contractHash: string | null, by: ChangedBy): Outcome<ModelVersion> {
    return this.#registry.check(model, version, checks, contractHash, by);
  }

  promote(model: string, version: number, sharePpm: number, by: ChangedBy, override?: string): Outcome<ModelVersion> {
    return this.#registry.promote(model, version, sharePpm, by, override);
  }

  rollback(model: string, by: ChangedBy): Outcome<ModelVersion> {
    return this.#registry.rollback(model, by);
  }

  retire(model: string, version: number, by: ChangedBy): Outcome<ModelVersion & Released> {
    return this.#registry.retire(model, version, by);
  }

  remove(model: string, by: ChangedBy): Outcome<Released> {
    return this.#registry.remove(model, by);
  }

  putAlias(alias: ModelAlias, isBuiltin: boolean, by: ChangedBy): Outcome<ModelAlias> {
    return this.#registry.putAlias(alias, isBuiltin, by);
  }

  removeAlias(model: string, alias: string, by: ChangedBy): Outcome<null> {
    return this.#registry.removeAlias(model, alias, by);
  }

  /** What answers to a name; null: nothing here does. */
  route(owner: ModelOwner, name: string, version: number | undefined, contractHash: string | undefined): ModelRoute | null {
    return this.#queries.route(owner, name, version, contractHash) ?? null;
  }

  find(model: string): ModelView | null {
    return this.#queries.find(model) ?? null;
  }

  page(after: string, count: number): readonly ModelView[] {
    return this.#queries.page(after, count);
  }

  aliases(): readonly ModelAlias[] {
    return this.#queries.aliases();
  }

  version(model: string, version: number): VersionRecord | null {
    return this.#queries.version(model, version) ?? null;
  }

  versions(model: string, after: number, count: number): readonly VersionRecord[] {
    return this.#queries.versions(model, after, count);
  }

  history(model: string, before: number, count: number): readonly ModelEvent[] {
    return this.#queries.history(model, before, count);
  }

  count(): number {
    return this.#queries.count();
  }

  /** Forgets everything, and takes nothing any more. */
  erase(): void {
    this.#registry.erase();
  }
}
