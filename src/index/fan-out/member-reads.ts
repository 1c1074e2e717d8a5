import type { IndexManifest } from '../index-manifest.ts';
import type { ReadConsistency } from '../../ann/replication/read-consistency.ts';
import type { ShardMember } from '../replicas/shard-member.ts';
import type { ShardFetch, ShardMatches, ShardQuery, ShardVectors } from '../../ann/shard-protocol.ts';
import type { Outcome } from '../../contract/outcome.ts';

/** Reads of one object: a shard, or a replica, which refuses with `unavailable` what it lacks. */
export interface MemberReads {
  query(manifest: IndexManifest, member: ShardMember, query: ShardQuery, consistency: ReadConsistency): Promise<Outcome<ShardMatches>>;
  fetch(manifest: IndexManifest, member: ShardMember, fetch: ShardFetch, consistency: ReadConsistency): Promise<Outcome<ShardVectors>>;
}
