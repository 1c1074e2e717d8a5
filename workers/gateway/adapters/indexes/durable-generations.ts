import type { IndexObject } from '../../../../durable-objects/index-object.ts';
import type { AccessMode, Caller } from '../../../../src/ann/access-mode.ts';
import type { KeyedReceipt, ReceiptPage } from '../../../../src/ann/receipts.ts';
import type { ChangeCursor, ShardChanges, ShardFollow } from '../../../../src/ann/store/change-log.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { Authority } from '../../../../src/contract/tenancy/write-lease.ts';
import { underAuthority } from '../../../../src/contract/tenancy/write-lease.ts';
import type { FollowedObjects } from '../../../../src/gateway/indexes/generations/followed-index.ts';
import type { GenerationStore } from '../../../../src/gateway/indexes/generations/generation-store.ts';
import type { GenerationCall, Generations } from '../../../../src/index/generations/generation-state.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { indexObjectName, locatorName, shardName } from '../../../../src/index/index-manifest.ts';
import type { RoutingSummary } from '../../../../src/index/routing/routing-summary.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { GatewayEnv } from '../../env.ts';
import { ask } from '../api/ask.ts';
import type { Remote } from '../../../../src/kernel/remote.ts';
import type { LocatorObject } from '../../../../durable-objects/locator-object.ts';
import type { ShardObject } from '../../../../durable-objects/shard-object.ts';

/** What the object does. */
type IndexStub = Remote<Pick<IndexObject, 'generations' | 'routingSummary'>>;

/** The generations of indexes behind their Durable Objects. */
export class DurableGenerations implements GenerationStore {
  readonly #indexes: DurableObjectNamespace<IndexObject>;

  constructor(indexes: DurableObjectNamespace<IndexObject>) {
    this.#indexes = indexes;
  }

  call(tenantId: TenantId, name: string, call: GenerationCall, authority: Authority | null): Promise<Outcome<Generations>> {
    // As with every stub, the generated types lose branded ids on the way.
    const stub = this.#indexes.getByName(indexObjectName(tenantId, name)) as unknown as IndexStub;
    const unsure = 'the generations may not have changed: ask for them';
    return underAuthority(authority, (lease) => ask(unsure, () => stub.generations(name, call, lease)));
  }
}

/** Wakes the object that works on the generations of an index. */
export const wakeOf =
  (env: GatewayEnv) =>
  (tenantId: TenantId, name: string): Promise<Outcome<null>> =>
    ask('the work on generations cannot be begun', async () => {
      await env.GENERATION.getByName(indexObjectName(tenantId, name)).watch(tenantId, name);
      return ok(null);
    });

/** What the objects do. */
type AccessStub = Remote<Pick<LocatorObject, 'receiptsBehind' | 'adoptReceipts' | 'setAccess'>>;
type ShardStub = AccessStub & Remote<Pick<ShardObject, 'followedFrom' | 'changesSince' | 'stats'>>;
type LocatorStub = AccessStub & Remote<Pick<LocatorObject, 'counts'>>;
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
    return ask(UNREACHABLE, () => index.routingSummary(name, id, Infinity));
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

  setShardAccess(manifest: IndexManifest, shard: number, mode: AccessMode, fencingToken: number): Promise<Outcome<null>> {
    return ask(UNREACHABLE, () => this.#shard(manifest, shard).setAccess(manifest.id, mode, fencingToken));
  }

  setLocatorAccess(manifest: IndexManifest, locator: number, mode: AccessMode, fencingToken: number): Promise<Outcome<null>> {
    return ask(UNREACHABLE, () => this.#locator(manifest, locator).setAccess(manifest.id, mode, fencingToken));
  }

  #keeper(manifest: IndexManifest, locator: number | null): AccessStub {
    return locator === null ? this.#shard(manifest, 0) : this.#locator(manifest, locator);
  }

  #shard(manifest: IndexManifest, ordinal: number): ShardStub {
    return this.#env.SHARD.getByName(shardName(manifest, ordinal));
  }

  #locator(manifest: IndexManifest, ordinal: number): LocatorStub {
    return this.#env.LOCATOR.getByName(locatorName(manifest, ordinal));
  }
}
