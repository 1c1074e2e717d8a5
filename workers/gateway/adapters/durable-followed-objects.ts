import type { Addressed, Caller, AccessMode } from '../../../src/ann/access-mode.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import { indexObjectName, locatorName, shardName } from '../../../src/index/index-manifest.ts';
import type { KeyedReceipt, ReceiptPage } from '../../../src/ann/receipts.ts';
import type { ChangeCursor, ShardChanges, ShardFollow } from '../../../src/ann/store/change-log.ts';
import type { RoutingSummary } from '../../../src/index/routing/routing-summary.ts';
import type { ShardStats } from '../../../src/ann/shard-protocol.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { FollowedObjects } from '../../../src/gateway/generations/followed-index.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { GatewayEnv } from '../env.ts';
import { ask } from './ask.ts';

/** What the objects do. */
interface GatedStub {
  receiptsBehind(indexId: IndexId, after: number): Promise<Outcome<ReceiptPage>>;
  adoptReceipts(to: Addressed, receipts: readonly KeyedReceipt[]): Promise<Outcome<null>>;
  setGate(indexId: IndexId, gate: AccessMode, run: number): Promise<Outcome<null>>;
}
interface ShardStub extends GatedStub {
  followedFrom(indexId: IndexId, lsnMin: number): Promise<Outcome<ChangeCursor>>;
  changesSince(follow: ShardFollow): Promise<Outcome<ShardChanges>>;
  stats(of: Addressed): Promise<Outcome<ShardStats>>;
}
interface LocatorStub extends GatedStub {
  counts(of: Addressed): Promise<Outcome<{ readonly ids: number }>>;
}
interface IndexStub {
  outline(name: string, indexId: IndexId, known: number): Promise<Outcome<RoutingSummary>>;
}

const UNREACHABLE = 'an object of the index cannot be reached';

/** The objects of a generation behind their names. */
export class DurableFollowedObjects implements FollowedObjects {
  readonly #env: Pick<GatewayEnv, 'INDEX' | 'LOCATOR' | 'SHARD'>;

  constructor(env: Pick<GatewayEnv, 'INDEX' | 'LOCATOR' | 'SHARD'>) {
    this.#env = env;
  }

  members({ tenantId, name, id }: IndexManifest): Promise<Outcome<RoutingSummary>> {
    const index: IndexStub = this.#env.INDEX.getByName(indexObjectName(tenantId, name));
    // Without anything about regions.
    return ask(UNREACHABLE, () => index.outline(name, id, Infinity));
  }

  followedFrom(manifest: IndexManifest, shard: number, lsnMin: number): Promise<Outcome<ChangeCursor>> {
    return ask(UNREACHABLE, () => this.#shard(manifest, shard).followedFrom(manifest.id, lsnMin));
  }

  changesSince(manifest: IndexManifest, shard: number, follow: ShardFollow): Promise<Outcome<ShardChanges>> {
    return ask(UNREACHABLE, () => this.#shard(manifest, shard).changesSince(follow));
  }

  receiptsBehind(manifest: IndexManifest, locator: number | null, after: number): Promise<Outcome<ReceiptPage>> {
    return ask(UNREACHABLE, () => this.#keeper(manifest, locator).receiptsBehind(manifest.id, after));
  }

  adoptReceipts(
    manifest: IndexManifest,
    locator: number | null,
    receipts: readonly KeyedReceipt[],
    caller: Caller,
  ): Promise<Outcome<null>> {
    return ask(UNREACHABLE, () => this.#keeper(manifest, locator).adoptReceipts({ indexId: manifest.id, caller }, receipts));
  }

  async shardCount(manifest: IndexManifest, shard: number, caller: Caller): Promise<Outcome<number>> {
    const stats = await ask(UNREACHABLE, () => this.#shard(manifest, shard).stats({ indexId: manifest.id, caller }));
    return stats.ok ? ok(stats.value.count) : stats;
  }

  async locatorCount(manifest: IndexManifest, locator: number, caller: Caller): Promise<Outcome<number>> {
    const counts = await ask(UNREACHABLE, () => this.#locator(manifest, locator).counts({ indexId: manifest.id, caller }));
    return counts.ok ? ok(counts.value.ids) : counts;
  }

  setShardGate(manifest: IndexManifest, shard: number, gate: AccessMode, run: number): Promise<Outcome<null>> {
    return ask(UNREACHABLE, () => this.#shard(manifest, shard).setGate(manifest.id, gate, run));
  }

  setLocatorGate(manifest: IndexManifest, locator: number, gate: AccessMode, run: number): Promise<Outcome<null>> {
    return ask(UNREACHABLE, () => this.#locator(manifest, locator).setGate(manifest.id, gate, run));
  }

  #keeper(manifest: IndexManifest, locator: number | null): GatedStub {
    return locator === null ? this.#shard(manifest, 0) : this.#locator(manifest, locator);
  }

  #shard(manifest: IndexManifest, ordinal: number): ShardStub {
    return this.#env.SHARD.getByName(shardName(manifest, ordinal));
  }

  #locator(manifest: IndexManifest, ordinal: number): LocatorStub {
    return this.#env.LOCATOR.getByName(locatorName(manifest, ordinal));
  }
}
