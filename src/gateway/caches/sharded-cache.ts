import type { CacheLayout, Shard } from '../../cache/cache-layout.ts';
import { batchRows, joinRows, withNumbers } from '../../cache/vector-rows.ts';
import { rendezvousShard } from '../../cache/cache-layout.ts';
import type { NewVector, StoredVector, StoredVectors, VectorOrigin } from '../../cache/stored-vector.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { WriteLease } from '../../contract/tenancy/write-lease.ts';
import { must } from '../../kernel/assert.ts';
import type { CacheOwnerId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Acting } from '../tenancy/authority.ts';
import { underAuthority } from '../../contract/tenancy/write-lease.ts';
import { Composed } from '../api/composed.ts';

/** A vector that the second level held. */
export interface FoundVector extends StoredVector {
  readonly vector: Float32Array<ArrayBuffer>;
}

/** The cache that all isolates share. It may fail at any time: then it answers nothing and keeps nothing, but never rejects. */
export interface SecondLevel {
  /** What is held in the vector space of `origin`, whatever made it. What is moved meanwhile is so in the name of `acting`. */
  get(owner: CacheOwnerId, origin: VectorOrigin, digests: readonly string[], acting: Acting): Promise<readonly FoundVector[]>;
  /** Row `i` of `vectors` is the vector of `entries[i]` (`numbers` long). Keeps nothing once the right of `acting` has ended. */
  put(
    owner: CacheOwnerId,
    origin: VectorOrigin,
    entries: readonly NewVector[],
    vectors: Float32Array<ArrayBuffer>,
    acting: Acting,
  ): Promise<void>;
}

/** One shard of one cache. Its calls reject when it does not answer in time. */
export interface CacheShard {
  get(contractHash: string, digests: readonly string[]): Promise<StoredVectors>;
  /** Refuses with `lease_expired`. */
  put(
    origin: VectorOrigin,
    entries: readonly NewVector[],
    vectors: Float32Array<ArrayBuffer>,
    lease: WriteLease | undefined,
  ): Promise<Outcome<null>>;
}

export interface ShardedCacheParts {
  readonly layout: CacheLayout;
  readonly shardOf: (owner: CacheOwnerId, name: string) => CacheShard;
  readonly background: Background;
  readonly onFailure: () => void;
}

/**
 * One call to each shard that holds some of the digests; a shard that fails is as good as empty.
 *
 * While entries move, what is missing where it belongs is looked for where it was, and copied: an entry that is asked for in that time is
 * not lost. One that is not is computed again afterwards.
 */
export class ShardedCache extends Composed<ShardedCacheParts> implements SecondLevel {
  async get(owner: CacheOwnerId, origin: VectorOrigin, digests: readonly string[], acting: Acting): Promise<readonly FoundVector[]> {
    const { shards } = this.parts.layout;
    const all = [...digests.keys()];
    const found = await this.#find(owner, origin, digests, all, shards);
    const moved = await this.#findMoved(owner, origin, digests, found, acting);
    return moved.length === 0 ? found : [...found, ...moved];
  }

  async put(
    owner: CacheOwnerId,
    origin: VectorOrigin,
    entries: readonly NewVector[],
    vectors: Float32Array<ArrayBuffer>,
    { authority }: Acting,
  ): Promise<void> {
    const all = batchRows(entries, vectors);
    const digests = entries.map(({ digest }) => digest);
    await this.#eachShard(owner, digests, [...digests.keys()], this.parts.layout.shards, async (shard, members) => {
      const rows = joinRows(members.map((at) => must(all[at], 'a vector for each entry'))).vectors;
      const ofShard = members.map((at) => must(entries[at], 'a member of the batch'));
      // [T71] A refusal is no failure: what may not be stored, or cannot be verified, is not stored.
      await underAuthority<null>(authority, async (lease) => (lease?.isUnconfirmed ? ok(null) : shard.put(origin, ofShard, rows, lease)));
    });
  }

  async #find(
    owner: CacheOwnerId,
    { contractHash }: VectorOrigin,
    digests: readonly string[],
    wanted: readonly number[],
    shards: readonly Shard[],
  ): Promise<FoundVector[]> {
    const found = await this.#eachShard(owner, digests, wanted, shards, async (shard, members): Promise<FoundVector[]> => {
      const asked = members.map((at) => must(digests[at], 'a member of the batch'));
      const { entries, vectors } = await shard.get(contractHash, asked);
      const rows = batchRows(entries, vectors);
      return entries.map((entry, row) => {
        const at = must(members[entry.at], 'a shard answers what it was asked');
        return { ...entry, at, vector: must(rows[row], 'a vector for each entry').slice() };
      });
    });
    return found.flat();
  }

  async #findMoved(
    owner: CacheOwnerId,
    origin: VectorOrigin,
    digests: readonly string[],
    found: readonly FoundVector[],
    acting: Acting,
  ): Promise<FoundVector[]> {
    const { shards, before } = this.parts.layout;
    if (before.length === 0 || found.length === digests.length) return [];
    const here = new Set(found.map(({ at }) => at));
    const wanted = [...digests.keys()].filter((at) => {
      const digest = must(digests[at], 'a member of the batch');
      return !here.has(at) && nameOf(digest, shards) !== nameOf(digest, before);
    });
    const moved = await this.#find(owner, origin, digests, wanted, before);
    // What a neighbour brought into a shared cache is not brought again in the name of the caller.
    const own = moved.filter(({ filledBy }) => filledBy === undefined || filledBy === acting.principal.tenantId);
    if (own.length > 0) this.parts.background(this.#copy(owner, origin, digests, own, acting));
    return moved;
  }

  async #copy(
    owner: CacheOwnerId,
    origin: VectorOrigin,
    digests: readonly string[],
    moved: readonly FoundVector[],
    acting: Acting,
  ): Promise<void> {
    const { tenantId: filledBy } = acting.principal;
    const entries = moved.map(({ at, position, knownMs, tags, ageMs, ttlMs }): NewVector => {
      return { digest: must(digests[at], 'a member of the batch'), position, knownMs, filledBy, tags, ageMs, ttlMs };
    });
    const { vectors, lengths } = joinRows(moved.map(({ vector }) => vector));
    await this.put(owner, origin, withNumbers(entries, lengths), vectors, acting);
  }

  /** Calls each of `shards` that has members in `wanted`, all at once; leaves out those that fail. */
  async #eachShard<T>(
    owner: CacheOwnerId,
    digests: readonly string[],
    wanted: readonly number[],
    shards: readonly Shard[],
    call: (shard: CacheShard, members: readonly number[]) => Promise<T>,
  ): Promise<T[]> {
    const members = shards.map((): number[] => []);
    for (const at of wanted) members[rendezvousShard(must(digests[at], 'a member of the batch'), shards)]?.push(at);
    const calls = shards.flatMap(({ name }, i) => {
      const ofShard = members[i] ?? [];
      return ofShard.length === 0 ? [] : [call(this.parts.shardOf(owner, name), ofShard)];
    });
    const answers = await Promise.allSettled(calls);
    return answers.flatMap((answer) => {
      if (answer.status === 'fulfilled') return [answer.value];
      this.parts.onFailure();
      return [];
    });
  }
}

const nameOf = (digest: string, shards: readonly Shard[]): string | undefined => shards[rendezvousShard(digest, shards)]?.name;

/** Keeps work running after the call that began it has been answered. */
export type Background = (work: Promise<unknown>) => void;
