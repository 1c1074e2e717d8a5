import { refuse } from '../src/contract/api/outcome.ts';
import { objectOf } from './object-of.ts';
import { TenantIndexRegistry } from './tenant-index-registry.ts';

const LOST = refuse('unavailable', 'the registry of the indexes has lost its storage: restore its file and repeat the call');

/** The registry, which refuses all calls but those that open it and ask for that until it was opened. */
const unlessLost = (registry: TenantIndexRegistry): TenantIndexRegistry =>
  new Proxy(registry, {
    get: (of, name: keyof TenantIndexRegistry) =>
      name === 'open' || name === 'isOpen' || of.isOpen() ? (of[name] as () => unknown).bind(of) : () => LOST,
  });

/**
 * The indexes of one tenant. It is opened before the tenant's first index, and then the tenant's organisation records that it exists. So a
 * registry that finds nothing in its storage has lost it, and refuses every call with `unavailable`: no index counts as deleted, or is
 * created anew. [T91]
 */
export class RegistryObject extends objectOf(TenantIndexRegistry, ({ storage }) => unlessLost(new TenantIndexRegistry(storage))) {}
