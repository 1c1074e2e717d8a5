import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { ModelRoute } from '../../inference/registry/model-route.ts';
import { namedModel } from '../../inference/registry/model-route.ts';
import { PLATFORM } from '../../inference/registry/version-manifest.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { ModelRegistries } from './model-registries.ts';

interface KnownRoute {
  readonly route: ModelRoute;
  /** Before it was asked for. */
  readonly askedAtMs: number;
  readonly bytes: number;
}

/**
 * What answers to the names of registered models, as an isolate believes for at most `modelRouteFreshMs` (M41). While the registries do not
 * answer it goes on with what it knows. That nothing answers to a name is not remembered: a model may be promoted at any moment.
 */
export class ModelRoutes {
  readonly #registries: ModelRegistries;
  readonly #clock: Clock;
  /** By tenant, name and contract; the one that was asked for the longest time ago goes first. */
  readonly #known = new Map<string, KnownRoute>();
  #bytes = 0;

  constructor(registries: ModelRegistries, clock: Clock) {
    this.#registries = registries;
    this.#clock = clock;
  }

  /**
   * The tenant's own model, else the platform's; with a contract, rather the one that has it (M44). Undefined: neither has one. Refuses with
   * `unavailable`.
   */
  async find(tenantId: TenantId, name: string, contractHash?: string): Promise<Outcome<ModelRoute | undefined>> {
    // `upstream/model`: names of registered models have no slash, and two objects need not be asked.
    if (name.includes('/')) return ok(undefined);
    const key = keyOf(tenantId, name, contractHash);
    const askedAtMs = this.#clock.nowMs();
    const known = this.#known.get(key);
    if (known !== undefined && askedAtMs - known.askedAtMs < MODEL_LIMITS.modelRouteFreshMs) return ok(known.route);
    try {
      const { name: model, version } = namedModel(name);
      const asked = [tenantId, PLATFORM].map((owner) => this.#registries(owner).route(owner, model, version, contractHash));
      const routes = (await Promise.all(asked)).filter((found) => found !== undefined);
      const route = routes.find((found) => found.kind === 'registered' && found.serving.contractHash === contractHash) ?? routes[0];
      this.#learn(key, route, askedAtMs);
      return ok(route);
    } catch {
      if (known !== undefined && askedAtMs - known.askedAtMs < MODEL_LIMITS.modelRouteStaleMs) return ok(known.route);
      return refuse('unavailable', 'the registry of models cannot be reached: repeat the call', 'model');
    }
  }

  /** The next call asks. */
  forget(tenantId: TenantId, name: string, contractHash?: string): void {
    this.#drop(keyOf(tenantId, name, contractHash));
  }

  #learn(key: string, route: ModelRoute | undefined, askedAtMs: number): void {
    this.#drop(key);
    if (route === undefined) return;
    const bytes = 2 * JSON.stringify(route).length;
    this.#known.set(key, { route, askedAtMs, bytes });
    this.#bytes += bytes;
    for (const [oldest] of this.#known) {
      if (this.#known.size <= MODEL_LIMITS.modelRoutesMaxCount && this.#bytes <= MODEL_LIMITS.modelRoutesBytesMax) break;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#known.get(key)?.bytes ?? 0;
    this.#known.delete(key);
  }
}

const keyOf = (tenantId: TenantId, name: string, contractHash = ''): string => `${tenantId}/${name}/${contractHash}`;
