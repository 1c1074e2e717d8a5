/** What the Worker of `npm run bench -- hot-shard` is told to do. */
export interface HotShardTask {
  readonly kind: 'fill' | 'search' | 'copy' | 'state';
  readonly dimensions: number;
  readonly count: number;
  readonly from?: number;
  /** Whom to search: the shard, or its replica of that number. */
  readonly replica?: number;
}
