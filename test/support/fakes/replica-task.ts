/** What the Worker around one shard and its replicas is told to do. */
export interface ReplicaTask {
  readonly kind: 'fill' | 'search' | 'copy' | 'state' | 'remove' | 'fetch';
  readonly dimensions: number;
  readonly count: number;
  readonly from?: number;
  /** Whom to search: the shard, or its replica of that number. */
  readonly replica?: number;
  /** Of what is written: its metadata. */
  readonly round?: number;
  /** What a replica has to have before it answers. */
  readonly lsn?: number;
}
