import { pinnedName } from '../../contract/api/model-name.ts';
import type { ModelReply } from '../../contract/models/models.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import { closestTo } from '../../contract/api/closest-word.ts';
import { withSuggestion } from '../../contract/api/errors.ts';
import { API_LIMITS } from '../../contract/api/api-limits.ts';
import type { Principal } from '../../contract/api/principal.ts';
import type { ModelManifest } from '../../inference/model-manifest.ts';
import { findVersion } from '../../inference/model-manifest.ts';
import type { ModelView } from '../../inference/registry/model-queries.ts';
import type { ModelEvent, VersionRecord } from '../../inference/registry/model-record.ts';
import { namedModel } from '../../inference/registry/model-route.ts';
import type { ModelOwner } from '../../inference/registry/version-manifest.ts';
import { PLATFORM } from '../../inference/registry/version-manifest.ts';
import type { ServedFile } from '../../inference/served-manifest.ts';
import { err, ok } from '../../kernel/result.ts';
import { mayTouchModels } from '../tenancy/authority.ts';
import type { UpstreamCalls } from '../upstreams/upstream-calls.ts';
import type { ModelRegistries } from './model-registries.ts';
import { Composed } from '../api/composed.ts';

/** A model of the deployment, or a registered one. */
export type ListedModel =
  | { readonly kind: 'builtin'; readonly manifest: ModelManifest; readonly isNewest: boolean; readonly aliases: readonly string[] }
  | { readonly kind: 'registered'; readonly owner: ModelOwner; readonly view: ModelView }
  | { readonly kind: 'upstream'; readonly row: ModelReply };

/** Which models are asked for: at most `limit`, those that follow `after` or come before `before`. */
export interface ModelPage {
  readonly limit: number;
  readonly after: string | undefined;
  readonly before: string | undefined;
}

interface CatalogueParts {
  readonly registries: ModelRegistries;
  readonly builtin: readonly ModelManifest[];
  /** Those of upstreams, as they are listed. [U9] */
  readonly upstreams: (owner: ModelOwner) => Pick<UpstreamCalls, 'models' | 'model'>;
}

/** The models that a caller may use: of the deployment, of its tenant, and of the platform (M40). */
export class ModelCatalogue extends Composed<CatalogueParts> {
  /** Those of the deployment on the first page, then the others by name: a tenant's own before one of the platform with the same name. */
  async list(principal: Principal, limit: number, after: string | undefined): Promise<{ items: readonly ListedModel[]; hasMore: boolean }> {
    const builtin = after === undefined || this.#isBuiltin(after) ? this.parts.builtin : [];
    const from = after === undefined || this.#isBuiltin(after) ? '' : after;
    const found = new Map<string, ListedModel>();
    const aliases = new Map<string, string[]>();
    for (const owner of ownersFor(principal)) {
      const registry = this.parts.registries(owner);
      for (const view of await registry.page(from, limit + 1)) {
        const { name } = view.model;
        if (!found.has(name)) found.set(name, { kind: 'registered', owner, view });
      }
      for (const row of await this.parts.upstreams(owner).models(owner, from, limit + 1)) {
        if (!found.has(row.id) && !this.#isBuiltin(row.id)) found.set(row.id, { kind: 'upstream', row });
      }
      for (const { alias, model } of builtin.length === 0 ? [] : await registry.aliases())
        aliases.set(model, [...(aliases.get(model) ?? []), alias]);
    }
    const registered = [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, model]) => model);
    const own = builtin.map((manifest) => this.#builtin(manifest, aliases.get(manifest.id)));
    const items = [...own, ...registered.slice(0, limit)].filter(
      (model) => principal.kind === 'admin' || mayTouchModels(principal, [nameOf(model)]).ok,
    );
    return { items, hasMore: registered.length > limit };
  }

  /**
   * At most `limit` models in the order of `list`, each on one page: those after one of them, or the last before one. Refuses with `invalid_value` an
   * id that is not listed. [G128]
   */
  async page(
    principal: Principal,
    { limit, after, before }: ModelPage,
  ): Promise<Outcome<{ items: readonly ListedModel[]; hasMore: boolean }>> {
    if (before !== undefined) return this.#pageBefore(principal, limit, before);
    const { items, hasMore } = await this.list(principal, limit, after);
    // Those of the deployment are listed together.
    const at = after === undefined ? -1 : items.findIndex((model) => idOf(model) === after);
    const rest = items.slice(at + 1);
    return ok({ items: rest.slice(0, limit), hasMore: hasMore || rest.length > limit });
  }

  async #pageBefore(principal: Principal, limit: number, before: string) {
    const found: ListedModel[] = [];
    let hasMore = false;
    for (let after: string | undefined; ;) {
      const page = await this.list(principal, API_LIMITS.pageMaxCount, after);
      const at = page.items.findIndex((model) => idOf(model) === before);
      found.push(...(at === -1 ? page.items : page.items.slice(0, at)));
      hasMore ||= found.length > limit;
      found.splice(0, Math.max(0, found.length - limit));
      if (at !== -1) return ok({ items: found, hasMore });
      const last = page.items.at(-1);
      if (!page.hasMore || last === undefined) return refuse('invalid_value', 'is no model that is listed', 'before_id');
      after = idOf(last);
    }
  }

  /** By its name, or an alias. Refuses with `model_not_found`, or with `scope_denied` what the name stands for. */
  async find(principal: Principal, text: string): Promise<Outcome<ListedModel>> {
    const { name } = namedModel(text);
    const manifest = findVersion(this.parts.builtin, text);
    if (manifest !== undefined) return ok(this.#builtin(manifest));
    for (const owner of ownersFor(principal)) {
      const registry = this.parts.registries(owner);
      const view = await registry.find(name);
      if (view !== undefined) return ok({ kind: 'registered', owner, view });
      const alias = (await registry.aliases()).find((known) => known.alias === name);
      if (alias === undefined) continue;
      const touched = principal.kind === 'admin' ? ok(null) : mayTouchModels(principal, [alias.model]);
      return touched.ok ? this.find(principal, alias.model) : touched;
    }
    for (const owner of ownersFor(principal)) {
      const row = await this.parts.upstreams(owner).model(owner, text);
      if (row !== undefined) return ok({ kind: 'upstream', row });
    }
    const { items } = await this.list(principal, API_LIMITS.pageDefaultCount, undefined);
    const meant = closestTo(text, items.map(nameOf));
    return err(withSuggestion(absent(text).error, meant));
  }

  /** By the name of a registered model. Refuses with `model_not_found`. */
  async versions(
    principal: Principal,
    name: string,
    after: number,
    count: number,
  ): Promise<Outcome<readonly [ModelView, readonly VersionRecord[]]>> {
    const found = await this.#registered(principal, name);
    if (!found.ok) return found;
    const { owner, view } = found.value;
    return ok([view, await this.parts.registries(owner).versions(view.model.name, after, count)]);
  }

  async version(principal: Principal, name: string, number: number): Promise<Outcome<readonly [ModelView, VersionRecord]>> {
    const found = await this.#registered(principal, name);
    if (!found.ok) return found;
    const { owner, view } = found.value;
    const version = await this.parts.registries(owner).version(view.model.name, number);
    return version === undefined ? absent(`${name}@${number}`) : ok([view, version]);
  }

  /** A file of a version, for what computes with it elsewhere. Refuses with `model_not_found`, or with `file_not_found` what is none of its files. */
  async file(
    principal: Principal,
    name: string,
    number: number,
    sha256: string,
  ): Promise<Outcome<{ readonly owner: ModelOwner; readonly file: ServedFile }>> {
    const found = await this.#registered(principal, name);
    if (!found.ok) return found;
    const { owner, view } = found.value;
    // What the name stands for is known by now.
    const may = principal.kind === 'admin' ? ok(null) : mayTouchModels(principal, [view.model.name]);
    if (!may.ok) return may;
    const version = await this.parts.registries(owner).version(view.model.name, number);
    if (version === undefined) return absent(`${name}@${number}`);
    const file = version.isRetired ? undefined : version.manifest.files.find((one) => one.sha256 === sha256);
    return file === undefined ? noFile(name, sha256) : ok({ owner, file });
  }

  async history(principal: Principal, name: string, before: number, count: number): Promise<Outcome<readonly ModelEvent[]>> {
    const found = await this.#registered(principal, name);
    if (!found.ok) return found;
    const { owner, view } = found.value;
    return ok(await this.parts.registries(owner).history(view.model.name, before, count));
  }

  async #registered(principal: Principal, name: string): Promise<Outcome<Extract<ListedModel, { kind: 'registered' }>>> {
    const found = await this.find(principal, name);
    if (!found.ok || found.value.kind === 'registered') return found as Outcome<Extract<ListedModel, { kind: 'registered' }>>;
    return refuseResource('model_not_found', { kind: 'model', name }, `${name} is not registered: it has no versions`, 'model');
  }

  #builtin(manifest: ModelManifest, aliases: readonly string[] = []): ListedModel {
    return { kind: 'builtin', manifest, isNewest: findVersion(this.parts.builtin, manifest.id) === manifest, aliases };
  }

  #isBuiltin(name: string): boolean {
    return findVersion(this.parts.builtin, name) !== undefined;
  }
}

function nameOf(model: ListedModel): string {
  if (model.kind === 'upstream') return model.row.id;
  return model.kind === 'builtin' ? model.manifest.id : model.view.model.name;
}

/** As lists show it: older versions of the deployment's models have their version. */
function idOf(model: ListedModel): string {
  return model.kind === 'builtin' && !model.isNewest ? pinnedName(model.manifest) : nameOf(model);
}

const ownersFor = (principal: Principal): readonly ModelOwner[] =>
  principal.kind === 'admin' ? [PLATFORM] : [principal.tenantId, PLATFORM];

export const noFile = (model: string, sha256: string) =>
  refuseResource('file_not_found', { kind: 'file', name: sha256 }, `${model} has no such file`, 'sha256');

const absent = (name: string) =>
  refuseResource('model_not_found', { kind: 'model', name }, `there is no model ${JSON.stringify(name)}`, 'model');
