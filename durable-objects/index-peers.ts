import type { ShardIdentity } from '../src/ann/shard-protocol.ts';
import { INDEX_LIMITS } from '../src/contract/indexes/index-limits.ts';
import { RECALL_TARGET_DEFAULT } from '../src/contract/indexes/index-settings.ts';
import type { Beside } from '../src/index/generations/generation-state.ts';
import type { IndexManifest } from '../src/index/index-manifest.ts';
import { locatorName, shardName, replicaName } from '../src/index/index-manifest.ts';
import type { KeptReplica, PrimaryState, ReplicaPeers } from '../src/index/replicas/index-replicas.ts';
import type { ReshardingPeers } from '../src/index/resharding/index-resharding.ts';
import { shardBudget } from '../src/index/resharding/shard-budget.ts';
import type { DrainOrder, ShardRoute } from '../src/index/routing/shard-route.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import type { ReplicaState, ReshardingEnv } from './resharding-stubs.ts';

/** The objects of one index, as its own object opens, orders about and erases them. */
export class IndexPeers implements ReshardingPeers {
  readonly #env: ReshardingEnv;
  readonly #manifest: IndexManifest;
  readonly #beside: () => Beside;

  constructor(env: ReshardingEnv, manifest: IndexManifest, beside: () => Beside = () => ALONE) {
    this.#beside = beside;
    this.#env = env;
    this.#manifest = manifest;
  }

  async openShard(ordinal: number, since: number, locators: number): Promise<void> {
    const { id: indexId, tenantId, name } = this.#manifest;
    const budget = shardBudget(this.#manifest);
    const route: ShardRoute = { tenantId, name, ordinal, since, budget, locators, isFenced: false, task: null };
    await this.#shard(ordinal).open(identityOf(this.#manifest, indexId), route, this.#beside());
  }

  async openLocator(ordinal: number): Promise<void> {
    const { id: indexId, tenantId, name } = this.#manifest;
    await this.#locator(ordinal).open({ indexId, tenantId, name, ordinal, locators: INDEX_LIMITS.locatorsCount }, this.#beside().mode);
  }

  async export(locators: number): Promise<void> {
    await this.#shard(0).export(locators);
  }

  drain(ordinal: number, order: DrainOrder): Promise<number> {
    return this.#shard(ordinal).drain(order);
  }

  async raise(ordinal: number, lsn: number): Promise<void> {
    await this.#shard(ordinal).raise(lsn);
  }

  async eraseShard(ordinal: number): Promise<void> {
    await this.#shard(ordinal).erase(this.#manifest.id);
  }

  #shard(ordinal: number) {
    return this.#env.SHARD.getByName(shardName(this.#manifest, ordinal));
  }

  #locator(ordinal: number) {
    return this.#env.LOCATOR.getByName(locatorName(this.#manifest, ordinal));
  }
}

const ALONE: Beside = { mode: 'open', isFollowed: false };

/** The replicas of an index's shards, as its own object opens, asks and erases them. */
export class ReplicaPeersOf implements ReplicaPeers {
  readonly #env: ReshardingEnv;
  readonly #manifest: IndexManifest;

  constructor(env: ReshardingEnv, manifest: IndexManifest) {
    this.#env = env;
    this.#manifest = manifest;
  }

  get indexId(): IndexId {
    return this.#manifest.id;
  }

  primary(shard: number): Promise<PrimaryState | undefined> {
    const stub = this.#env.SHARD.getByName(shardName(this.#manifest, shard));
    return orNothing(() => stub.standing());
  }

  replica(replica: KeptReplica, lsnMin?: number): Promise<ReplicaState | undefined> {
    return orNothing(() => this.#stub(replica).state(lsnMin));
  }

  async open(replica: KeptReplica): Promise<void> {
    await this.#stub(replica).open(identityOf(this.#manifest, replica.indexId), this.#primaryOf(replica));
  }

  async erase(replica: KeptReplica): Promise<void> {
    await this.#stub(replica).erase(replica.indexId);
  }

  /** The name of its primary, which may belong to another generation than the one that serves. */
  #primaryOf({ indexId, shard }: KeptReplica): string {
    return shardName({ tenantId: this.#manifest.tenantId, id: indexId }, shard);
  }

  #stub(replica: KeptReplica) {
    const { location } = replica;
    const name = replicaName(this.#primaryOf(replica), replica.replica);
    const near = location === null ? {} : { locationHint: location as DurableObjectLocationHint };
    return this.#env.REPLICA.getByName(name, near);
  }
}

async function orNothing<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch {
    return undefined;
  }
}

const identityOf = ({ dimensions, metric, recall = RECALL_TARGET_DEFAULT, fields }: IndexManifest, indexId: IndexId): ShardIdentity => ({
  indexId,
  dimensions,
  metric,
  recall,
  ...(fields === undefined ? {} : { fields }),
});
