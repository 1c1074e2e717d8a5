import type { ModelReply } from '../../contract/models/models.ts';
import type { Remote } from '../../kernel/remote.ts';
import type { UpstreamOwner } from '../../upstreams/upstream-record.ts';
import type { UpstreamRegistry } from '../../upstreams/upstream-registry.ts';

/**
 * The upstreams of one owner, wherever they are stored. What concerns the routes and prompts of the owner too says whose they are: an object
 * does not know its own name.
 */
export interface UpstreamCalls extends Remote<Omit<UpstreamRegistry, 'models' | 'model' | 'erase'>> {
  /** Its models and routes, by the names that calls say. */
  models(owner: UpstreamOwner, after: string, count: number): Promise<readonly ModelReply[]>;
  model(owner: UpstreamOwner, name: string): Promise<ModelReply | undefined>;
  /** Its routes and prompts, too. */
  erase(owner: UpstreamOwner): Promise<void>;
}

export type UpstreamsOf = (owner: UpstreamOwner) => UpstreamCalls;
