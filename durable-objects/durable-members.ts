import type { IndexManifest, ShardMember } from '../src/index/index-manifest.ts';
import { shardName, replicaName } from '../src/index/index-manifest.ts';
import type { ReadConsistency } from '../src/ann/replication/read-consistency.ts';
import type {
  CountedTerms,
  ShardFetch,
  ShardFieldSearch,
  ShardMatches,
  ShardQuery,
  ShardStatistics,
  ShardVectors,
} from '../src/ann/shard-protocol.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { MemberReads } from '../src/index/fan-out/shard-reads.ts';
import { ok } from '../src/kernel/result.ts';
import { reach } from './platform-fault.ts';
import type { ReplicaObject } from './replica-object.ts';
import type { ShardObject } from './shard-object.ts';

/** What the objects do; a shard itself is strong whatever it is asked for. */
interface MemberStub {
  query(query: ShardQuery, consistency?: ReadConsistency): Promise<Outcome<ShardMatches>>;
  queryAll(queries: readonly ShardQuery[], consistency: ReadConsistency): Promise<Outcome<ShardMatches>[]>;
  fetchVectors(fetch: ShardFetch, consistency: ReadConsistency): Promise<Outcome<ShardVectors>>;
  searchFields(search: ShardFieldSearch, consistency: ReadConsistency): Promise<Outcome<ShardMatches>>;
  termStatistics(asked: ShardStatistics, consistency: ReadConsistency): Promise<Outcome<CountedTerms>>;
}

/** The objects that answer reads, in the shards Worker. */
export interface MembersEnv {
  readonly SHARD: DurableObjectNamespace<ShardObject>;
  readonly REPLICA: DurableObjectNamespace<ReplicaObject>;
}

/** Shards and replicas behind their Durable Objects. */
export class DurableMembers implements MemberReads {
  readonly #env: MembersEnv;

  constructor(env: MembersEnv) {
    this.#env = env;
  }

  query(manifest: IndexManifest, member: ShardMember, query: ShardQuery, consistency: ReadConsistency): Promise<Outcome<ShardMatches>> {
    const stub = this.#of(manifest, member);
    return reach(() => (consistency.kind === 'strong' ? stub.query(query) : stub.query(query, consistency)));
  }

  queryAll(
    manifest: IndexManifest,
    member: ShardMember,
    queries: readonly ShardQuery[],
    consistency: ReadConsistency,
  ): Promise<Outcome<readonly Outcome<ShardMatches>[]>> {
    return reach(async () => ok(await this.#of(manifest, member).queryAll(queries, consistency)));
  }

  fetch(manifest: IndexManifest, member: ShardMember, fetch: ShardFetch, consistency: ReadConsistency): Promise<Outcome<ShardVectors>> {
    return reach(() => this.#of(manifest, member).fetchVectors(fetch, consistency));
  }

  searchFields(
    manifest: IndexManifest,
    member: ShardMember,
    search: ShardFieldSearch,
    consistency: ReadConsistency,
  ): Promise<Outcome<ShardMatches>> {
    return reach(() => this.#of(manifest, member).searchFields(search, consistency));
  }

  termStatistics(
    manifest: IndexManifest,
    member: ShardMember,
    asked: ShardStatistics,
    consistency: ReadConsistency,
  ): Promise<Outcome<CountedTerms>> {
    return reach(() => this.#of(manifest, member).termStatistics(asked, consistency));
  }

  #of(manifest: IndexManifest, { shard, replica }: ShardMember): MemberStub {
    const name = shardName(manifest, shard);
    return replica === null ? this.#env.SHARD.getByName(name) : this.#env.REPLICA.getByName(replicaName(name, replica));
  }
}
