/** A read replica of one of an index's shards. */
export interface ShardReplica {
  readonly shard: number;
  /** Counts the replicas that the shard ever had: part of the object's name. */
  readonly replica: number;
  /** Where it was asked to be: a location hint of Cloudflare; null anywhere. */
  readonly location: string | null;
}

/** One of the objects that can answer for a shard: itself, or a replica. */
export interface ShardMember {
  readonly shard: number;
  readonly replica: number | null;
}

/** The object name of a shard's replica, given that of the shard. */
export const replicaName = (shardName: string, replica: number): string => `${shardName}:r${replica}`;
