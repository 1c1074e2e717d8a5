import { refuse } from '../src/contract/outcome.ts';
import { objectOf } from './domain-object.ts';
import { TenantIndexRegistry } from './tenant-index-registry.ts';

const CALLS = [
  'open',
  'isOpen',
  'reserve',
  'admits',
  'close',
  'taken',
  'confirm',
  'withdraw',
  'release',
  'nameOf',
  'isTaken',
  'changeAliases',
  'aliasPage',
  'keepErasure',
  'erasure',
  'holds',
  'replace',
  'page',
] as const satisfies readonly (keyof TenantIndexRegistry)[];

const LOST = refuse('unavailable', 'the registry of the indexes has lost its storage: restore its file and repeat the call');

/**
 * The indexes of one tenant. It is opened before the tenant's first index, and then the tenant's organisation records that it exists. So a
 * registry that finds nothing in its storage has lost it, and refuses every call with `unavailable`: no index counts as deleted, or is
 * created anew. [T91]
 */
export class RegistryObject extends objectOf(TenantIndexRegistry, CALLS, (registry, name) =>
  name === 'open' || name === 'isOpen' || registry.isOpen() ? undefined : LOST,
) {}
