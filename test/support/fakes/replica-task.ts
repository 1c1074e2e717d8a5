/** A task for the test Worker around one shard and its replicas. */
export interface ReplicaTask {
  readonly kind: 'fill' | 'search' | 'copy' | 'state' | 'remove' | 'fetch';
  readonly dimensions: number;
  readonly count: number;
  readonly from?: number;
  /** The number of the replica to search; without it, the shard is searched. */
  readonly replica?: number;
  /** Stored as metadata of the vectors written. */
  readonly round?: number;
  /** The LSN that a replica must have reached before it answers. */
  readonly lsn?: number;
}
