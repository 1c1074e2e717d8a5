import type { Erasure } from '../src/ann/erasure.ts';
import { followerId } from '../src/ann/generations/gate.ts';
import type { IndexManifest } from '../src/ann/index-manifest.ts';
import { shardName } from '../src/ann/index-manifest.ts';
import type { ShardStats } from '../src/ann/shard-protocol.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import type { ObjectsEnv } from './env.ts';

/** Every object that may hold something of an index: counted, and erased. */
export class IndexErasure {
  readonly #env: Pick<ObjectsEnv, 'SHARD'>;
  readonly #manifest: IndexManifest;
  readonly #all: readonly IndexManifest[];

  /** `shadow`: the generation beside the serving one. */
  constructor(env: Pick<ObjectsEnv, 'SHARD'>, manifest: IndexManifest, shadow: IndexManifest | undefined) {
    this.#env = env;
    this.#manifest = manifest;
    this.#all = shadow === undefined ? [manifest] : [manifest, shadow];
  }

  async count(nowMs: number): Promise<Erasure> {
    const stats: Outcome<ShardStats>[] = await Promise.all(
      this.#all.map((manifest) => this.#shard(manifest).stats(followerId(manifest.id, 0))),
    );
    // A shard that was never opened holds nothing.
    const held = stats.map((answer) => (answer.ok ? answer.value : { count: 0, storageBytes: 0 }));
    const { id, tenantId, name } = this.#manifest;
    return {
      id,
      tenantId,
      name,
      indexIds: this.#all.map((manifest) => manifest.id),
      shards: this.#all.map((manifest) => shardName(manifest)),
      vectors: held[0]?.count ?? 0,
      bytes: held.reduce((sum, { storageBytes }) => sum + storageBytes, 0),
      erasedAtMs: nowMs,
    };
  }

  /** Repeating it changes nothing. */
  async erase(): Promise<void> {
    for (const manifest of this.#all) await this.#shard(manifest).erase(manifest.id);
  }

  #shard(manifest: IndexManifest) {
    return this.#env.SHARD.getByName(shardName(manifest));
  }
}
