import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { ModelAlias, ModelEvent, ModelRecord, VersionRecord } from './model-record.ts';
import { isVerified } from './model-record.ts';
import type { ModelRoute, RegisteredRoute } from './model-route.ts';
import { routedVersion } from './model-route.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { SqliteModelStore } from './sqlite-model-store.ts';
import type { ModelOwner } from './version-manifest.ts';

/** A model with what is shown of it. */
export interface ModelView {
  readonly model: ModelRecord;
  readonly aliases: readonly ModelAlias[];
  /** The version that serves; the newest while none does. */
  readonly shown: VersionRecord | undefined;
}

/** What is asked of the models of one owner. Nothing here writes. */
export class ModelQueries {
  protected readonly store: SqliteModelStore;

  constructor(storage: SqlStorage) {
    this.store = new SqliteModelStore(storage);
  }

  find(name: string): ModelView | undefined {
    const model = this.store.find(name);
    return model === undefined ? undefined : this.#viewOf(model);
  }

  /** By name, after the model `after`, at most `count`. */
  page(after: string, count: number): readonly ModelView[] {
    return this.store.page(after, count).map((model) => this.#viewOf(model));
  }

  /** All aliases, those of the deployment's own models too. */
  aliases(): readonly ModelAlias[] {
    return this.store.aliases();
  }

  version(model: string, version: number): VersionRecord | undefined {
    return this.store.version(model, version);
  }

  versions(model: string, after: number, count: number): readonly VersionRecord[] {
    return this.store.versions(model, after, count);
  }

  history(model: string, before: number, count: number): readonly ModelEvent[] {
    return this.store.history(model, before, Math.min(count, MODEL_LIMITS.modelHistoryMaxCount));
  }

  /** How many models and aliases there are. */
  count(): number {
    return this.store.count() + this.store.aliasCount();
  }

  /**
   * What answers to a name of this owner, or to a version of it; undefined where nothing does. The only place where names become versions: a
   * version by its number, else what an alias stands for, else what was promoted; or, for what is pinned to a contract that this has not, the
   * newest version that has it (M44).
   */
  route(owner: ModelOwner, name: string, pinned: number | undefined, contractHash?: string): ModelRoute | undefined {
    const alias = this.store.alias(name);
    const model = this.store.find(alias?.model ?? name);
    const version = pinned ?? alias?.version ?? undefined;
    if (model !== undefined) {
      const route = this.#routeOf(owner, model, version);
      if (contractHash === undefined || version !== undefined || route?.serving.contractHash === contractHash) return route;
      const other = this.#withContract(model.name, contractHash);
      return other === undefined ? route : this.#routeOf(owner, model, other);
    }
    if (alias === undefined) return undefined;
    return { kind: 'builtin', model: version === undefined ? alias.model : `${alias.model}@${version}` };
  }

  #withContract(model: string, contractHash: string): number | undefined {
    const versions = this.store.versions(model, 0, MODEL_LIMITS.modelVersionsMaxCount);
    return versions.findLast((version) => isVerified(version) && version.contractHash === contractHash)?.version;
  }

  #routeOf(owner: ModelOwner, model: ModelRecord, pinned: number | undefined): RegisteredRoute | undefined {
    const serving = this.#servable(model.name, pinned ?? model.serving);
    if (serving === undefined) return undefined;
    const route = {
      kind: 'registered',
      owner,
      model: model.name,
      isPinned: pinned !== undefined,
      serving: routedVersion(serving),
    } as const;
    const canary = pinned === undefined && model.canary !== null ? this.#servable(model.name, model.canary.version) : undefined;
    return { ...route, canary: canary === undefined ? null : { ...routedVersion(canary), sharePpm: model.canary?.sharePpm ?? 0 } };
  }

  #servable(model: string, number: number | null): VersionRecord | undefined {
    const version = number === null ? undefined : this.store.version(model, number);
    return version !== undefined && isVerified(version) ? version : undefined;
  }

  #viewOf(model: ModelRecord): ModelView {
    const shown = this.store.version(model.name, model.serving ?? model.versionsMade);
    return { model, aliases: this.store.aliasesOf(model.name), shown };
  }
}
