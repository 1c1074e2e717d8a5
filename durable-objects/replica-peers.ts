import type { IndexManifest } from '../src/index/index-manifest.ts';
import { shardName } from '../src/index/index-manifest.ts';
import type { KeptReplica, PrimaryState, ReplicaPeers } from '../src/index/replicas/index-replicas.ts';
import { replicaName } from '../src/index/replicas/shard-member.ts';
import { RECALL_TARGET_DEFAULT } from '../src/contract/recall-target.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import type { ReplicaState, ReshardingEnv } from './resharding-stubs.ts';

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
    const { dimensions, metric, recall = RECALL_TARGET_DEFAULT } = this.#manifest;
    await this.#stub(replica).open({ indexId: replica.indexId, dimensions, metric, recall }, this.#primaryOf(replica));
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
