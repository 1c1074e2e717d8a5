import type { Erasure } from '../src/ann/erasure.ts';
import { followerId } from '../src/ann/generations/gate.ts';
import type { IndexManifest } from '../src/ann/index-manifest.ts';
import { locatorName, shardName } from '../src/ann/index-manifest.ts';
import type { IndexObjects } from '../src/ann/routing/index-growth.ts';
import type { ShardStats } from '../src/ann/shard-protocol.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import type { GrowthEnv } from './growth-stubs.ts';

type Env = Pick<GrowthEnv, 'SHARD' | 'LOCATOR'>;

/** Every object that may hold something of an index: counted, and erased. */
export class IndexErasure {
  readonly #env: Env;
  readonly #manifest: IndexManifest;
  readonly #indexIds: readonly IndexManifest[];
  /** The serving generation's first. */
  readonly #shards: readonly { readonly manifest: IndexManifest; readonly ordinal: number }[];
  readonly #locators: readonly number[];

  /** `shadow`: the generation beside the serving one, whose `objects` those are. */
  constructor(env: Env, manifest: IndexManifest, shadow: IndexManifest | undefined, { shards, locators }: IndexObjects) {
    this.#env = env;
    this.#manifest = manifest;
    this.#indexIds = shadow === undefined ? [manifest] : [manifest, shadow];
    const serving = shards.map((ordinal) => ({ manifest, ordinal }));
    this.#shards = shadow === undefined ? serving : [...serving, { manifest: shadow, ordinal: 0 }];
    this.#locators = locators;
  }

  async count(nowMs: number): Promise<Erasure> {
    const stats: Outcome<ShardStats>[] = await Promise.all(
      this.#shards.map(({ manifest, ordinal }) => this.#shard(manifest, ordinal).stats(followerId(manifest.id, 0))),
    );
    // A shard that was never opened holds nothing.
    const held = stats.map((answer) => (answer.ok ? answer.value : { count: 0, storageBytes: 0 }));
    const ids = await Promise.all(this.#locators.map((ordinal) => this.#locator(ordinal).counts(this.#manifest.id)));
    const { id, tenantId, name } = this.#manifest;
    return {
      id,
      tenantId,
      name,
      indexIds: this.#indexIds.map((manifest) => manifest.id),
      shards: this.#shards.map(({ manifest, ordinal }) => shardName(manifest, ordinal)),
      ...(ids.length === 0 ? {} : { locators: this.#locators.map((ordinal) => locatorName(this.#manifest, ordinal)) }),
      // Of several shards, the locators know each id once.
      vectors: ids.length === 0 ? (held[0]?.count ?? 0) : ids.reduce((sum, counts) => sum + (counts.ok ? counts.value.ids : 0), 0),
      bytes: held.reduce((sum, { storageBytes }) => sum + storageBytes, 0),
      erasedAtMs: nowMs,
    };
  }

  /** Repeating it changes nothing. Those who write to shards go first. */
  async erase(): Promise<void> {
    await Promise.all(this.#locators.map((ordinal) => this.#locator(ordinal).erase()));
    await Promise.all(this.#shards.map(({ manifest, ordinal }) => this.#shard(manifest, ordinal).erase(manifest.id)));
  }

  #shard(manifest: IndexManifest, ordinal: number) {
    return this.#env.SHARD.getByName(shardName(manifest, ordinal));
  }

  #locator(ordinal: number) {
    return this.#env.LOCATOR.getByName(locatorName(this.#manifest, ordinal));
  }
}
