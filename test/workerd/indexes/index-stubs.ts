import { env } from 'cloudflare:workers';

import type { IndexObject } from '../../../durable-objects/index-object.ts';
import type { LocatorObject } from '../../../durable-objects/locator-object.ts';
import type { RegistryObject } from '../../../durable-objects/registry-object.ts';
import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import type { Creation } from '../../../src/index/index-lifecycle.ts';
import { indexObjectName, shardName } from '../../../src/index/index-manifest.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { IndexId, TenantId } from '../../../src/kernel/ids.ts';

interface IndexesEnv {
  readonly INDEX: DurableObjectNamespace<IndexObject>;
  readonly REGISTRY: DurableObjectNamespace<RegistryObject>;
  readonly SHARD: DurableObjectNamespace<ShardObject>;
  readonly LOCATOR: DurableObjectNamespace<LocatorObject>;
}

export const { INDEX, LOCATOR, REGISTRY, SHARD } = env as unknown as IndexesEnv;
export const ONCE: Creation = { idempotencyKey: null, bodyDigest: 'd' };

let serial = 0;
export const freshTenant = () => `tn_${(serial += 1)}` as TenantId;

export const manifestOf = (tenantId: TenantId, name: string): IndexManifest => ({
  id: `ix_${(serial += 1)}` as IndexId,
  tenantId,
  name,
  dimensions: 2,
  metric: 'dot',
  embedding: null,
  owner: 'search',
  createdS: 1,
  generation: 1,
});

export const indexOf = ({ tenantId, name }: Pick<IndexManifest, 'tenantId' | 'name'>) => INDEX.getByName(indexObjectName(tenantId, name));
export const shardOf = (manifest: IndexManifest) => SHARD.getByName(shardName(manifest));
export const listed = async (tenantId: TenantId) =>
  value(await REGISTRY.getByName(tenantId).page(undefined, 100)).indexes.map(({ name }) => name);

export function value<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
  return outcome.value;
}
