import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import { ShardEngine } from '../../../src/ann/shard/shard-engine.ts';
import { SelectionCache } from '../../../src/ann/filter/selection.ts';
import type { AccessMode } from '../../../src/ann/access-mode.ts';
import { followerWith } from '../../../src/ann/access-mode.ts';
import type { FeedCursor, ReceiptCursor, GenerationCall, Generations } from '../../../src/index/generations/generation-state.ts';
import { NO_GENERATIONS } from '../../../src/index/generations/generation-state.ts';
import { ShardAccess } from '../../../src/ann/shard/shard-access.ts';
import { transition } from '../../../src/index/generations/transition.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import { tellChanges } from '../../../src/ann/replication/changes.ts';
import type {
  ShardDelete,
  ShardFetch,
  ShardList,
  ShardNamespaces,
  ShardQuery,
  ShardSample,
  UpsertBatch,
} from '../../../src/ann/shard-protocol.ts';
import { Shard } from '../../../src/ann/shard/shard.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import type { Budget } from '../../../src/gateway/tenancy/budget.ts';
import type { FeedPage, FollowedShards } from '../../../src/gateway/indexes/generations/change-feed.ts';
import type { GenerationStore } from '../../../src/gateway/indexes/generations/generation-store.ts';
import { GenerationWork } from '../../../src/gateway/indexes/generations/generation-work.ts';
import type { IndexShards } from '../../../src/index/shards/index-shards.ts';
import { ManifestCache } from '../../../src/gateway/indexes/manifest-cache.ts';
import type { TextEmbedder } from '../../../src/gateway/embeddings/text-embedder.ts';
import { FieldSpace } from '../../../src/gateway/vectors/field-space.ts';
import { VectorSpace } from '../../../src/gateway/vectors/vector-space.ts';
import { Vectors } from '../../../src/gateway/vectors/vectors.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import { principal } from './memory-cache-world.ts';
import { NodeSql } from '../fakes/node-sql.ts';
import type { Seeded } from '../../../src/kernel/seeded.ts';
import { smallFloor } from './shard-world.ts';
import { IN_FORCE } from '../fakes/in-force.ts';
import { indexShards } from '../fakes/index-shards.ts';
import { servedRows } from '../fakes/served-rows.ts';

/** The driver was killed: its pending calls are never answered. */
export class Killed extends Error {}

export const TENANT = principal('tn_one', { organisationId: 'org_one', projectId: 'prj_one', keyId: 'key_one', owner: 'tests' });

const LENGTHS: Record<string, number> = { first: 2, second: 3 };

/** The vector that this world's models make of a text: the first model uses two numbers of its hash, the second three. */
export function vectorOfText(model: string, text: string): number[] {
  let hash = model.length;
  for (const char of text) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) | 0;
  return Array.from({ length: LENGTHS[model] ?? 2 }, (_, i) => ((hash >> (i * 5)) & 31) + 1);
}

interface LiveShard {
  readonly store: VectorStore;
  readonly shard: Shard;
  readonly access: ShardAccess;
}

/**
 * An index with its generations over real shards in memory, several gateways that cache manifests, and a worker that builds and switches
 * generations and is killed at random calls. Each call waits a random time, so that all of them interleave.
 */
export class GenerationWorld {
  readonly #random: Seeded;
  readonly #floor = smallFloor(1 << 24);
  readonly #shards = new Map<string, LiveShard>();
  readonly #killShare: number;
  state: Generations;
  kills = 0;
  moved = 0;
  nowMs = 1_000_000;
  readonly billed = new Map<string, number>();
  readonly embedder: TextEmbedder;

  constructor(random: Seeded, manifest: IndexManifest, killShare: number) {
    this.#random = random;
    this.#killShare = killShare;
    this.state = { ...NO_GENERATIONS, serving: manifest };
    this.open(manifest);
    this.embedder = {
      contractOf: async (_, id) => ok({ id, contractHash: `hash-${id}`, dimensions: LENGTHS[id] ?? 2, version: '1' }),
      embed: async ({ model, texts }) => {
        await this.#turn();
        const vectors = Float32Array.from(texts.flatMap((text) => vectorOfText(model, text)));
        return ok({ vectors, dimensions: LENGTHS[model] ?? 2, contractHash: '', tokens: texts.length, cut: [], cachedTokens: 0 });
      },
    };
  }

  open({ id: indexId, dimensions, metric }: IndexManifest): void {
    if (!this.#shards.has(indexId)) {
      const store = new VectorStore(new NodeSql());
      const engine = new ShardEngine(this.#floor, indexId, store);
      this.#shards.set(indexId, {
        store,
        shard: new Shard(store, engine, indexId, new SelectionCache(1 << 16)),
        access: new ShardAccess(store),
      });
    }
    this.shardOf(indexId).shard.open({ indexId, dimensions, metric });
  }

  shardOf(indexId: IndexId): LiveShard {
    return must(this.#shards.get(indexId), `${indexId} was opened`);
  }

  /** A gateway with a manifest cache of its own. */
  gateway(): Vectors {
    const directory = { describe: () => this.#later(() => ok(this.state.serving)) } as unknown as ConstructorParameters<
      typeof ManifestCache
    >[0];
    const manifests = new ManifestCache(directory, { nowMs: () => this.nowMs }, () => this.#turn(5));
    const shards = this.#port((work) => this.#later(work));
    return new Vectors({
      manifests,
      shards,
      space: new VectorSpace(this.embedder),
      fields: new FieldSpace(this.embedder),
      served: servedRows(),
    });
  }

  /** A worker; every call it makes may kill it. */
  worker(): GenerationWork {
    const mortal = async <T>(work: () => T): Promise<T> => {
      await this.#turn();
      const dies = this.#random.next() < this.#killShare;
      // It dies before the call, or after it with the answer lost.
      if (dies && this.#random.next() < 0.5) this.#die();
      const answer = work();
      if (dies) this.#die();
      await this.#turn();
      return answer;
    };
    const budget: Budget = {
      rates: () => [],
      reserve: async () =>
        ok({
          extend: async () => ok(undefined),
          settle: ({ embedding_tokens: tokens = 0 }, { usageId }) => {
            if (usageId !== undefined && !this.billed.has(usageId)) this.billed.set(usageId, tokens);
            return 0;
          },
        }),
    };
    const shards = this.#port(mortal);
    return new GenerationWork({
      store: this.#store(mortal),
      followed: this.#followed(mortal),
      shards,
      embedder: this.embedder,
      budget,
      clock: { nowMs: () => this.nowMs },
      authorityOf: () => IN_FORCE,
    });
  }

  #die(): never {
    this.kills += 1;
    throw new Killed();
  }

  async #turn(most = 3): Promise<void> {
    for (let turns = Math.floor(this.#random.next() * most); turns >= 0; turns -= 1) await Promise.resolve();
  }

  async #later<T>(work: () => T): Promise<T> {
    await this.#turn();
    const answer = work();
    await this.#turn();
    return answer;
  }

  #port(run: <T>(work: () => T) => Promise<T>): IndexShards {
    const at = ({ id }: IndexManifest) => this.shardOf(id).shard;
    return indexShards({
      upsert: (manifest: IndexManifest, batch: UpsertBatch) => run(() => this.#noted(at(manifest).upsert(batch, this.nowMs))),
      query: (manifest: IndexManifest, query: ShardQuery) => run(() => this.#noted(at(manifest).query(query))),
      fetch: (manifest: IndexManifest, fetch: ShardFetch) => run(() => this.#noted(at(manifest).fetch(fetch))),
      list: (manifest: IndexManifest, list: ShardList) => run(() => at(manifest).list({ ...list, limit: Math.min(list.limit, 5) })),
      namespaces: (manifest: IndexManifest, page: ShardNamespaces) => run(() => at(manifest).namespaces(page)),
      delete: (manifest: IndexManifest, deletion: ShardDelete) => run(() => this.#noted(at(manifest).delete(deletion))),
      sample: (manifest: IndexManifest, sample: ShardSample) => run(() => at(manifest).sample(sample)),
      stats: (manifest: IndexManifest) => run(() => at(manifest).stats({ indexId: manifest.id })),
    });
  }

  /** Counts the calls refused because the index was switching generations. */
  #noted<T>(outcome: Outcome<T>): Outcome<T> {
    this.moved += Number(!outcome.ok && outcome.error.code === 'index_moving');
    return outcome;
  }

  #followed(run: <T>(work: () => T) => Promise<T>): FollowedShards {
    return {
      begin: (manifest, before) =>
        run((): Outcome<FeedCursor> => {
          const cursor = this.shardOf(manifest.id).access.followedFrom(manifest.id, before?.['0']?.lsn ?? 0, this.nowMs);
          return cursor.ok ? ok({ 0: cursor.value }) : cursor;
        }),
      changes: (manifest, cursor) =>
        run((): Outcome<FeedPage | null> => {
          const { store } = this.shardOf(manifest.id);
          const answer = tellChanges(store, { indexId: manifest.id, after: must(cursor['0'], 'one shard'), countMax: 4 }, this.nowMs);
          if (!answer.ok) return answer;
          if (answer.value.kind === 'snapshot-needed') return ok(null);
          const { removed, upserted, next, isCleared, isComplete } = answer.value;
          const changed = { namespaces: [...removed.namespaces, ...upserted.namespaces], ids: [...removed.ids, ...upserted.ids] };
          return ok({ isCleared, changed, next: { 0: next }, isComplete });
        }),
      carryReceipts: ({ from, to, run: number }, after) =>
        run((): Outcome<ReceiptCursor> => {
          const page = this.shardOf(from.id).access.receiptsBehind(from.id, after?.['shard'] ?? 0, 3);
          if (!page.ok) return page;
          const adopted = this.shardOf(to.id).access.adoptReceipts({ indexId: to.id, caller: followerWith(number) }, page.value.receipts);
          return adopted.ok ? ok({ shard: page.value.next }) : adopted;
        }),
      count: (manifest, number) =>
        run((): Outcome<number> => {
          const stats = this.shardOf(manifest.id).shard.stats({ indexId: manifest.id, caller: followerWith(number) });
          return stats.ok ? ok(stats.value.count) : stats;
        }),
      setAccess: (manifest, mode: AccessMode, number) => run(() => this.shardOf(manifest.id).access.set(manifest.id, mode, number)),
    };
  }

  #store(run: <T>(work: () => T) => Promise<T>): GenerationStore {
    return { call: (_, __, call) => run(() => this.call(call)) };
  }

  /** Carries out a call as the object of the index does. */
  call(call: GenerationCall): Outcome<Generations> {
    const { shadow } = this.state;
    switch (call.kind) {
      case 'read':
        return ok(this.state);
      case 'begin':
        if (shadow !== null) return refuse('state_conflict', 'there is another');
        this.state = { ...this.state, version: this.state.version + 1, shadow: call.shadow };
        return ok(this.state);
      case 'change': {
        const changed = transition(this.state, call.version, call.event);
        if (changed.ok) this.state = changed.value;
        return changed;
      }
      case 'open': {
        if (shadow === null) return ok(this.state);
        this.open(shadow.manifest);
        const closed = this.shardOf(shadow.manifest.id).access.set(shadow.manifest.id, 'closed', call.run);
        return closed.ok ? ok(this.state) : closed;
      }
      case 'erase':
        if (shadow !== null) this.#shards.delete(shadow.manifest.id);
        this.state = { ...this.state, version: this.state.version + 1, shadow: null };
        return ok(this.state);
    }
  }
}
