import { indexObjectName, shardName } from '../src/index/index-manifest.ts';
import type { LocatorPeers } from '../src/index/locators/locator.ts';
import type { RouteSource } from '../src/index/routing/route-reader.ts';
import { RouteReader } from '../src/index/routing/route-reader.ts';
import { LIMITS } from '../src/contract/limits.ts';
import { DirectWakeUps } from '../src/kernel/wake-ups.ts';
import type { ReshardingEnv, IndexReshardingStub, ShardRowsStub } from './resharding-stubs.ts';
import type { LocatorIdentity } from './locator-identity.ts';
import { reach } from './reach.ts';

/** The objects that a locator asks. */
export function locatorPeers(env: ReshardingEnv, { tenantId, indexId, name }: LocatorIdentity): LocatorPeers {
  const index: IndexReshardingStub = env.INDEX.getByName(indexObjectName(tenantId, name));
  const shard = (ordinal: number): ShardRowsStub => env.SHARD.getByName(shardName({ tenantId, id: indexId }, ordinal));
  // All calls of a Durable Object have one I/O context: there the leader may wake its waiters.
  const reader = new RouteReader(LIMITS.locatorRouteBytesMax, { clock: { nowMs: () => Date.now() }, wakeUps: new DirectWakeUps() });
  const source: RouteSource = {
    indexId,
    outline: (known) => reach(() => index.outline(name, indexId, known)),
    regions: (district, since) => reach(() => index.regions(name, indexId, district, since)),
  };
  return {
    routes: () => reader.ask(source),
    put: (ordinal, rows) => reach(() => shard(ordinal).putRows(rows)),
    remove: (ordinal, removal) => reach(() => shard(ordinal).removeRows(removal)),
    clear: (ordinal, clearing) => reach(() => shard(ordinal).clearRows(clearing)),
  };
}
