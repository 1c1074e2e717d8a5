import type { ModelReply } from '../src/contract/models/models.ts';
import type { Remote } from '../src/kernel/remote.ts';
import type { PromptRegistry } from '../src/upstreams/prompts/prompt-registry.ts';
import type { RouteRegistry } from '../src/upstreams/routes/route-registry.ts';
import { UpstreamRegistry } from '../src/upstreams/upstream-registry.ts';
import type { ObjectNamespace } from './object-namespace.ts';
import { objectOf } from './object-of.ts';
import { systemClock } from './system-time.ts';

/** The objects of the same owner's prompts and routes. */
interface UpstreamObjectEnv {
  readonly ROUTES: ObjectNamespace<Remote<Pick<RouteRegistry, 'erase' | 'served'>>>;
  readonly PROMPTS: ObjectNamespace<Remote<Pick<PromptRegistry, 'erase'>>>;
}

/** What the object answers for the prompts and routes of its owner, too. It does not know its own name. */
type OfOwner = 'models' | 'model' | 'erase';

const UpstreamService = objectOf<UpstreamRegistry, UpstreamObjectEnv, Exclude<keyof UpstreamRegistry, OfOwner>>(
  UpstreamRegistry,
  ({ storage }) => new UpstreamRegistry(storage, systemClock),
);

/** The upstreams of one owner: of a tenant, or of the platform. Secrets are sealed before they come here. */
export class UpstreamObject extends UpstreamService {
  /** With the routes of the owner, which callers name as models. */
  async models(owner: string, after: string, count: number): Promise<readonly ModelReply[]> {
    return this.service.models(await this.env.ROUTES.getByName(owner).served(), after, count);
  }

  async model(owner: string, name: string): Promise<ModelReply | undefined> {
    return this.service.model(await this.env.ROUTES.getByName(owner).served(), name);
  }

  /** Deletes everything, the routes and prompts of its owner included; later writes are refused. */
  async erase(owner: string): Promise<void> {
    await this.env.ROUTES.getByName(owner).erase();
    await this.env.PROMPTS.getByName(owner).erase();
    this.service.erase();
  }
}
