import { IndexObject as DeployedIndexObject } from '../../../durable-objects/index-object.ts';
import { RegistryObject as DeployedRegistryObject } from '../../../durable-objects/registry-object.ts';
import type { GroupSizes } from '../../../src/index/routing/shard-groups.ts';
import { GROUP_SIZES } from '../../../src/index/routing/shard-groups.ts';

export { LocatorObject } from '../../../durable-objects/locator-object.ts';
export { ReplicaObject } from '../../../durable-objects/replica-object.ts';
export { ShardObject } from '../../../durable-objects/shard-object.ts';

/** Indexes with a certain name get tiny shard groups, and so several of them. */
export class IndexObject extends DeployedIndexObject {
  protected override readonly groupSizes: GroupSizes =
    this.ctx.id.name?.includes('groups') === true ? { shardsMax: 3, shardsMin: 2 } : GROUP_SIZES;
}

/** Registries are open, as gateways find them, except for certain names. */
export class RegistryObject extends DeployedRegistryObject {
  constructor(...args: ConstructorParameters<typeof DeployedRegistryObject>) {
    super(...args);
    if (this.ctx.id.name?.includes('unopened') !== true) this.open();
  }
}

export default { fetch: () => new Response(null, { status: 404 }) } satisfies ExportedHandler;
