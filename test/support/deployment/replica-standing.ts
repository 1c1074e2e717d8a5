/** An index whose first shard the Worker beside the gateway has watched, so that it gets a replica. */
export interface WatchedIndex {
  readonly tenant: string;
  readonly name: string;
  readonly indexId: string;
}

/** How a replica of it stands. */
export interface ReplicaStanding {
  readonly shard: number;
  /** Null while it copies. */
  readonly completeLsn: number | null;
  /** What it answered lately. */
  readonly sharable: number;
}
