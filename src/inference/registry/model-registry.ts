import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { keySpent, madeBefore } from '../../contract/api/spent-key.ts';
import type { ChangedBy, WriteLease } from '../../contract/tenancy/write-lease.ts';
import { changeUnder } from '../../contract/tenancy/write-lease.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';
import type { KeyedRequest } from '../../kernel/sql/spent-keys.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { ModelAction, ModelAlias, ModelRecord, VersionChecks, VersionRecord } from './model-record.ts';
import { isVerified, WHOLE_PPM } from './model-record.ts';
import { promoted, rolledBack, withoutVersion } from './promotion.ts';
import { ModelQueries } from './model-queries.ts';
import type { ServedFile } from '../served-manifest.ts';
import type { VersionManifest } from './version-manifest.ts';

/** A version to be registered. Its files are stored already. */
export interface NewVersion {
  readonly model: string;
  readonly manifest: VersionManifest;
  readonly compatibleWith: number | null;
}

export interface ModelVersion {
  readonly model: ModelRecord;
  readonly version: VersionRecord;
}

/** A change, and the files that no version has any more. */
export interface Released {
  readonly unneeded: readonly string[];
}

/** The models of one owner, and what may be done with them: every change is one transaction, with a line of the model's history. */
export class ModelRegistry extends ModelQueries {
  readonly #clock: Clock;

  constructor(storage: SqlStorage, clock: Clock) {
    super(storage);
    this.#clock = clock;
  }

  /** Before files are stored: what dies in between is swept an hour later. Answers what is to be swept now. */
  announce(files: readonly ServedFile[], { lease }: ChangedBy): Outcome<Released> {
    return this.#change(lease, () => {
      const nowMs = this.#clock.nowMs();
      const unneeded = this.store.sweep(nowMs - MODEL_LIMITS.modelAnnouncedMs);
      const named = files.map(({ sha256 }) => sha256);
      this.store.announce(named, nowMs);
      return ok({ unneeded: unneeded.filter((sha256) => !named.includes(sha256)) });
    });
  }

  /**
   * Makes the next version of a model, and the model with its first. Refuses with `already_exists` the name of an alias, with
   * `state_conflict` a version that does something else than the others or is compatible with none, with `limit_exceeded`, and as
   * idempotency keys do.
   */
  register(next: NewVersion, request: KeyedRequest | null, { actor, lease }: ChangedBy): Outcome<ModelVersion> {
    return this.#change(lease, () => {
      const { model: name, manifest, compatibleWith } = next;
      const nowMs = this.#clock.nowMs();
      const repeated = this.#repeated(request, nowMs);
      if (!repeated.ok || repeated.value !== undefined) return repeated as Outcome<ModelVersion>;
      const admitted = this.#admits(next);
      if (!admitted.ok) return admitted;
      const { versionsMade, ...known } = this.store.find(name) ?? newModel(name, manifest.task, nowMs);
      const model: ModelRecord = { ...known, versionsMade: versionsMade + 1 };
      const version: VersionRecord = {
        model: name,
        version: model.versionsMade,
        manifest,
        createdAtMs: nowMs,
        isRetired: false,
        checks: null,
        compatibleWith,
        contractHash: manifest.contractHash,
      };
      this.store.put(model);
      this.store.addVersion(name, version, request);
      this.#note(name, actor, 'register', version.version);
      return ok({ model, version });
    });
  }

  /** What the inference Worker found. A version that passed under the contract of another serves under it from now on. */
  check(
    name: string,
    number: number,
    checks: VersionChecks,
    contractHash: string | null,
    { actor, lease }: ChangedBy,
  ): Outcome<ModelVersion> {
    return this.#onVersion(name, number, lease, ({ model, version }) => {
      // A version that serves has passed: a later fault of its Worker takes nothing back.
      if (version.isRetired || isVerified(version)) return ok({ model, version });
      const checked = { ...version, checks, contractHash: contractHash ?? version.contractHash };
      this.store.putVersion(checked);
      this.#note(name, actor, checks.refusal === null ? 'verify' : 'refuse', number, checks.refusal?.code ?? '');
      return ok({ model, version: checked });
    });
  }

  /** `override`: why it serves although its gate refused it; a part of its history. */
  promote(name: string, number: number, sharePpm: number, { actor, lease }: ChangedBy, override?: string): Outcome<ModelVersion> {
    return this.#onVersion(name, number, lease, ({ model, version }) => {
      const serving = model.serving === null ? undefined : this.store.version(name, model.serving);
      const changed = promoted(model, serving, version, sharePpm);
      if (!changed.ok) return changed;
      this.store.put(changed.value);
      const share = String(sharePpm / WHOLE_PPM);
      this.#note(name, actor, 'promote', number, override === undefined ? share : `${share}, override: ${override}`);
      return ok({ model: changed.value, version });
    });
  }

  rollback(name: string, { actor, lease }: ChangedBy): Outcome<ModelVersion> {
    return this.#onModel(name, lease, (model) => {
      const changed = rolledBack(model, (number) => {
        const version = this.store.version(name, number);
        return version !== undefined && isVerified(version);
      });
      if (!changed.ok) return changed;
      this.store.put(changed.value);
      this.#note(name, actor, 'rollback', changed.value.serving);
      const version = this.#version(name, changed.value.serving ?? 0);
      return version.ok ? ok({ model: changed.value, version: version.value }) : version;
    });
  }

  /** Takes a version's files. Its manifest and history stay. */
  retire(name: string, number: number, { actor, lease }: ChangedBy): Outcome<ModelVersion & Released> {
    return this.#onVersion(name, number, lease, ({ model, version }) => {
      if (version.isRetired) return ok({ model, version, unneeded: [] });
      const changed = withoutVersion(model, number);
      if (!changed.ok) return changed;
      const pinned = this.store.aliasesOf(name).find((alias) => alias.version === number);
      if (pinned !== undefined) return refuse('state_conflict', `the alias ${pinned.alias} stands for version ${number}`, 'version');
      const retired = { ...version, isRetired: true };
      this.store.put(changed.value);
      this.store.putVersion(retired);
      const unneeded = this.store.releaseFiles(name, number);
      this.#note(name, actor, 'retire', number);
      return ok({ model: changed.value, version: retired, unneeded });
    });
  }

  /** Forgets a model with its versions, aliases and history. The requests that made its versions make none any more. */
  remove(name: string, { lease }: ChangedBy): Outcome<Released> {
    return this.#onModel(name, lease, () => {
      const versions = this.store.versions(name, 0, MODEL_LIMITS.modelVersionsMaxCount);
      const unneeded = versions.flatMap(({ version }) => this.store.releaseFiles(name, version));
      this.store.remove(name, this.#clock.nowMs());
      return ok({ unneeded });
    });
  }

  /** `isBuiltin`: the model is the deployment's own. Refuses with `already_exists` the name of a model. */
  putAlias(alias: ModelAlias, isBuiltin: boolean, { actor, lease }: ChangedBy): Outcome<ModelAlias> {
    return this.#change(lease, () => {
      const target = this.#target(alias, isBuiltin);
      if (!target.ok) return target;
      if (this.store.find(alias.alias) !== undefined) return refuse('already_exists', `a model is called ${alias.alias}`, 'alias');
      const count = this.store.aliasCount();
      if (this.store.alias(alias.alias) === undefined && count >= MODEL_LIMITS.modelAliasesMaxCount)
        return refuseBeyond({ limit: 'modelAliasesMaxCount', value: count + 1, what: `there are ${count} aliases already` });
      this.store.putAlias(alias);
      this.#note(alias.model, actor, 'alias', alias.version, alias.alias);
      return ok(alias);
    });
  }

  removeAlias(model: string, alias: string, { actor, lease }: ChangedBy): Outcome<null> {
    return this.#change(lease, () => {
      const known = this.store.alias(alias);
      if (known?.model !== model)
        return refuseResource('alias_not_found', { kind: 'alias', name: alias }, `${JSON.stringify(model)} has no alias ${alias}`, 'alias');
      this.store.removeAlias(alias);
      this.#note(model, actor, 'unalias', known.version, alias);
      return ok(null);
    });
  }

  /** From now on nothing is registered here: the tenant is being erased (T59). Everything that was is forgotten. */
  erase(): void {
    this.store.eraseAndClose();
  }

  #repeated(request: KeyedRequest | null, nowMs: number): Outcome<ModelVersion | undefined> {
    const made = madeBefore(this.store, request, nowMs);
    if (!made.ok || made.value === undefined) return made as Outcome<undefined>;
    const version = made.value;
    if (version.isRetired) return keySpent({ id: `${version.model}@${version.version}`, endedAtMs: null }, 'was deleted');
    const model = this.#model(version.model);
    return model.ok ? ok({ model: model.value, version }) : model;
  }

  #admits({ model: name, manifest, compatibleWith }: NewVersion): Outcome<null> {
    if (this.store.alias(name) !== undefined) return refuse('already_exists', `an alias is called ${name}`, 'name');
    const known = this.store.find(name);
    if (known === undefined) {
      if (compatibleWith !== null) return refuse('state_conflict', `${name} has no version ${compatibleWith}`, 'compatible_with');
      const count = this.store.count();
      return count < MODEL_LIMITS.modelsMaxCount
        ? ok(null)
        : refuseBeyond({ limit: 'modelsMaxCount', value: count + 1, what: `there are ${count} models already` });
    }
    if (known.task !== manifest.task)
      return refuse('state_conflict', `${name} is a model for ${known.task}: register another name`, 'task');
    if (known.versionsMade >= MODEL_LIMITS.modelVersionsMaxCount)
      return refuseBeyond({
        limit: 'modelVersionsMaxCount',
        value: known.versionsMade + 1,
        what: `${name} has ${known.versionsMade} versions`,
      });
    if (compatibleWith === null) return ok(null);
    const other = this.store.version(name, compatibleWith);
    if (other !== undefined && isVerified(other)) return ok(null);
    return refuse('state_conflict', `${name} has no verified version ${compatibleWith}`, 'compatible_with');
  }

  #target({ model, version }: ModelAlias, isBuiltin: boolean): Outcome<unknown> {
    if (isBuiltin) return version === null ? ok(null) : refuse('invalid_value', `${model} has one version only`, 'version');
    const known = this.#model(model);
    if (!known.ok || version === null) return known;
    const pinned = this.#version(model, version);
    if (!pinned.ok || isVerified(pinned.value)) return pinned;
    return refuse('state_conflict', `version ${version} is not verified`, 'version');
  }

  #model(name: string): Outcome<ModelRecord> {
    const model = this.store.find(name);
    return model === undefined
      ? refuseResource('model_not_found', { kind: 'model', name }, `there is no model ${JSON.stringify(name)}`, 'model')
      : ok(model);
  }

  #version(name: string, number: number): Outcome<VersionRecord> {
    const version = this.store.version(name, number);
    if (version !== undefined) return ok(version);
    return refuseResource('model_not_found', { kind: 'model', name: `${name}@${number}` }, `${name} has no version ${number}`, 'version');
  }

  #onModel<T>(name: string, lease: WriteLease | undefined, body: (model: ModelRecord) => Outcome<T>): Outcome<T> {
    return this.#change(lease, () => {
      const model = this.#model(name);
      return model.ok ? body(model.value) : model;
    });
  }

  #onVersion<T>(name: string, number: number, lease: WriteLease | undefined, body: (found: ModelVersion) => Outcome<T>): Outcome<T> {
    return this.#onModel(name, lease, (model) => {
      const version = this.#version(name, number);
      return version.ok ? body({ model, version: version.value }) : version;
    });
  }

  #change<T>(lease: WriteLease | undefined, body: () => Outcome<T>): Outcome<T> {
    return changeUnder(lease, this.store, this.#clock.nowMs(), body);
  }

  #note(model: string, actor: string, action: ModelAction, version: number | null, detail = ''): void {
    this.store.note(model, { atMs: this.#clock.nowMs(), actor, action, version, detail });
  }
}

const newModel = (name: string, task: VersionManifest['task'], createdAtMs: number): ModelRecord => ({
  name,
  task,
  createdAtMs,
  versionsMade: 0,
  serving: null,
  canary: null,
  before: [],
});
