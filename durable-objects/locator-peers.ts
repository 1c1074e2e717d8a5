import { indexObjectName, shardName } from '../src/ann/index-manifest.ts';
import type { LocatorPeers } from '../src/ann/routing/locator.ts';
import type { GrowthEnv, IndexGrowthStub, ShardRowsStub } from './growth-stubs.ts';
import type { LocatorIdentity } from './locator-identity.ts';
import { reach } from './reach.ts';

/** The objects that a locator asks. */
export function locatorPeers(env: GrowthEnv, { tenantId, indexId, name }: LocatorIdentity): LocatorPeers {
  const index: IndexGrowthStub = env.INDEX.getByName(indexObjectName(tenantId, name));
  const shard = (ordinal: number): ShardRowsStub => env.SHARD.getByName(shardName({ tenantId, id: indexId }, ordinal));
  return {
    routes: () => reach(() => index.routes(name, indexId)),
    put: (ordinal, rows) => reach(() => shard(ordinal).putRows(rows)),
    remove: (ordinal, removal) => reach(() => shard(ordinal).removeRows(removal)),
    clear: (ordinal, clearing) => reach(() => shard(ordinal).clearRows(clearing)),
  };
}
