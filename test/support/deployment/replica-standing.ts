/** An index whose first shard is watched on behalf of the test, so that it gets a replica. */
export interface WatchedIndex {
  readonly tenant: string;
  readonly name: string;
  readonly indexId: string;
}

/** The state of one replica of the index. */
export interface ReplicaStanding {
  readonly shard: number;
  /** The LSN up to which it has everything; null while it copies. */
  readonly completeLsn: number | null;
  /** The load of the reads it answered recently. */
  readonly sharable: number;
}
