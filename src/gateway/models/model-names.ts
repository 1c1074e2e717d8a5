import { pinnedName } from '../../contract/api/model-name.ts';
import type { ModelManifest } from '../../inference/model-manifest.ts';
import { findVersion } from '../../inference/model-manifest.ts';
import { namedModel } from '../../inference/registry/model-route.ts';
import type { ModelOwner } from '../../inference/registry/version-manifest.ts';
import { PLATFORM } from '../../inference/registry/version-manifest.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { Composed } from '../api/composed.ts';
import type { UpstreamCalls } from '../upstreams/upstream-calls.ts';
import type { ModelRegistries } from './model-registries.ts';

/** One thing that a name means. A name may have two: embeddings ask models of the deployment and registered ones first, chats those of upstreams. */
export interface NamedThing {
  readonly kind: 'model' | 'upstream';
  /**
   * The name that what it answered is found by: of a model its own, whatever alias was said; of an upstream's model or a route the one that was
   * said, as its answers are found by each of theirs.
   */
  readonly name: string;
  /** Undefined: all versions of it. */
  readonly version: string | undefined;
}

interface NameParts {
  readonly registries: ModelRegistries;
  readonly builtin: readonly ModelManifest[];
  readonly upstreams: (owner: ModelOwner) => Pick<UpstreamCalls, 'model'>;
}

/**
 * What a tenant's names of models mean where nothing is called: a name, an alias, either with a version, a model of an upstream with or without the
 * upstream's name, a route. As calls have it, and as the registry says it now: nothing is remembered. [M98]
 */
export class ModelNames extends Composed<NameParts> {
  /** Empty: the name means nothing. Rejects while a registry cannot be reached. */
  async meaningsOf(tenantId: TenantId, text: string): Promise<readonly NamedThing[]> {
    const [model, isUpstreams] = await Promise.all([this.#modelOf(tenantId, text), this.#isUpstreams(tenantId, text)]);
    const things = model === undefined ? [] : [model];
    return isUpstreams ? [...things, { kind: 'upstream', name: text, version: undefined }] : things;
  }

  /** [M40] Of the deployment, else of the tenant, else of the platform. */
  async #modelOf(tenantId: TenantId, text: string): Promise<NamedThing | undefined> {
    const own = this.#builtin(text);
    if (own !== undefined) return own;
    // Names of registered models and aliases have no slash.
    if (text.includes('/')) return undefined;
    const { name, version } = namedModel(text);
    const [tenants, platforms] = await Promise.all([tenantId, PLATFORM].map((owner) => this.#registered(owner, name, version)));
    return tenants ?? platforms;
  }

  #builtin(text: string): NamedThing | undefined {
    const manifest = findVersion(this.parts.builtin, text);
    return manifest && { kind: 'model', name: manifest.id, version: text === pinnedName(manifest) ? manifest.version : undefined };
  }

  async #registered(owner: ModelOwner, name: string, asked: number | undefined): Promise<NamedThing | undefined> {
    const registry = this.parts.registries(owner);
    const alias = (await registry.aliases()).find((known) => known.alias === name);
    const model = alias?.model ?? name;
    const version = asked ?? alias?.version ?? undefined;
    const known = version === undefined ? await registry.find(model) : await registry.version(model, version);
    if (known !== undefined) return { kind: 'model', name: model, version: version === undefined ? undefined : String(version) };
    return alias === undefined ? undefined : this.#builtin(version === undefined ? model : `${model}@${version}`);
  }

  async #isUpstreams(tenantId: TenantId, text: string): Promise<boolean> {
    const rows = await Promise.all([tenantId, PLATFORM].map((owner) => this.parts.upstreams(owner).model(owner, text)));
    return rows.some((row) => row !== undefined);
  }
}
