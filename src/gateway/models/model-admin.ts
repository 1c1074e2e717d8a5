import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { CreateModelBody } from '../../contract/models/models.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { AdminPrincipal, Principal, TenantPrincipal } from '../../contract/api/principal.ts';
import type { ChangedBy } from '../../contract/tenancy/write-lease.ts';
import { underAuthority } from '../../contract/tenancy/write-lease.ts';
import type { ModelAlias, VersionRecord } from '../../inference/registry/model-record.ts';
import { isVerified, WHOLE_PPM } from '../../inference/registry/model-record.ts';
import { gateFaults } from '../../inference/registry/quality-gate.ts';
import type { ModelVersion, Released } from '../../inference/registry/model-registry.ts';
import type { ModelOwner } from '../../inference/registry/version-manifest.ts';
import { PLATFORM } from '../../inference/registry/version-manifest.ts';
import type { ModelCalls } from '../../inference/served/model-calls.ts';
import type { ServedFile } from '../../inference/served-manifest.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { FileId, TenantId } from '../../kernel/ids.ts';
import type { KeyedRequest } from '../../kernel/sql/spent-keys.ts';
import { ok } from '../../kernel/result.ts';
import type { Acting } from '../tenancy/authority.ts';
import type { StoredFile } from '../files/file-store.ts';
import { actorOf, ownerFor, requestDigest, subjectOf } from '../tenancy/subject.ts';
import { makesVectors } from '../../inference/embedding-output.ts';
import type { VersionBody } from './describe-version.ts';
import { checkStatedPaths, describeVersion } from './describe-version.ts';
import { checkVersion } from './model-checks.ts';
import type { ModelFileStore, ModelRegistries, ModelRegistryCalls } from './model-registries.ts';
import type { StandingReplicas } from './standing-replicas.ts';
import { Composed } from '../api/composed.ts';

interface ModelAdminParts {
  readonly registries: ModelRegistries;
  readonly store: ModelFileStore;
  readonly findFile: (tenantId: TenantId, file: FileId) => Promise<Outcome<StoredFile>>;
  readonly inference: Pick<ModelCalls, 'readFolder' | 'verify' | 'embedTexts'>;
  readonly isBuiltin: (model: string) => boolean;
  /** The name of an index of the tenant that is pinned to the model, or to this contract of it; undefined where none is. */
  readonly pinnedIndex: (tenantId: TenantId, model: string, contractHash: string | undefined) => Promise<Outcome<string | undefined>>;
  /** Writes a line of the tenant's audit trail: what fails afterwards is noted in vain, what is not noted does not happen. */
  readonly note: (tenantId: TenantId, action: string, principal: ModelActor, subject: string) => Promise<Outcome<unknown>>;
  readonly clock: Clock;
  /** Jobs by which pools serve models; `isAuto`: the deployment makes them by itself. */
  readonly standing: Pick<StandingReplicas, 'jobOf' | 'end'> & { readonly isAuto: boolean };
}

/** In whose name models are changed: a key's, a job's (by its id) or the admin's. */
export type ModelActor = AdminPrincipal | Pick<TenantPrincipal, 'kind' | 'tenantId' | 'keyId' | 'owner'>;

export interface PromotionTerms {
  /** Of the requests. */
  readonly share: number;
  /** Why a version serves that its gate refused. */
  readonly override?: { readonly reason: string } | undefined;
}

/** The files of a version, and how they come into the bucket of its owner. */
export interface VersionFiles {
  readonly files: readonly ServedFile[];
  readonly take: (owner: ModelOwner) => Promise<Outcome<null>>;
}

type Change<T> = (registry: ModelRegistryCalls, by: ChangedBy) => Promise<Outcome<T>>;

/** Registers versions of models, has them checked, and decides which serve. */
export class ModelAdmin extends Composed<ModelAdminParts> {
  /**
   * Registers a version, then has it checked: a version that did not pass is answered, too. What the body leaves out is read from the files. Refuses with `already_exists` the name of a model
   * of the deployment, with `invalid_value` or `file_not_found` (naming `files[i]`), and as the registry does.
   */
  async create(
    { principal, authority }: Acting<Principal>,
    body: CreateModelBody,
    idempotencyKey: string | undefined,
  ): Promise<Outcome<ModelVersion>> {
    const subject = subjectOf(principal, body.tenant);
    if (!subject.ok) return subject;
    const files = await this.#filesOf(subject.value, body);
    if (!files.ok) return files;
    const request =
      idempotencyKey === undefined ? null : { key: idempotencyKey, digest: await requestDigest(principal, 'model.create', body) };
    const taken = { files: files.value, take: (owner: ModelOwner) => this.#takeFiles(subject.value, owner, body, files.value) };
    return this.register({ principal, authority }, body, taken, request);
  }

  /** As `create`, for files that are known. Under an equal `request` there is one version. */
  async register(
    caller: Acting<ModelActor>,
    body: VersionBody,
    { files, take }: VersionFiles,
    request: KeyedRequest | null,
  ): Promise<Outcome<ModelVersion>> {
    const { principal } = caller;
    const { registries, isBuiltin, inference } = this.parts;
    if (isBuiltin(body.name)) return refuse('already_exists', `${body.name} is a model of the deployment`, 'name');
    const stated = checkStatedPaths(body, files);
    if (!stated.ok) return stated;
    const owner = ownerOf(principal);
    const registry = registries(owner);
    const announced = await this.#noted(caller, 'register', body.name, (_, by) => registry.announce(files, by));
    if (!announced.ok) return announced;
    await this.parts.store.remove(owner, announced.value.unneeded);
    const taken = await take(owner);
    if (!taken.ok) return taken;
    // A registration that is refused from here on leaves its files announced: the next one sweeps them.
    const manifest = await describeVersion(inference, owner, body.owner ?? ownerFor(principal), body, files);
    if (!manifest.ok) return manifest;
    const next = { model: body.name, manifest: manifest.value, compatibleWith: body.compatible_with ?? null };
    const made = await this.#change(caller, (by) => registry.register(next, request, by));
    if (!made.ok) return made;
    const checked = await this.#verified(caller, made.value.version);
    return checked.ok ? checked : made;
  }

  /**
   * Verifies the version first, if that was not done yet. Refuses with `state_conflict` one that is to serve alone and whose gate found it worse
   * than its parent, unless a reason is given (M95), and as the registry does.
   */
  async promote(
    caller: Acting<ModelActor>,
    model: string,
    number: number,
    { share, override }: PromotionTerms,
  ): Promise<Outcome<ModelVersion>> {
    const registry = this.parts.registries(ownerOf(caller.principal));
    const version = await registry.version(model, number);
    if (version !== undefined && !isVerified(version) && !version.isRetired) {
      const checked = await this.#verified(caller, version);
      if (!checked.ok) return checked;
    }
    const sharePpm = Math.max(1, Math.round(share * WHOLE_PPM));
    const faults = sharePpm === WHOLE_PPM ? gateFaults(version?.manifest.evaluation ?? null) : [];
    const isOverridden = faults.length > 0 && override !== undefined;
    if (faults.length > 0 && override === undefined)
      return refuse(
        'state_conflict',
        `${faults.join('; ')}: have it serve anyway with \`override\` and its reason, or as a canary`,
        'version',
      );
    const subject = isOverridden ? `${model}@${number}: ${override.reason}` : `${model}@${number}`;
    const promoted = await this.#noted(caller, isOverridden ? 'override' : 'promote', subject, (_, by) =>
      registry.promote(model, number, sharePpm, by, isOverridden ? override.reason : undefined),
    );
    if (promoted.ok) await this.#standBy(caller.principal, promoted.value.version);
    return promoted;
  }

  rollback(caller: Acting<ModelActor>, model: string): Promise<Outcome<ModelVersion>> {
    return this.#noted(caller, 'rollback', model, (registry, by) => registry.rollback(model, by));
  }

  /** [M46] Refuses with `state_conflict` the last version that has a contract to which an index of the tenant is pinned, and as the registry does. */
  async retire(caller: Acting<ModelActor>, model: string, number: number): Promise<Outcome<ModelVersion>> {
    const versions = await this.parts.registries(ownerOf(caller.principal)).versions(model, 0, MODEL_LIMITS.modelVersionsMaxCount);
    const version = versions.find((one) => one.version === number);
    const isOnly = !versions.some((one) => one !== version && isVerified(one) && one.contractHash === version?.contractHash);
    const unpinned =
      version?.isRetired === false && isOnly ? await this.#unpinned(caller.principal, model, version.contractHash) : ok(null);
    if (!unpinned.ok) return unpinned;
    const name = `${model}@${number}`;
    const retired = await this.#releasing(caller, 'retire', name, (registry, by) => registry.retire(model, number, by));
    if (retired.ok) await this.#endStanding(caller.principal, model, number);
    return retired;
  }

  /** Refuses with `state_conflict` a model of the deployment, or one that an index of the tenant is pinned to. */
  async remove(caller: Acting<ModelActor>, model: string): Promise<Outcome<Released>> {
    if (this.parts.isBuiltin(model)) return refuse('state_conflict', `${model} is a model of the deployment: it stays`, 'model');
    const unpinned = await this.#unpinned(caller.principal, model);
    if (!unpinned.ok) return unpinned;
    const removed = await this.#releasing(caller, 'delete', model, (registry, by) => registry.remove(model, by));
    if (removed.ok) await this.#endStanding(caller.principal, model);
    return removed;
  }

  /** Of a model of the same owner, or of the deployment. */
  async setAlias(caller: Acting<ModelActor>, alias: ModelAlias): Promise<Outcome<ModelAlias>> {
    const { isBuiltin } = this.parts;
    if (isBuiltin(alias.alias)) return refuse('already_exists', `${alias.alias} is a model of the deployment`, 'model_alias');
    return this.#noted(caller, 'alias', alias.alias, (registry, by) => registry.putAlias(alias, isBuiltin(alias.model), by));
  }

  removeAlias(caller: Acting<ModelActor>, model: string, alias: string): Promise<Outcome<null>> {
    return this.#noted(caller, 'unalias', alias, (registry, by) => registry.removeAlias(model, alias, by));
  }

  /** [M160] Has a version that isolates do not run, or not all of, served by pools once it is called. Where that fails, the first call does it. */
  async #standBy(principal: ModelActor, version: VersionRecord): Promise<void> {
    const { isAuto } = this.parts.standing;
    if (isAuto && isKey(principal) && needsPool(version)) await this.parts.standing.jobOf({ principal, model: version.model, version });
  }

  /** [M162] */
  async #endStanding(principal: ModelActor, model: string, version?: number): Promise<void> {
    if (principal.kind === 'tenant') await this.parts.standing.end(principal.tenantId, model, version);
  }

  async #filesOf(tenantId: TenantId, { files }: CreateModelBody): Promise<Outcome<readonly ServedFile[]>> {
    const found: ServedFile[] = [];
    const paths = new Set<string>();
    for (const [at, { path, file }] of files.entries()) {
      if (paths.has(path)) return refuse('invalid_value', `there are two files ${path}`, ['files', at, 'path']);
      paths.add(path);
      const stored = await this.parts.findFile(tenantId, file as FileId);
      if (!stored.ok) return refuseResource('file_not_found', { kind: 'file', name: file }, `no file ${file}`, ['files', at, 'file']);
      const { bytes, sha256 } = stored.value;
      if (sha256 === undefined)
        return refuse('state_conflict', 'was stored before files had hashes: upload it again', ['files', at, 'file']);
      found.push({ path, bytes, sha256 });
    }
    const bytes = found.reduce((sum, file) => sum + file.bytes, 0);
    if (bytes > MODEL_LIMITS.modelBytesMax)
      return refuseBeyond({ path: 'files', limit: 'modelBytesMax', value: bytes, what: `have ${bytes} bytes` });
    return ok(found);
  }

  async #takeFiles(tenantId: TenantId, owner: ModelOwner, body: CreateModelBody, files: readonly ServedFile[]): Promise<Outcome<null>> {
    for (const [at, { file }] of body.files.entries()) {
      const taken = await this.parts.store.take(tenantId, file as FileId, owner, files[at]?.sha256 ?? '');
      if (!taken.ok) return taken;
    }
    return ok(null);
  }

  async #verified(caller: Acting<ModelActor>, version: VersionRecord): Promise<Outcome<ModelVersion>> {
    const { registries, inference, clock } = this.parts;
    const owner = ownerOf(caller.principal);
    const registry = registries(owner);
    const { model, version: number, compatibleWith } = version;
    const other = compatibleWith === null ? undefined : await registry.version(model, compatibleWith);
    const checked = await checkVersion(inference, owner, version, other, clock.nowMs());
    if (!checked.ok) return checked;
    const { checks, contractHash } = checked.value;
    return this.#change(caller, (by) => registry.check(model, number, checks, contractHash, by));
  }

  async #releasing<T extends Released>(caller: Acting<ModelActor>, action: string, name: string, change: Change<T>): Promise<Outcome<T>> {
    const changed = await this.#noted(caller, action, name, change);
    if (changed.ok) await this.parts.store.remove(ownerOf(caller.principal), changed.value.unneeded);
    return changed;
  }

  async #noted<T>(caller: Acting<ModelActor>, action: string, subject: string, change: Change<T>): Promise<Outcome<T>> {
    const { principal } = caller;
    const noted = principal.kind === 'admin' ? ok(null) : await this.parts.note(principal.tenantId, `model.${action}`, principal, subject);
    if (!noted.ok) return noted;
    const registry = this.parts.registries(ownerOf(principal));
    return this.#change(caller, (by) => change(registry, by));
  }

  #change<T>({ principal, authority }: Acting<ModelActor>, change: (by: ChangedBy) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    return underAuthority(authority, (lease) => change({ actor: actorOf(principal), lease }));
  }

  async #unpinned(principal: ModelActor, model: string, contractHash?: string): Promise<Outcome<null>> {
    if (principal.kind === 'admin') return ok(null);
    const pinned = await this.parts.pinnedIndex(principal.tenantId, model, contractHash);
    if (!pinned.ok || pinned.value === undefined) return pinned.ok ? ok(null) : pinned;
    return refuse('state_conflict', `the index ${pinned.value} is pinned to ${model}: give it another generation, or delete it`, 'model');
  }
}

/** Whether it is a key, which has a project that pays. */
const isKey = (actor: ModelActor): actor is TenantPrincipal => actor.kind === 'tenant' && 'projectId' in actor;

/** Whether isolates refuse some texts of a version, or all. */
function needsPool({ manifest, checks }: VersionRecord): boolean {
  const { runs_on: runsOn, run_bound_ms: boundMs = 0 } = checks?.measured ?? {};
  return makesVectors(manifest.task) && (runsOn === 'pool' || Number(boundMs) > MODEL_LIMITS.runBoundMsMax);
}

/** Whose models a caller changes: a tenant its own, the admin those of the platform. */
export const ownerOf = (principal: AdminPrincipal | Pick<TenantPrincipal, 'kind' | 'tenantId'>): ModelOwner =>
  principal.kind === 'admin' ? PLATFORM : principal.tenantId;
