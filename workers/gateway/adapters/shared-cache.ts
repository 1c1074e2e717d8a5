import type { EmbeddingCacheObject } from '../../../durable-objects/embedding-cache-object.ts';
import { rendezvousShard } from '../../../src/cache/rendezvous-shard.ts';
import type { NewVector, StoredVectors } from '../../../src/cache/stored-vector.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import type { FoundVector, SecondLevel } from '../../../src/gateway/second-level.ts';
import type { TenantId } from '../../../src/kernel/ids.ts';
import { within } from './within.ts';

/** One call to each shard that holds some of the digests; a shard that fails is as good as empty. */
export class SharedCache implements SecondLevel {
  readonly #namespace: DurableObjectNamespace<EmbeddingCacheObject>;
  readonly #onFailure: () => void;

  constructor(namespace: DurableObjectNamespace<EmbeddingCacheObject>, onFailure: () => void) {
    this.#namespace = namespace;
    this.#onFailure = onFailure;
  }

  async get(tenantId: TenantId, contractHash: string, digests: readonly string[]): Promise<readonly FoundVector[]> {
    const found = await this.#eachShard(tenantId, digests, async (shard, members): Promise<FoundVector[]> => {
      const asked = members.map((at) => digests[at] ?? '');
      const { entries, vectors }: StoredVectors = await shard.get(contractHash, asked);
      const dimensions = vectors.length / Math.max(1, entries.length);
      return entries.map(({ at, position, ageMs, ttlMs }, row) => {
        const vector = vectors.slice(row * dimensions, (row + 1) * dimensions);
        return { at: members[at] ?? -1, position, ageMs, ttlMs, vector };
      });
    });
    return found.flat();
  }

  async put(tenantId: TenantId, contractHash: string, entries: readonly NewVector[], vectors: Float32Array<ArrayBuffer>): Promise<void> {
    const dimensions = vectors.length / entries.length;
    const digests = entries.map(({ digest }) => digest);
    await this.#eachShard(tenantId, digests, async (shard, members) => {
      const rows = new Float32Array(members.length * dimensions);
      members.forEach((at, row) => rows.set(vectors.subarray(at * dimensions, (at + 1) * dimensions), row * dimensions));
      await shard.put(
        contractHash,
        members.flatMap((at) => entries[at] ?? []),
        rows,
      );
    });
  }

  async #eachShard<T>(
    tenantId: TenantId,
    digests: readonly string[],
    call: (shard: DurableObjectStub<EmbeddingCacheObject>, members: readonly number[]) => Promise<T>,
  ): Promise<T[]> {
    const members: number[][] = Array.from({ length: LIMITS.cacheShardsPerTenantCount }, () => []);
    digests.forEach((digest, at) => members[rendezvousShard(digest, members.length)]?.push(at));
    const calls = members.flatMap((ofShard, shard) => {
      if (ofShard.length === 0) return [];
      const stub = this.#namespace.get(this.#namespace.idFromName(`${tenantId}:${shard}`));
      return [within(call(stub, ofShard), LIMITS.controlTimeoutMs)];
    });
    const answers = await Promise.allSettled(calls);
    return answers.flatMap((answer) => {
      if (answer.status === 'fulfilled') return [answer.value];
      this.#onFailure();
      return [];
    });
  }
}
