import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import type { Addressed } from '../../../src/ann/access-mode.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import { shardName } from '../../../src/index/index-manifest.ts';
import type { ReadConsistency } from '../../../src/ann/replication/read-consistency.ts';
import type {
  Counted,
  Deleted,
  ListedVectors,
  NamespacePage,
  Patched,
  RecallSlice,
  SampledIds,
  ShardCount,
  ShardDelete,
  ShardFetch,
  ShardList,
  ShardMatches,
  ShardNamespaces,
  ShardPatch,
  ShardQuery,
  ShardRecall,
  ShardSample,
  ShardStats,
  ShardVectors,
  UpsertBatch,
  Written,
} from '../../../src/ann/shard-protocol.ts';
import type { ShardReadMethods, ShardWriteMethods } from '../../../src/ann/shard-operations.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { Authority } from '../../../src/contract/write-lease.ts';
import { underAuthority } from '../../../src/contract/write-lease.ts';
import type { Reading } from '../../../src/index/fan-out/reading.ts';
import type { ShardReads } from '../../../src/index/fan-out/shard-reads.ts';
import type { IndexShards } from '../../../src/index/shards/index-shards.ts';
import { ask } from './ask.ts';

interface ShardStub extends ShardReadMethods, ShardWriteMethods {
  lsn(of: Addressed): Promise<Outcome<number>>;
  stats(of: Addressed): Promise<Outcome<ShardStats>>;
}

const UNREACHABLE = 'the shard of the index cannot be reached';
const UNSURE = 'the write may not have been applied: repeat it';

/** The shards behind their Durable Objects, one an index. */
export class DurableShards implements IndexShards {
  readonly #namespace: DurableObjectNamespace<ShardObject>;

  readonly #reads: ShardReads;

  constructor(namespace: DurableObjectNamespace<ShardObject>, reads: ShardReads) {
    this.#namespace = namespace;
    this.#reads = reads;
  }

  upsert(manifest: IndexManifest, batch: UpsertBatch, authority: Authority | null): Promise<Outcome<Written>> {
    return underAuthority(authority, (lease) => ask(UNSURE, () => this.#of(manifest).upsert(batch, lease)));
  }

  query(manifest: IndexManifest, query: ShardQuery, reading?: Reading): Promise<Outcome<ShardMatches>> {
    return this.#reads.query(manifest, query, reading);
  }

  fetch(manifest: IndexManifest, fetch: ShardFetch, consistency?: ReadConsistency): Promise<Outcome<ShardVectors>> {
    return this.#reads.fetch(manifest, fetch, consistency);
  }

  list(manifest: IndexManifest, list: ShardList): Promise<Outcome<ListedVectors>> {
    return ask(UNREACHABLE, () => this.#of(manifest).listVectors(list));
  }

  namespaces(manifest: IndexManifest, page: ShardNamespaces): Promise<Outcome<NamespacePage>> {
    return ask(UNREACHABLE, () => this.#of(manifest).namespaces(page));
  }

  count(manifest: IndexManifest, count: ShardCount): Promise<Outcome<Counted>> {
    return ask(UNREACHABLE, () => this.#of(manifest).countVectors(count));
  }

  patch(manifest: IndexManifest, patch: ShardPatch, authority: Authority | null): Promise<Outcome<Patched>> {
    return underAuthority(authority, (lease) => ask(UNSURE, () => this.#of(manifest).patchVectors(patch, lease)));
  }

  delete(manifest: IndexManifest, deletion: ShardDelete, authority: Authority | null): Promise<Outcome<Deleted>> {
    return underAuthority(authority, (lease) => ask(UNSURE, () => this.#of(manifest).deleteVectors(deletion, lease)));
  }

  lsn(manifest: IndexManifest): Promise<Outcome<number>> {
    return ask(UNREACHABLE, () => this.#of(manifest).lsn({ indexId: manifest.id }));
  }

  stats(manifest: IndexManifest): Promise<Outcome<ShardStats>> {
    return ask(UNREACHABLE, () => this.#of(manifest).stats({ indexId: manifest.id }));
  }

  sample(manifest: IndexManifest, sample: ShardSample): Promise<Outcome<SampledIds>> {
    return ask(UNREACHABLE, () => this.#of(manifest).sample(sample));
  }

  measureRecall(manifest: IndexManifest, recall: ShardRecall): Promise<Outcome<RecallSlice>> {
    return ask(UNREACHABLE, () => this.#of(manifest).measureRecall(recall));
  }

  #of(manifest: IndexManifest): ShardStub {
    return this.#namespace.getByName(shardName(manifest));
  }
}
