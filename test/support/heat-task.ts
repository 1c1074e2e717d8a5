/** What the Worker beside the gateway is told to do with an index: it reads its first shard so many times, and tells of its replicas. */
export interface HeatTask {
  readonly tenant: string;
  readonly name: string;
  readonly indexId: string;
  readonly calls: number;
}

export interface ReplicaStanding {
  readonly shard: number;
  /** Null while it copies. */
  readonly completeLsn: number | null;
  /** What it answered lately. */
  readonly sharable: number;
}
