import { DurableObject } from 'cloudflare:workers';

import type { ModelReply } from '../src/contract/models.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import type { WriteLease } from '../src/contract/write-lease.ts';
import type { KeyedRequest } from '../src/kernel/sql/spent-keys.ts';
import type { NamedRoute } from '../src/upstreams/model-rows.ts';
import type { UpstreamRecord } from '../src/upstreams/upstream-record.ts';
import type { NewUpstream, UpstreamChange, UpstreamSnapshot } from '../src/upstreams/upstream-registry.ts';
import { UpstreamRegistry } from '../src/upstreams/upstream-registry.ts';
import type { ObjectNamespace } from './object-namespace.ts';
import { systemClock } from './system-time.ts';

/** The objects of the same owner's prompts and routes. */
interface PromptsStub {
  erase(): Promise<void>;
}
interface RoutesStub extends PromptsStub {
  served(): Promise<readonly NamedRoute[]>;
}

interface UpstreamObjectEnv {
  readonly ROUTES: ObjectNamespace<RoutesStub>;
  readonly PROMPTS: ObjectNamespace<PromptsStub>;
}

/** The upstreams of one owner: of a tenant, or of the platform. Secrets are sealed before they come here. See `UpstreamRegistry`. */
export class UpstreamObject extends DurableObject<UpstreamObjectEnv> {
  readonly #registry = new UpstreamRegistry(this.ctx.storage, systemClock);

  create(next: NewUpstream, request: KeyedRequest | null, lease: WriteLease | undefined): Outcome<UpstreamRecord> {
    return this.#registry.create(next, request, lease);
  }

  change(change: UpstreamChange, lease: WriteLease | undefined): Outcome<UpstreamRecord> {
    return this.#registry.change(change, lease);
  }

  remove(name: string, lease: WriteLease | undefined): Outcome<null> {
    return this.#registry.remove(name, lease);
  }

  find(name: string): UpstreamRecord | null {
    return this.#registry.find(name) ?? null;
  }

  page(after: string, count: number): readonly UpstreamRecord[] {
    return this.#registry.page(after, count);
  }

  /** With the routes of the owner, which callers name as models. */
  async models(owner: string, after: string, count: number): Promise<readonly ModelReply[]> {
    return this.#registry.models(await this.env.ROUTES.getByName(owner).served(), after, count);
  }

  async model(owner: string, name: string): Promise<ModelReply | null> {
    return this.#registry.model(await this.env.ROUTES.getByName(owner).served(), name) ?? null;
  }

  count(): number {
    return this.#registry.count();
  }

  /** All of them; null: nothing was changed since that revision. */
  snapshot(known: number | null): UpstreamSnapshot | null {
    return this.#registry.snapshot(known);
  }

  /** Deletes everything, the routes and prompts of its owner included; later writes are refused. */
  async erase(owner: string): Promise<void> {
    await this.env.ROUTES.getByName(owner).erase();
    await this.env.PROMPTS.getByName(owner).erase();
    this.#registry.erase();
  }
}
